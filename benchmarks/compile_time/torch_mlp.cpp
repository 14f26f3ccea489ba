// gradus_mlp.cpp in libtorch.
#include <torch/torch.h>

#include <cstdio>

int main() {
    torch::nn::Sequential net(torch::nn::Linear(2, 16), torch::nn::ReLU(), torch::nn::Linear(16, 2));
    const torch::Tensor x = torch::rand({256, 2});
    const torch::Tensor y = (x.select(1, 0) * x.select(1, 1) > 0.25).to(torch::kLong);
    torch::optim::Adam adam(net->parameters(), 1e-2);
    for (int epoch = 0; epoch < 20; ++epoch) {
        adam.zero_grad();
        const torch::Tensor loss = torch::nn::functional::cross_entropy(net->forward(x), y);
        loss.backward();
        adam.step();
        std::printf("%f\n", loss.item<double>());
    }
}

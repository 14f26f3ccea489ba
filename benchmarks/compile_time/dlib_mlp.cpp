// gradus_mlp.cpp in dlib.
#include <dlib/dnn.h>

#include <cstdio>
#include <vector>

using Net = dlib::loss_multiclass_log<dlib::fc<2, dlib::relu<dlib::fc<16, dlib::input<dlib::matrix<float>>>>>>;

int main() {
    std::vector<dlib::matrix<float>> x;
    std::vector<unsigned long> y;
    for (int i = 0; i < 256; ++i) {
        dlib::matrix<float> row(2, 1);
        row(0) = static_cast<float>(i % 16) / 16;
        row(1) = static_cast<float>(i / 16) / 16;
        x.push_back(row);
        y.push_back(row(0) * row(1) > 0.25f);
    }
    Net net;
    dlib::dnn_trainer<Net, dlib::adam> trainer(net);
    trainer.set_max_num_epochs(20);
    trainer.train(x, y);
    std::printf("%lu\n", net(x[0]));
}

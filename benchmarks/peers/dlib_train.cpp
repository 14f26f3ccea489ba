// dlib's training throughput: dlib_train WORKLOAD SECONDS, mlp_small or mlp_mnist; threads by OPENBLAS_NUM_THREADS.
//
//     c++ -O3 -march=native -std=c++17 -DDLIB_USE_BLAS dlib_train.cpp -o dlib_train \
//         -lopenblas $(pkg-config --cflags --libs dlib-1)
//
// dlib learns from vectors of matrices and hands each mini-batch to a thread of its trainer; a window ends when that
// thread has finished.
#include "../openblas_core.hpp"
#include "common.hpp"

#include <dlib/dnn.h>
#include <dlib/revision.h>

extern "C" char* openblas_get_corename();

namespace {

constexpr std::size_t batches = 8;

template <int Units, class Input> using hidden = dlib::relu<dlib::fc<Units, Input>>;
template <int Units> using mlp =
    dlib::loss_multiclass_log<dlib::fc<10, hidden<Units, hidden<Units, dlib::input<dlib::matrix<float>>>>>>;

template <class Net> void train(const char* workload, long features, std::size_t batch, double seconds) {
    std::vector<std::vector<dlib::matrix<float>>> x(batches);
    std::vector<std::vector<unsigned long>> y(batches);
    dlib::rand random(1);
    for (std::size_t b = 0; b < batches; ++b)
        for (std::size_t i = 0; i < batch; ++i) {
            dlib::matrix<float> row(features, 1);
            for (long j = 0; j < features; ++j) row(j) = static_cast<float>(random.get_random_gaussian());
            x[b].push_back(row);
            y[b].push_back(random.get_random_32bit_number() % 10);
        }

    Net net;
    dlib::dnn_trainer<Net, dlib::adam> trainer(net, dlib::adam(0, 0.9f, 0.999f));
    trainer.set_learning_rate(1e-3);
    trainer.set_learning_rate_shrink_factor(1); // or it would search its losses for progress
    std::size_t steps = 0;
    const auto step = [&] {
        trainer.train_one_step(x[steps % batches], y[steps % batches]);
        ++steps;
    };
    const auto wait = [&] { trainer.get_net(dlib::force_flush_to_disk::no); };

    const std::string version = "dlib " + std::to_string(DLIB_MAJOR_VERSION) + "." +
                                std::to_string(DLIB_MINOR_VERSION) + ", OpenBLAS for " + openblas_get_corename();
    measure(version, workload, batch, seconds, 20, step, wait);
}

} // namespace

int main(int argc, char** argv) {
    prefer_openblas_core(openblas_get_corename(), argv);
    const auto [workload, seconds] = Request(argc, argv);
    if (workload == "mlp_small") {
        train<mlp<64>>("mlp_small", 20, 32, seconds);
    } else if (workload == "mlp_mnist") {
        train<mlp<512>>("mlp_mnist", 784, 128, seconds);
    } else {
        std::fprintf(stderr, "usage: dlib_train mlp_small|mlp_mnist [SECONDS]\n");
        return 2;
    }
}

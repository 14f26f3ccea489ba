// RLtools' training throughput: rltools_train WORKLOAD SECONDS, mlp_small or mlp_mnist; threads by
// OPENBLAS_NUM_THREADS.
//
//     c++ -O3 -ffast-math -march=native -std=c++17 -DRLTOOLS_VERSION='"2.2.1"' -IRLTOOLS/include \
//         rltools_train.cpp -o rltools_train -lopenblas
//
// Its headers come with the Python package rltools. Every size is a template argument there; no value of the loss is
// computed, only its gradient.
#define RL_TOOLS_BACKEND_ENABLE_OPENBLAS
#include <rl_tools/operations/cpu_mux.h>

#include <rl_tools/nn/optimizers/adam/instance/operations_generic.h>

#include <rl_tools/nn/operations_cpu_mux.h>

#include <rl_tools/nn_models/mlp/operations_generic.h>

#include <rl_tools/nn/loss_functions/categorical_cross_entropy/operations_generic.h>
#include <rl_tools/nn/optimizers/adam/operations_generic.h>

#include "../openblas_core.hpp"
#include "common.hpp"
#include <array>
#include <memory>
#include <random>

extern "C" char* openblas_get_corename();

namespace {

namespace rlt = RL_TOOLS_NAMESPACE_WRAPPER ::rl_tools;
using Device = rlt::devices::DEVICE_FACTORY<>;
using Size = Device::index_t;
using Policy = rlt::numeric_types::Policy<float>;
using Optimizer = rlt::nn::optimizers::Adam<rlt::nn::optimizers::adam::Specification<Policy, Size>>;
template <Size Rows, Size Columns> using Matrix = rlt::Matrix<rlt::matrix::Specification<float, Size, Rows, Columns>>;
template <Size Rows> using Classes = rlt::Matrix<rlt::matrix::Specification<Size, Size, Rows, 1>>;

constexpr Size batches = 8, classes = 10;

/// Two hidden layers of Units with relu, ten logits.
template <Size Features, Size Units, Size Batch> void train(const char* workload, double seconds) {
    using Configuration =
        rlt::nn_models::mlp::Configuration<Policy, Size, classes, 3, Units,
                                           rlt::nn::activation_functions::ActivationFunction::RELU,
                                           rlt::nn::activation_functions::ActivationFunction::IDENTITY>;
    using Model =
        rlt::nn_models::mlp::NeuralNetwork<Configuration, rlt::nn::capability::Gradient<rlt::nn::parameters::Adam>,
                                           rlt::tensor::Shape<Size, Batch, Features>>;

    Device device;
    Device::SPEC::RANDOM::ENGINE<> rng;
    rlt::init(device);
    rlt::malloc(device, rng);
    rlt::init(device, rng, 1);

    std::array<Matrix<Batch, Features>, batches> x;
    std::array<Classes<Batch>, batches> y;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (Size b = 0; b < batches; ++b) {
        rlt::malloc(device, x[b]);
        rlt::malloc(device, y[b]);
        for (Size i = 0; i < Batch; ++i) {
            for (Size j = 0; j < Features; ++j) rlt::set(x[b], i, j, normal(random));
            rlt::set(y[b], i, 0, static_cast<Size>(random() % classes));
        }
    }

    const auto model = std::make_unique<Model>();
    typename Model::template Buffer<> buffer;
    Optimizer optimizer;
    Matrix<Batch, classes> gradient;
    rlt::malloc(device, *model);
    rlt::malloc(device, buffer);
    rlt::malloc(device, optimizer);
    rlt::malloc(device, gradient);
    rlt::init_weights(device, *model, rng);
    rlt::reset_optimizer_state(device, optimizer, *model);

    std::size_t steps = 0;
    const auto step = [&] {
        auto& inputs = x[steps % batches];
        rlt::forward(device, *model, inputs, buffer, rng);
        rlt::nn::loss_functions::categorical_cross_entropy::gradient(device, model->output_layer.output,
                                                                     y[steps % batches], gradient);
        rlt::zero_gradient(device, *model);
        rlt::backward(device, *model, inputs, gradient, buffer);
        rlt::step(device, optimizer, *model);
        ++steps;
    };

    const std::string version = std::string("RLtools " RLTOOLS_VERSION ", OpenBLAS for ") + openblas_get_corename();
    measure(version, workload, Batch, seconds, 20, step, [] {});
}

} // namespace

int main(int argc, char** argv) {
    prefer_openblas_core(openblas_get_corename(), argv);
    const auto [workload, seconds] = Request(argc, argv);
    if (workload == "mlp_small") {
        train<20, 64, 32>("mlp_small", seconds);
    } else if (workload == "mlp_mnist") {
        train<784, 512, 128>("mlp_mnist", seconds);
    } else {
        std::fprintf(stderr, "usage: rltools_train mlp_small|mlp_mnist [SECONDS]\n");
        return 2;
    }
}

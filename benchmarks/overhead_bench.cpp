// What a step costs beside its arithmetic: mlp_small (20 - 64 relu - 64 relu - 10, batch 32, Adam) on one thread, as
// the bare kernels in a row on memory of their own, by forward, loss, backward and step, by train_on_batch with a
// metric, and by fit with metric and progress bar. Rounds in turn; microseconds of a step are medians.
#include <gradus/gradus.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <streambuf>
#include <string>
#include <vector>

namespace {

using namespace gradus;
using kernels::Transpose;
using Clock = std::chrono::steady_clock;

constexpr Index batch = 32, features = 20, units = 64, classes = 10, steps = 512;

struct Data {
    Tensor<float> x{Shape{steps * batch, features}};
    Tensor<std::int32_t> y{Shape{steps * batch}};
    Data() {
        initializers::random_normal(0, 1)(x.view(), Random(1, 0, Purpose::noise));
        const Random random(1, 0, Purpose::sample);
        for (Index i = 0; i < y.size(); ++i) y[i] = static_cast<std::int32_t>(random.below(0, i, classes));
    }
    View<const float> x_of(Index step) const { return {x.data() + step * batch * features, Shape{batch, features}}; }
    View<const std::int32_t> y_of(Index step) const { return {y.data() + step * batch, Shape{batch}}; }
};

// The step's kernels with the arguments that the model gives them, and nothing else.
class Bare {
public:
    Bare() {
        Index n = 0;
        for (Layer* l : {&a_, &b_, &c_}) {
            l->offset = n;
            n += (l->in + 1) * l->out;
        }
        for (auto* v : {&w_, &g_, &m_, &v_}) v->assign(static_cast<std::size_t>(n), 0);
        View<float> all(w_.data(), Shape{n});
        initializers::random_normal(0, 0.1)(all, Random(1, 1, Purpose::noise));
        workspace_.resize(static_cast<std::size_t>(
            kernels::matmul_workspace<float>(batch, units, units, Transpose::no, Transpose::yes)));
    }
    double step(const float* x, const std::int32_t* y) {
        forward(a_, x, a_.y.data(), activation::relu);
        forward(b_, a_.y.data(), b_.y.data(), activation::relu);
        forward(c_, b_.y.data(), c_.y.data(), activation::linear);
        kernels::activation_forward(c_.y.data(), c_.y.data(), activation::softmax, batch, classes);
        kernels::softmax_sparse_crossentropy(loss_, c_.dz.data(), c_.y.data(), y, batch, classes);
        const double sum = static_cast<double>(kernels::sum(loss_, batch));
        kernels::scale(c_.dz.data(), c_.dz.data(), 1.0f / batch, batch * classes);
        backward(c_, b_.y.data(), b_.dz.data());
        kernels::activation_backward(b_.dz.data(), b_.dz.data(), b_.y.data(), activation::relu, batch, units);
        backward(b_, a_.y.data(), a_.dz.data());
        kernels::activation_backward(a_.dz.data(), a_.dz.data(), a_.y.data(), activation::relu, batch, units);
        backward(a_, x, nullptr);
        for (const Layer* l : {&a_, &b_, &c_})
            for (const auto& [at, n] : {std::pair(l->offset, l->in * l->out), {l->offset + l->in * l->out, l->out}})
                kernels::adam_update(w_.data() + at, m_.data() + at, v_.data() + at, g_.data() + at,
                                     kernels::adam_step<float>(1e-3, 0.9, 0.999, 1e-7, t_), n);
        ++t_;
        return sum;
    }

private:
    struct Layer {
        Index in, out, offset = 0;
        std::vector<float> y = std::vector<float>(static_cast<std::size_t>(batch * out)), dz = y;
    };

    void forward(const Layer& l, const float* x, float* y, activation::Kind kind) {
        const float* const kernel = w_.data() + l.offset;
        kernels::matmul<float>(y, l.out, x, l.in, Transpose::no, kernel, l.out, Transpose::no, batch, l.out, l.in,
                               false, {.bias = kernel + l.in * l.out, .activation = kind}, workspace_.data());
    }
    void backward(const Layer& l, const float* x, float* dx) {
        float* const gradient = g_.data() + l.offset;
        kernels::matmul<float>(gradient, l.out, x, l.in, Transpose::yes, l.dz.data(), l.out, Transpose::no, l.in, l.out,
                               batch, false, {}, workspace_.data());
        kernels::column_sums(gradient + l.in * l.out, l.dz.data(), batch, l.out, false);
        if (dx)
            kernels::matmul<float>(dx, l.in, l.dz.data(), l.out, Transpose::no, w_.data() + l.offset, l.out,
                                   Transpose::yes, batch, l.in, l.out, false, {}, workspace_.data());
    }

    Layer a_{features, units}, b_{units, units}, c_{units, classes};
    std::vector<float> w_, g_, m_, v_, workspace_;
    float loss_[batch] = {};
    Index t_ = 1;
};

struct Nowhere : std::streambuf {
    int overflow(int c) override { return c; }
    std::streamsize xsputn(const char*, std::streamsize n) override { return n; }
};

Sequential<float> make_model(bool metric) {
    Sequential<float> model{Dense(units, relu), Dense(units, relu), Dense(classes, softmax)};
    CompileOptions<float> options{.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .seed = 1};
    if (metric) options.metrics = {Accuracy()};
    model.compile(options);
    return model;
}

struct Way {
    const char* name;
    std::vector<double> microseconds = {};
    double median() {
        std::sort(microseconds.begin(), microseconds.end());
        return microseconds[microseconds.size() / 2];
    }
};

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 41;
    set_threads(1);
    try {
        kernels::isa();
    } catch (const Error& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
    const Data data;
    Bare bare;
    Sequential<float> loop = make_model(false), on_batch = make_model(true), fitted = make_model(true);
    Nowhere buffer;
    std::ostream nowhere(&buffer);
    double sum = 0;

    Way ways[] = {{"kernels in a row"},
                  {"forward, loss, backward, step"},
                  {"train_on_batch, accuracy"},
                  {"fit, accuracy and progress bar"}};
    const auto measure = [](Way& way, const auto& epoch) {
        const auto start = Clock::now();
        epoch();
        way.microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count() / steps);
    };
    for (int round = 0; round < rounds; ++round) {
        measure(ways[0], [&] {
            for (Index i = 0; i < steps; ++i) sum += bare.step(data.x_of(i).data(), data.y_of(i).data());
        });
        measure(ways[1], [&] {
            for (Index i = 0; i < steps; ++i) {
                loop.forward(data.x_of(i));
                sum += loop.loss(data.y_of(i));
                loop.backward();
                loop.step();
            }
        });
        measure(ways[2], [&] {
            for (Index i = 0; i < steps; ++i) sum += on_batch.train_on_batch(data.x_of(i), data.y_of(i))["loss"];
        });
        measure(ways[3], [&] {
            fitted.fit(data.x, data.y,
                       {.batch_size = batch, .verbose = Verbose::bar, .shuffle = false, .output = &nowhere});
        });
    }
    const double least = ways[0].median();
    std::printf("| a step of mlp_small | us | beside the kernels |\n|---|---|---|\n");
    for (Way& way : ways)
        std::printf("| %s | %.2f | %.1f %% |\n", way.name, way.median(), 100 * (way.median() / least - 1));
    return sum == sum ? 0 : 1; // the sums keep the steps from being left out
}

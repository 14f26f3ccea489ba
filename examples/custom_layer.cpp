// A layer of one's own: written, proven by finite differences in one line, trained, saved and loaded.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>
#include <gradus/testing/check_layer.hpp>

#include "support/options.hpp"
#include "support/result.hpp"
#include "support/temporary_file.hpp"

#include <cmath>
#include <iostream>

using namespace gradus;

// y = x / (1 + exp(-x)), Ramachandran et al. 2017.
template <class T = float> class Swish : public Layer<Swish, T> {
public:
    std::string_view kind() const override { return "swish"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.backward_needs(build::Needs::input);
    }
    void forward(Run<T>& r) const override {
        const auto x = r.x(0);
        const auto y = r.y(0);
        for (Index i = 0; i < x.size(); ++i) y[i] = x[i] / (1 + std::exp(-x[i]));
    }
    void backward(Run<T>& r) const override {
        const auto x = r.x(0), dy = r.dy(0);
        const auto dx = r.dx(0);
        if (dx.empty()) return;
        for (Index i = 0; i < x.size(); ++i) {
            const T s = 1 / (1 + std::exp(-x[i]));
            dx[i] = dy.empty() ? T(0) : dy[i] * (s + x[i] * s * (1 - s));
        }
    }
};

int main(int argc, char** argv) {
    examples::Options options("Writes, proves, trains, saves and loads a layer", {.epochs = 40});
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] {
        set_threads(options.threads);
        const examples::Stopwatch watch;
        std::cout << "data: 2,000 points that this program draws itself (it has no use for --data)\n\n";

        check_layer<Swish>();
        std::cout << "check_layer<Swish>: gradients agree with finite differences\n";

        // Points in a disc belong to class 0, those in the ring around it to class 1.
        const Index n = 2000;
        Tensor<float> x({n, 2});
        Tensor<std::int32_t> y(Shape{n});
        initializers::random_uniform(-1, 1)(x.view(), Random(options.seed, 0, Purpose::sample));
        for (Index i = 0; i < n; ++i) y[i] = x(i, 0) * x(i, 0) + x(i, 1) * x(i, 1) > 0.5f;
        const auto [x_train, x_test, y_train, y_test] =
            train_test_split(x, y, {.test_size = 0.2, .seed = options.seed});

        Sequential model{Dense(32), Swish(), Dense(32), Swish(), Dense(2, softmax)};
        model.compile({.optimizer = Adam({.learning_rate = 1e-2}),
                       .loss = SparseCategoricalCrossentropy(),
                       .metrics = {Accuracy()},
                       .seed = options.seed});
        model.fit(x_train, y_train, {.batch_size = options.batch_size, .epochs = options.epochs});

        const examples::TemporaryFile file("gradus_custom_layer", ".safetensors");
        save(model, file.path());
        auto loaded = load(file.path(), {.layers = {layer<Swish>()}});
        const auto results = loaded.evaluate(x_test, y_test);
        std::cout << "saved, loaded, evaluated: fingerprint " << loaded.fingerprint()
                  << (loaded.fingerprint() == model.fingerprint() ? " as before\n" : " differs\n");
        examples::Result().add("test_accuracy", results["accuracy"]).add("seconds", watch.seconds()).print();
        return loaded.fingerprint() == model.fingerprint() ? 0 : 1;
    });
}

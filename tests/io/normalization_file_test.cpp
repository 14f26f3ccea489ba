// A Normalization in a model: in fit, predict and a Predictor, in copies, and saved.
#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include <algorithm>

using namespace gradus;

namespace {

/// Columns of very different sizes, and a target that depends on both.
Tensor<float> rows(Index n) {
    Tensor<float> x(Shape{n, 2});
    for (Index i = 0; i < n; ++i) {
        x(i, 0) = static_cast<float>(1000 + 300 * std::sin(0.7 * static_cast<double>(i)));
        x(i, 1) = static_cast<float>(0.001 * std::cos(1.3 * static_cast<double>(i)));
    }
    return x;
}
Tensor<std::int32_t> classes(const Tensor<float>& x) {
    Tensor<std::int32_t> y(Shape{x.shape()[0]});
    for (Index i = 0; i < y.size(); ++i) y[i] = (x(i, 0) - 1000) / 300 + x(i, 1) / 0.001f > 0;
    return y;
}
template <class M> void compile(M& model) {
    model.compile({.optimizer = Adam(0.02), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}, .seed = 1});
}
const FitOptions silent{.epochs = 12, .verbose = Verbose::silent};
template <class T> bool equal(const Tensor<T>& a, const Tensor<T>& b) {
    return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin());
}

} // namespace

TEST_CASE("Normalization learns for a model and is saved with it") {
    const TemporaryFolder folder;
    const auto x = rows(400);
    const auto y = classes(x);
    Normalization normalize;
    Sequential model{normalize, Dense(8, relu), Dense(1, sigmoid)};
    normalize.adapt(x);
    compile(model);
    model.fit(x, y, silent);
    CHECK(model.evaluate(x, y)["accuracy"] > 0.95);
    const auto p = model.predict(x);
    Predictor<float> predictor(model, {.batch = 400});
    Tensor<float> q(p.shape());
    predictor(x, q);
    CHECK(equal(p, q));

    save(model, folder / "m.safetensors");
    Model<float> loaded = load(folder / "m.safetensors");
    CHECK(equal(loaded.predict(x), p));
    loaded.fit(x, y, silent);
    Model<double> wide = load<double>(folder / "m.safetensors");
    const auto w = wide.predict(x);
    for (Index i = 0; i < w.size(); ++i) REQUIRE(std::abs(w[i] - p[i]) < 1e-4);

    // A clone keeps what it learned.
    const Model<float> clone = model.clone();
    normalize.adapt(rows(3));
    CHECK(!equal(model.predict(x), p));
    CHECK(equal(clone.predict(x), p));
}

TEST_CASE("Normalization on one of two inputs, and of pictures") {
    const auto x = rows(50);
    Normalization normalize;
    normalize.adapt(x);
    const Node a = input({dim::batch(), 2}), b = input({dim::batch(), 2});
    Model<float> model({a, b}, {normalize(a), Activation(relu)(b)});
    const auto outputs = model.predict_all({x, x});
    CHECK(outputs[0](7, 1) == (x(7, 1) - static_cast<float>(normalize.mean()[1])) *
                                  static_cast<float>(1 / std::sqrt(normalize.variance()[1])));
    CHECK(outputs[1](7, 0) == x(7, 0));

    Tensor<std::uint8_t> pictures(Shape{6, 4, 4, 1});
    for (Index i = 0; i < pictures.size(); ++i)
        pictures[i] = static_cast<std::uint8_t>(mix(static_cast<std::uint64_t>(i)));
    Normalization scale({.axis = {}});
    scale.adapt(pictures);
    Sequential image{scale};
    image.build({dim::batch(), 4, 4, 1});
    const auto z = image.predict(pictures);
    double sum = 0, squares = 0;
    for (const float v : z) sum += v, squares += v * v;
    CHECK(std::abs(sum / 96) < 1e-6);
    CHECK(std::abs(squares / 96 - 1) < 1e-5);

    // Nothing learned: an error, and the model waits.
    Normalization empty;
    Sequential waiting{empty, Dense(1, sigmoid)};
    compile(waiting);
    CHECK_THROWS_AS(waiting.fit(x, classes(x), silent), ValueError);
    empty.adapt(x);
    CHECK_NOTHROW(waiting.fit(x, classes(x), silent));
}

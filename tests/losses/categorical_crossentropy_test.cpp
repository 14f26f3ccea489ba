#include <gradus/losses/categorical_crossentropy.hpp>
#include <gradus/losses/sparse_categorical_crossentropy.hpp>
#include <gradus/testing/check_layer.hpp>

#include "errors.hpp"

using namespace gradus;
using namespace place;

namespace {

CheckOptions shapes(SymbolicShape shape, double low, double high) {
    return {.inputs = {{.shape = shape, .low = low, .high = high}, {.shape = shape, .low = 0, .high = 1}}};
}

// Probabilities, logits and one-hot targets of a few rows.
template <class T> struct Sample {
    explicit Sample(const Shape& shape) : z(shape), p(shape), target(shape, T(0)) {
        const Index classes = shape[-1], rows = z.size() / classes;
        for (Index r = 0; r < rows; ++r) {
            double sum = 0;
            for (Index c = 0; c < classes; ++c)
                sum += std::exp(double(z[r * classes + c] = T(std::sin(double(r * 7 + c)) * 3)));
            for (Index c = 0; c < classes; ++c) p[r * classes + c] = T(std::exp(double(z[r * classes + c])) / sum);
            target[r * classes + r * 5 % classes] = 1;
        }
    }
    Tensor<T> z, p, target;
};

template <class T> void check_below_softmax(const Shape& shape, double smoothing) {
    const Sample<T> s(shape);
    LossPlace<T> apart(CategoricalCrossentropy<T>({.label_smoothing = smoothing}), s.p, AnyView(s.target.view()));
    apart.forward();
    apart.backward();
    LossPlace<T> below(CategoricalCrossentropy<T>({.label_smoothing = smoothing}), s.p, AnyView(s.target.view()));
    below.forward(softmax);
    below.backward();
    LossPlace<T> logits(CategoricalCrossentropy<T>({.from_logits = true, .label_smoothing = smoothing}), s.z,
                        AnyView(s.target.view()));
    logits.forward();
    logits.backward();
    const double tolerance = sizeof(T) == 8 ? 1e-12 : 1e-5;
    CHECK(difference(below.loss, apart.loss) <= tolerance);
    CHECK(difference(below.loss, logits.loss) <= tolerance);
    CHECK(difference(below.dp, logits.dp) <= tolerance);
}

} // namespace

TEST_CASE("categorical_crossentropy equals Keras", "[losses]") {
    for (const char* name :
         {"probabilities", "not_normalised", "time", "logits", "time_logits", "smooth", "smooth_logits"}) {
        const bool from_logits = std::string_view(name).ends_with("logits");
        const double smoothing = std::string_view(name).starts_with("smooth") ? 0.1 : 0;
        check_golden(CategoricalCrossentropy({.from_logits = from_logits, .label_smoothing = smoothing}),
                     std::string("categorical/") + name);
    }
}

TEST_CASE("categorical_crossentropy has right gradients and keeps the contract", "[losses]") {
    for (const SymbolicShape& shape :
         {SymbolicShape{dim::batch(), 2}, {dim::batch(), 19}, {dim::batch(), dim::time(), 5}})
        for (double smoothing : {0.0, 0.2}) {
            check_layer(CategoricalCrossentropy({.label_smoothing = smoothing}), shapes(shape, 0.05, 0.95));
            check_layer(CategoricalCrossentropy({.from_logits = true, .label_smoothing = smoothing}),
                        shapes(shape, -3, 3));
        }
}

TEST_CASE("categorical_crossentropy gives the gradient below a softmax", "[losses]") {
    for (const Shape& shape : {Shape{1, 2}, Shape{37, 5}, Shape{3, 7, 4}, Shape{5, 1000}})
        for (double smoothing : {0.0, 0.1}) {
            check_below_softmax<double>(shape, smoothing);
            check_below_softmax<float>(shape, smoothing);
        }
    const CategoricalCrossentropy<float> loss, logits({.from_logits = true});
    CHECK(loss.passes_over(activation::softmax));
    CHECK(!loss.passes_over(activation::sigmoid));
    CHECK(!logits.passes_over(activation::softmax));
}

TEST_CASE("categorical_crossentropy of one-hot targets is the sparse one", "[losses]") {
    const Sample<float> s(Shape{7, 5});
    Tensor<std::int32_t> labels(Shape{7});
    for (Index r = 0; r < 7; ++r) labels[r] = static_cast<std::int32_t>(r * 5 % 5);
    for (bool below : {false, true}) {
        LossPlace<float> dense(CategoricalCrossentropy<float>(), s.p, AnyView(s.target.view()));
        LossPlace<float> sparse(SparseCategoricalCrossentropy<float>(), s.p, AnyView(labels.view()));
        for (auto* place : {&dense, &sparse}) {
            place->forward(below ? softmax : linear);
            place->backward();
        }
        CHECK(difference(dense.loss, sparse.loss) <= 1e-7);
        CHECK(difference(dense.dp, sparse.dp) <= 1e-6);
    }
}

TEST_CASE("categorical_crossentropy at the ends of the range", "[losses]") {
    const Tensor<double> target(Shape{2, 3}, std::vector<double>{1, 0, 0, 0, 1, 0});
    const Tensor<double> certain(Shape{2, 3}, std::vector<double>{1, 0, 0, 1, 0, 0});
    LossPlace<double> p(CategoricalCrossentropy<double>(), certain, AnyView(target.view()));
    p.forward();
    p.backward();
    CHECK(std::abs(p.loss[0] + std::log(1 - 1e-7)) <= 1e-12);
    CHECK(std::abs(p.loss[1] + std::log(1e-7)) <= 1e-12);
    for (double d : p.dp) CHECK(d == 0);
    p.forward(softmax);
    p.backward();
    CHECK(p.dp[0] == 0);
    CHECK(p.dp[3] == 1);
    CHECK(p.dp[4] == -1);
    const Tensor<double> weights(Shape{2}, std::vector<double>{1, 0}), bad(Shape{2, 3}, std::nan(""));
    LossPlace<double> nan(CategoricalCrossentropy<double>(), bad, AnyView(target.view()));
    nan.forward();
    CHECK(std::isnan(nan.loss[0]));
    nan.backward(weights.view());
    CHECK(std::isnan(nan.dp[0]));
    CHECK(nan.dp[3] == 0); // a row of no weight
}

TEST_CASE("categorical_crossentropy refuses what does not fit", "[losses]") {
    check_refusals<CategoricalCrossentropy<float>>();
    const Tensor<float> p(Shape{2, 2}, 0.5f);
    for (double smoothing : {-0.1, 1.1, std::nan("")})
        CHECK_THROWS_AS(
            LossPlace<float>(CategoricalCrossentropy<float>({.label_smoothing = smoothing}), p, AnyView(p.view())),
            ValueError);
    const Tensor<float> none(Shape{0, 2});
    LossPlace<float> empty(CategoricalCrossentropy<float>(), none, AnyView(none.view()));
    empty.forward();
    empty.backward();
}

TEST_CASE("categorical_crossentropy keeps its options through conversion", "[losses]") {
    const CategoricalCrossentropy<double> wide =
        CategoricalCrossentropy({.from_logits = true, .label_smoothing = 0.25});
    CHECK(golden_difference<double, double>(
              CategoricalCrossentropy<double>({.from_logits = true, .label_smoothing = 0.1}),
              "categorical/smooth_logits") <= 1e-12);
    CHECK(golden_difference<double, double>(wide, "categorical/smooth_logits") >= 1e-3);
    CHECK(!wide.passes_over(activation::softmax));
}

#include <gradus/losses/binary_crossentropy.hpp>
#include <gradus/testing/check_layer.hpp>

#include "catch.hpp"
#include "place.hpp"

using namespace gradus;
using namespace place;

namespace {

const double infinity = std::numeric_limits<double>::infinity();

CheckOptions shapes(SymbolicShape shape, double low, double high) {
    return {.inputs = {{.shape = shape, .low = low, .high = high}, {.shape = shape, .low = 0, .high = 1}}};
}

template <class T> void check_below_sigmoid(const Shape& shape) {
    Tensor<T> z(shape), p(shape), target(shape);
    for (Index i = 0; i < z.size(); ++i) {
        z[i] = T(std::sin(double(i)) * 4);
        p[i] = T(1 / (1 + std::exp(-double(z[i]))));
        target[i] = T(i % 3 == 0 ? 1 : i % 3 == 1 ? 0 : 0.25);
    }
    LossPlace<T> apart(BinaryCrossentropy<T>(), p, AnyView(target.view()));
    apart.forward();
    apart.backward();
    LossPlace<T> below(BinaryCrossentropy<T>(), p, AnyView(target.view()));
    below.forward(sigmoid);
    below.backward();
    LossPlace<T> logits(BinaryCrossentropy<T>({.from_logits = true}), z, AnyView(target.view()));
    logits.forward();
    logits.backward();
    const double tolerance = sizeof(T) == 8 ? 1e-13 : 1e-5;
    CHECK(difference(below.loss, apart.loss) == 0);
    CHECK(difference(below.loss, logits.loss) <= tolerance);
    CHECK(difference(below.dp, logits.dp) <= tolerance);
    for (Index i = 0; i < z.size(); ++i)
        CHECK(std::abs(double(below.dp[i]) - double(apart.dp[i]) * double(p[i]) * (1 - double(p[i]))) <= tolerance);
}

} // namespace

TEST_CASE("binary_crossentropy equals Keras", "[losses]") {
    for (const char* name : {"probabilities", "soft_targets", "several", "time"}) {
        INFO(name);
        CHECK(golden_difference<double, double>(BinaryCrossentropy<double>(), std::string("binary/") + name) <= 1e-12);
        CHECK(golden_difference<float, float>(BinaryCrossentropy<float>(), std::string("binary/") + name) <= 1e-5);
    }
    for (bool from_logits : {false, true}) {
        const char* name = from_logits ? "binary/smooth_logits" : "binary/smooth";
        const BinaryCrossentropy smooth({.from_logits = from_logits, .label_smoothing = 0.1});
        CHECK(golden_difference<double, double>(BinaryCrossentropy<double>(smooth), name) <= 1e-12);
        CHECK(golden_difference<float, float>(smooth, name) <= 1e-5);
    }
    CHECK(golden_difference<double, double>(BinaryCrossentropy<double>({.from_logits = true}), "binary/logits") <=
          1e-12);
    CHECK(golden_difference<float, float>(BinaryCrossentropy<float>({.from_logits = true}), "binary/logits") <= 1e-5);
}

TEST_CASE("binary_crossentropy has right gradients and keeps the contract", "[losses]") {
    for (const SymbolicShape& shape :
         {SymbolicShape{dim::batch(), 1}, {dim::batch(), 3}, {dim::batch(), dim::time(), 1}}) {
        check_layer(BinaryCrossentropy(), shapes(shape, 0.05, 0.95));
        check_layer(BinaryCrossentropy({.from_logits = true}), shapes(shape, -3, 3));
        check_layer(BinaryCrossentropy({.label_smoothing = 0.2}), shapes(shape, 0.05, 0.95));
    }
}

TEST_CASE("binary_crossentropy gives the gradient below a sigmoid", "[losses]") {
    for (const Shape& shape : {Shape{1, 1}, Shape{37, 1}, Shape{5, 3}, Shape{3, 7, 1}, Shape{2, 3, 130}}) {
        check_below_sigmoid<double>(shape);
        check_below_sigmoid<float>(shape);
    }
    const BinaryCrossentropy<float> loss, logits({.from_logits = true});
    CHECK(loss.passes_over(activation::sigmoid));
    CHECK(!loss.passes_over(activation::softmax));
    CHECK(!loss.passes_over(activation::tanh));
    CHECK(!logits.passes_over(activation::sigmoid));
}

TEST_CASE("binary_crossentropy at the ends of the range", "[losses]") {
    const Tensor<double> target(Shape{4, 1}, std::vector<double>{0, 1, 0, 1});
    LossPlace<double> p(BinaryCrossentropy<double>(), Tensor<double>(Shape{4, 1}, std::vector<double>{0, 0, 1, 1}),
                        AnyView(target.view()));
    p.forward();
    p.backward();
    const double most = -std::log(1e-7), least = -std::log(1 - 1e-7);
    for (Index i = 0; i < 4; ++i) {
        CHECK(std::abs(p.loss[i] - (i == 1 || i == 2 ? most : least)) <= 1e-8);
        CHECK(p.dp[i] == 0);
    }
    p.forward(sigmoid);
    p.backward();
    CHECK(p.dp[0] == 0);
    CHECK(p.dp[1] == -1);
    CHECK(p.dp[2] == 1);
    CHECK(p.dp[3] == 0);

    LossPlace<double> z(BinaryCrossentropy<double>({.from_logits = true}),
                        Tensor<double>(Shape{4, 1}, std::vector<double>{1000, 1000, -1000, -1000}),
                        AnyView(target.view()));
    z.forward();
    z.backward();
    CHECK(z.loss[0] == 1000);
    CHECK(z.loss[1] == 0);
    CHECK(z.loss[2] == 0);
    CHECK(z.loss[3] == 1000);
    CHECK(z.dp[0] == 1);
    CHECK(z.dp[1] == 0);
    CHECK(z.dp[2] == 0);
    CHECK(z.dp[3] == -1);

    for (double bad : {std::nan(""), infinity, -infinity}) {
        const bool is_nan = std::isnan(bad);
        for (bool from_logits : {false, true}) {
            LossPlace<double> place(BinaryCrossentropy<double>({.from_logits = from_logits}),
                                    Tensor<double>(Shape{4, 1}, bad), AnyView(target.view()));
            place.forward();
            place.backward();
            if (is_nan) CHECK(std::isnan(place.loss[0]));
        }
    }
}

TEST_CASE("binary_crossentropy without gradients, and with an upstream gradient that is not there", "[losses]") {
    const Tensor<float> target(Shape{3, 2}, 1.f), p(Shape{3, 2}, 0.5f);
    LossPlace<float> plain(BinaryCrossentropy<float>(), p, AnyView(target.view()), false);
    plain.forward();
    for (Index i = 0; i < 3; ++i) CHECK(std::abs(plain.loss[i] - std::log(2.f)) <= 1e-6f);
    LossPlace<float> unused(BinaryCrossentropy<float>(), p, AnyView(target.view()));
    unused.forward();
    unused.backward(View<const float>());
    for (float x : unused.dp) CHECK(x == 0);
    const Tensor<float> none(Shape{0, 2});
    LossPlace<float> empty(BinaryCrossentropy<float>(), none, AnyView(none.view()));
    empty.forward();
    empty.backward();
}

TEST_CASE("binary_crossentropy refuses what does not fit", "[losses]") {
    const Tensor<float> some(Shape{2, 2}, 0.5f);
    for (double smoothing : {-0.1, 1.1, std::nan("")})
        CHECK_THROWS_AS(
            LossPlace<float>(BinaryCrossentropy<float>({.label_smoothing = smoothing}), some, AnyView(some.view())),
            ValueError);
    const SymbolicShape one{dim::batch(), 1};
    const auto build = [](SymbolicShape p, Build::In target) {
        BinaryCrossentropy<float> loss;
        Build b({{std::move(p), Dtype::f32}, std::move(target)}, Dtype::f32, "binary_crossentropy");
        loss.build(b);
    };
    build(one, {one, Dtype::f32});
    CHECK_THROWS_AS(build({dim::batch()}, {{dim::batch()}, Dtype::f32}), ShapeError);
    CHECK_THROWS_AS(build({dim::batch(), 0}, {{dim::batch(), 0}, Dtype::f32}), ShapeError);
    CHECK_THROWS_AS(build(one, {one, Dtype::i32}), ShapeError);
    CHECK_THROWS_AS(build(one, {{dim::batch(), 2}, Dtype::f32}), ShapeError);
    CHECK_THROWS_WITH(
        build(one, {{dim::batch()}, Dtype::f32}),
        "binary_crossentropy: expects targets [batch, 1] for its predictions, got [batch, 1] and [batch]");
}

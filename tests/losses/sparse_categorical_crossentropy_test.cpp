#include <gradus/losses/sparse_categorical_crossentropy.hpp>
#include <gradus/testing/check_layer.hpp>

#include "catch.hpp"
#include "place.hpp"

using namespace gradus;
using namespace place;

namespace {

CheckOptions shapes(SymbolicShape labels, Index classes, double low, double high) {
    SymbolicShape p = labels;
    p.emplace_back(classes);
    return {.inputs = {{.shape = p, .low = low, .high = high}, {.shape = labels, .dtype = Dtype::i32}}};
}

template <class T> void check_below_softmax(const Shape& shape) {
    Tensor<T> z(shape), p(shape);
    const Index classes = shape[-1], rows = z.size() / classes;
    Shape labels;
    for (Index i = 0; i + 1 < shape.rank(); ++i) labels.push_back(shape[i]);
    Tensor<std::int32_t> target(labels);
    for (Index r = 0; r < rows; ++r) {
        double sum = 0;
        for (Index c = 0; c < classes; ++c)
            sum += std::exp(double(z[r * classes + c] = T(std::sin(double(r * 7 + c)) * 3)));
        for (Index c = 0; c < classes; ++c) p[r * classes + c] = T(std::exp(double(z[r * classes + c])) / sum);
        target[r] = static_cast<std::int32_t>(r * 5 % classes);
    }
    LossPlace<T> apart(SparseCategoricalCrossentropy<T>(), p, AnyView(target.view()));
    apart.forward();
    apart.backward();
    LossPlace<T> below(SparseCategoricalCrossentropy<T>(), p, AnyView(target.view()));
    below.forward(softmax);
    below.backward();
    LossPlace<T> logits(SparseCategoricalCrossentropy<T>({.from_logits = true}), z, AnyView(target.view()));
    logits.forward();
    logits.backward();
    const double tolerance = sizeof(T) == 8 ? 1e-12 : 1e-5;
    CHECK(difference(below.loss, apart.loss) <= (classes > 1 ? tolerance : 2e-7));
    CHECK(difference(below.loss, logits.loss) <= (classes > 1 ? tolerance : 2e-7));
    CHECK(difference(below.dp, logits.dp) <= tolerance);
    if (classes == 1) return;
    for (Index r = 0; r < rows; ++r) {
        double inner = 0;
        for (Index c = 0; c < classes; ++c) inner += double(apart.dp[r * classes + c]) * double(p[r * classes + c]);
        for (Index c = 0; c < classes; ++c) {
            const double product = double(p[r * classes + c]) * (double(apart.dp[r * classes + c]) - inner);
            CHECK(std::abs(double(below.dp[r * classes + c]) - product) <= tolerance);
        }
    }
}

} // namespace

TEST_CASE("sparse_categorical_crossentropy equals Keras", "[losses]") {
    for (const char* name : {"probabilities", "not_normalised", "time", "logits", "time_logits"}) {
        INFO(name);
        const bool from_logits = std::string_view(name).ends_with("logits");
        const std::string key = std::string("sparse_categorical/") + name;
        CHECK(golden_difference<double, std::int32_t>(
                  SparseCategoricalCrossentropy<double>({.from_logits = from_logits}), key) <= 1e-12);
        CHECK(golden_difference<float, std::int32_t>(SparseCategoricalCrossentropy<float>({.from_logits = from_logits}),
                                                     key) <= 1e-5);
    }
}

TEST_CASE("sparse_categorical_crossentropy has right gradients and keeps the contract", "[losses]") {
    for (const SymbolicShape& labels : {SymbolicShape{dim::batch()}, {dim::batch(), dim::time()}})
        for (Index classes : {2, 5, 19}) {
            check_layer(SparseCategoricalCrossentropy(), shapes(labels, classes, 0.05, 0.95));
            check_layer(SparseCategoricalCrossentropy({.from_logits = true}), shapes(labels, classes, -3, 3));
        }
}

TEST_CASE("sparse_categorical_crossentropy gives the gradient below a softmax", "[losses]") {
    for (const Shape& shape : {Shape{1, 2}, Shape{37, 5}, Shape{3, 7, 4}, Shape{2, 1}, Shape{5, 1000}}) {
        check_below_softmax<double>(shape);
        check_below_softmax<float>(shape);
    }
    const SparseCategoricalCrossentropy<float> loss, logits({.from_logits = true});
    CHECK(loss.passes_over(activation::softmax));
    CHECK(!loss.passes_over(activation::sigmoid));
    CHECK(!logits.passes_over(activation::softmax));
}

TEST_CASE("sparse_categorical_crossentropy at the ends of the range", "[losses]") {
    const Tensor<std::int32_t> target(Shape{2}, std::vector<std::int32_t>{0, 1});
    const Tensor<double> certain(Shape{2, 3}, std::vector<double>{1, 0, 0, 1, 0, 0});
    LossPlace<double> p(SparseCategoricalCrossentropy<double>(), certain, AnyView(target.view()));
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
    CHECK(p.dp[5] == 0);

    LossPlace<double> z(SparseCategoricalCrossentropy<double>({.from_logits = true}),
                        Tensor<double>(Shape{2, 3}, std::vector<double>{1e4, -1e4, 0, 1e4, -1e4, 0}),
                        AnyView(target.view()));
    z.forward();
    z.backward();
    CHECK(z.loss[0] == 0);
    CHECK(z.loss[1] == 2e4);
    CHECK(z.dp[0] == 0);
    CHECK(z.dp[3] == 1);
    CHECK(z.dp[4] == -1);

    LossPlace<double> nan(SparseCategoricalCrossentropy<double>(), Tensor<double>(Shape{2, 3}, std::nan("")),
                          AnyView(target.view()));
    nan.forward();
    CHECK(std::isnan(nan.loss[0]));
}

TEST_CASE("sparse_categorical_crossentropy says which labels it takes", "[losses]") {
    const auto build = [](SymbolicShape p, Build::In target) {
        SparseCategoricalCrossentropy<float> loss;
        Build b({{std::move(p), Dtype::f32}, std::move(target)}, Dtype::f32, "sparse_categorical_crossentropy");
        loss.build(b);
        return b;
    };
    const Build b = build({dim::batch(), 7}, {{dim::batch()}, Dtype::i32});
    REQUIRE(b.id_inputs().size() == 1);
    CHECK(b.id_inputs()[0].input == 1);
    CHECK(b.id_inputs()[0].below == Dim(7));
    CHECK(b.is_detached(1));
    CHECK_THROWS_AS(build({dim::batch()}, {{}, Dtype::i32}), ShapeError);
    CHECK_THROWS_AS(build({dim::batch(), 7}, {{dim::batch(), 1}, Dtype::i32}), ShapeError);
    CHECK_THROWS_WITH(
        build({dim::batch(), 7}, {{dim::batch()}, Dtype::f32}),
        "sparse_categorical_crossentropy: expects targets int32 [batch] for its predictions, got [batch, 7] and "
        "[batch]");
    const Tensor<float> none(Shape{0, 2});
    const Tensor<std::int32_t> no_labels(Shape{0});
    LossPlace<float> empty(SparseCategoricalCrossentropy<float>(), none, AnyView(no_labels.view()));
    empty.forward();
    empty.backward();
}

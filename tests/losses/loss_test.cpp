#include <gradus/graph/node.hpp>
#include <gradus/losses/binary_crossentropy.hpp>
#include <gradus/losses/sparse_categorical_crossentropy.hpp>
#include <gradus/testing/check_layer.hpp>

#include "catch.hpp"

using namespace gradus;

namespace {

// sum over the last axis of weight * (p - t)^2, the weights a third input: a user's own loss with scratch.
template <class T = float> class WeightedSquares : public Loss<WeightedSquares, T> {
public:
    std::string_view kind() const override { return "weighted_squares"; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }
    void build(Build& b) override {
        const SymbolicShape& s = b.in(0).shape;
        b.out(0, {s[0]});
        b.detached(1);
        b.detached(2);
        difference_ = b.scratch<T>({s[1]});
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0), t = r.x(1), w = r.x(2);
        const auto y = r.y(0), d = r[difference_];
        for (Index i = 0; i < y.size(); ++i) {
            y[i] = 0;
            for (Index c = 0; c < d.size(); ++c) d[c] = p[i * d.size() + c] - t[i * d.size() + c];
            for (Index c = 0; c < d.size(); ++c) y[i] += w[i * d.size() + c] * d[c] * d[c];
        }
    }
    void backward(Run<T>& r) const override {
        const auto p = r.x(0), t = r.x(1), w = r.x(2), dy = r.dy(0);
        const auto dx = r.dx(0);
        if (dx.empty()) return;
        const Index n = dx.shape()[1];
        for (Index i = 0; i < dx.size(); ++i) dx[i] = dy.empty() ? T(0) : dy[i / n] * 2 * w[i] * (p[i] - t[i]);
    }

private:
    Scratch<T> difference_;
};

} // namespace

TEST_CASE("losses are layers: identity, clone, conversion, call", "[losses]") {
    const BinaryCrossentropy loss({.from_logits = true});
    const BinaryCrossentropy<double> wide = loss;
    CHECK(wide.identity() == loss.identity());
    CHECK(!wide.passes_over(activation::sigmoid));
    CHECK(loss.clone().identity() != loss.identity());
    const Node p = input<float>({dim::batch(), 1}), t = input<float>({dim::batch(), 1});
    const Node y = loss(p, t);
    REQUIRE(y.shape().size() == 1);
    CHECK(y.shape()[0] == dim::batch());
    const Node steps = SparseCategoricalCrossentropy()(input<float>({dim::batch(), dim::time(), 4}),
                                                       input<float>({dim::batch(), dim::time()}, Dtype::i32));
    CHECK(to_string(steps.shape()) == "[batch, time]");
}

TEST_CASE("losses say what targets they take", "[losses]") {
    const Build::In p{{dim::batch(), dim::time(), 4}, Dtype::f64};
    const Build::In t = BinaryCrossentropy<double>().target(p), s = SparseCategoricalCrossentropy<double>().target(p);
    CHECK(to_string(t.shape) == "[batch, time, 4]");
    CHECK(t.dtype == Dtype::f64);
    CHECK(to_string(s.shape) == "[batch, time]");
    CHECK(s.dtype == Dtype::i32);
}

TEST_CASE("loss handles copy and convert", "[losses]") {
    LossHandle<double> none;
    CHECK(!none);
    LossHandle<double> a = BinaryCrossentropy({.from_logits = true});
    const LossHandle<double> b = a;
    a = SparseCategoricalCrossentropy();
    CHECK(a->kind() == "sparse_categorical_crossentropy");
    CHECK(b->kind() == "binary_crossentropy");
    CHECK(b->dtype() == Dtype::f64);
    CHECK(!b->passes_over(activation::sigmoid));
    CHECK(LossHandle<double>(WeightedSquares())->kind() == "weighted_squares");
    static_assert(!std::is_constructible_v<LossHandle<float>, const int&>);
    LossHandle<float> held;
    LossSlot<float> slot(held);
    slot.set(std::make_unique<BinaryCrossentropy<float>>());
    CHECK(held->kind() == "binary_crossentropy");
    CHECK_THROWS_AS(slot.set(std::make_unique<BinaryCrossentropy<double>>()), ValueError);
}

TEST_CASE("a loss of a user's own, with three inputs and scratch", "[losses]") {
    const CheckInput x{.shape = {dim::batch(), 4}};
    check_layer<WeightedSquares>({.inputs = {x, x, x}});
}

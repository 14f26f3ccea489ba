#include "catch.hpp"
#include "layers.hpp"
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/lstm.hpp>

#include <algorithm>

using namespace gradus;
using namespace small;

namespace {
std::vector<std::string> names(const std::vector<Node>& in, const std::vector<Node>& out) {
    std::vector<std::string> list;
    const Graph g(in, out);
    for (const auto& e : g.entries()) list.push_back(e.name);
    return list;
}
using Names = std::vector<std::string>;

/// Hands its inner layer everything that it is given.
template <class T = float> class Wrapper : public Layer<Wrapper, T> {
public:
    Wrapper() = default;
    explicit Wrapper(const LayerHandle<T>& layer) : layer_(layer) {}
    std::string_view kind() const override { return "wrapper"; }
    void build(Build& b) override {
        std::vector<Build::In> ins;
        for (int i = 0; i < b.inputs(); ++i) ins.push_back(b.in(i));
        b.out(0, b.of(b.child(*layer_, ins, "inner")).outs()[0].shape);
    }
    void forward(Run<T>&) const override {}
    void backward(Run<T>&) const override {}

private:
    LayerHandle<T> layer_;
};

/// Passes the mask of [B, S, D] to [B, S - T, D], T being the steps of another input.
template <class T = float> class Rest : public Layer<Rest, T> {
public:
    std::string_view kind() const override { return "rest"; }
    void build(Build& b) override {
        const auto& x = b.in(0).shape;
        b.out(0, {x[0], x[1] - b.in(1).shape[1], x[2]});
        b.mask(0, build::Mask::pass);
    }
    void forward(Run<T>& r) const override { std::fill(r.y(0).begin(), r.y(0).end(), T(0)); }
    void backward(Run<T>&) const override {}
};
} // namespace

TEST_CASE("Graph: names are kind, given name and scope, numbered in order of appearance") {
    const Node x = input({dim::batch(), 4});
    Node y = Dense(4)(Dense(4)(Dense(4).named("encoder")(x)));
    CHECK(names({x}, {y}) == Names{"input", "encoder", "dense", "dense_1"});
    {
        const Scope outer("encoder.0");
        y = Dense(4)(y);
        const Scope inner("head");
        y = Dense(4)(y);
    }
    y = Dense(4)(y);
    CHECK(names({x}, {y}) ==
          Names{"input", "encoder", "dense", "dense_1", "encoder.0.dense", "encoder.0.head.dense", "dense_2"});
    // One layer at two places has one name; two layers of one given name are told apart.
    const Dense shared(4);
    CHECK(names({x}, {shared(shared(x))}) == Names{"input", "dense", "dense"});
    CHECK(names({x}, {Dense(4).named("a")(Dense(4).named("a")(x))}) == Names{"input", "a", "a_1"});
    // A name that numbering would give is not given twice.
    CHECK(names({x}, {Dense(4)(Dense(4)(Dense(4).named("dense_1")(x)))}) ==
          Names{"input", "dense_1", "dense", "dense_2"});
}

TEST_CASE("Graph: order of execution, inputs and outputs") {
    const Node a = input({dim::batch(), 2}), b = input({dim::batch(), 2});
    const Node two = TwoByTwo()(a, b), y = Add()(two.output(1), b);
    Graph g({a, b}, {y, two});
    CHECK(g.entries().size() == 4);
    for (std::size_t i = 0; i < g.entries().size(); ++i)
        for (const Edge& e : g.entries()[i].inputs) CHECK(e.node < static_cast<int>(i));
    CHECK(g.inputs() == std::vector<Edge>{{0, 0}, {1, 0}});
    CHECK(g.edge(two.output(1)).output == 1);
    CHECK(g.edge(Node()).node == -1);
    CHECK(g.edge(input({2})).node == -1);
    const Edge more = g.extend(Dense(3)(y));
    CHECK(more.node == 4);
    CHECK(g.extend(Dense(3)(y)).node == 5);
    CHECK_THROWS_WITH(Graph({a}, {y}), "model: an output depends on an input that is not among the model's inputs");
}

TEST_CASE("Graph: thousands of places deep") {
    const Node x = input({dim::batch(), 2});
    Node y = x;
    for (int i = 0; i < 20000; ++i) y = Activation(relu)(y);
    const Graph g({x}, {y});
    CHECK(g.entries().size() == 20001);
}

TEST_CASE("Node: shape, mask, outputs and errors") {
    const Node x = input({dim::batch(), dim::time(), 3}, Dtype::f32, true);
    const Node y = LSTM({.units = 4, .return_state = true})(x);
    CHECK(x.has_mask());
    CHECK(!y.has_mask());
    CHECK(to_string(y.shape()) == "[batch, 4]");
    CHECK(y.output(2).shape() == y.shape());
    CHECK_THROWS_WITH(y.output(3), "lstm: has 3 outputs, got output(3)");
    CHECK_THROWS_WITH(Dense(4).named("head")(y).output(-1), "dense \"head\": has 1 output, got output(-1)");
    CHECK_THROWS_WITH(Node().output(0), "node: an empty one has no output 0");
    CHECK(!Node());
    CHECK(input({dim::batch()}, Dtype::i32).dtype() == Dtype::i32);
}

TEST_CASE("Node: a layer takes no more inputs than it asks for") {
    const Node x = input({dim::batch(), dim::time(), 3}), h = input({dim::batch(), 4});
    CHECK_THROWS_WITH(Dense(4)(x, x), "dense: takes at most 1 input, got 2");
    CHECK_THROWS_WITH(LSTM(4).named("reader")(x, h, h, h), "lstm \"reader\": takes at most 3 inputs, got 4");
    CHECK_THROWS_WITH(Dense(4)(x, Node(), x), "dense: takes at most 1 input, got 3");
    CHECK_NOTHROW(Dense(4)(x, Node(), Node()));
    CHECK_NOTHROW(LSTM(4)(x, h));
    CHECK_NOTHROW(Bidirectional(LSTM(4))(x, h, h, h, h));
    CHECK_THROWS_WITH(Bidirectional(LSTM(4))(x, h, h, h, h, h), "bidirectional: takes at most 5 inputs, got 6");
    CHECK_NOTHROW(Wrapper<float>(LSTM(4))(x, h, h));
    CHECK_THROWS_WITH(Wrapper<float>(Dense(4))(x, x), "wrapper.inner: takes at most 1 input, got 2");
    CHECK_THROWS_WITH(Wrapper<float>(LayerHandle<float>(Wrapper<float>(LSTM(4))))(x, h, h, h),
                      "wrapper.inner.inner: takes at most 3 inputs, got 4");
}

TEST_CASE("Node: a mask passes only where the first two axes stay") {
    const Node x = input({dim::batch(), dim::time(), 3}, Dtype::f32, true), y = input({dim::batch(), Dim("window"), 3});
    CHECK(Dense(4)(x).has_mask());
    CHECK_THROWS_WITH(Dense(4)(input({dim::batch(), 3}, Dtype::f32, true)),
                      "dense: expects the first two axes of input 0 [batch, 3] in output 0 [batch, 4], to which its "
                      "mask passes");
    // What symbols leave open is checked when their values are known.
    const Node rest = Rest()(x, y);
    CHECK(rest.has_mask());
    Harness<> h({x, y}, {rest});
    CHECK_THROWS_WITH(h.sizes({{"batch", 2}, {"time", 5}, {"window", 1}}),
                      "rest: expects the first two axes of input 0 [batch, time, 3] in output 0 [batch, time-window, "
                      "3], to which its mask passes, got 5 and 4");
    h.sizes({{"batch", 2}, {"time", 5}, {"window", 0}});
    h.forward();
}

#include "catch.hpp"
#include "layers.hpp"
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/lstm.hpp>

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
    CHECK_THROWS_WITH(y.output(3), "node: has no output 3");
    CHECK_THROWS_AS(Node().output(0), ValueError);
    CHECK(!Node());
    CHECK(input({dim::batch()}, Dtype::i32).dtype() == Dtype::i32);
}

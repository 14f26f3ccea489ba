#include "catch.hpp"
#include "layers.hpp"
#include <gradus/layers/dense.hpp>
#include <gradus/layers/lstm.hpp>

#include <algorithm>
#include <thread>

using namespace gradus;
using namespace small;

namespace {

/// The first steps of a sequence, without as many as another has: a difference of two symbols.
template <class T = float> class Remainder : public Layer<Remainder, T> {
public:
    std::string_view kind() const override { return "remainder"; }
    void build(Build& b) override {
        b.out(0, {b.in(0).shape[0], b.in(0).shape[1] - b.in(1).shape[1]});
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const Index time = r.x(0).shape()[1], n = r.y(0).shape()[1];
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = r.x(0)[i / n * time + i % n];
    }
    void backward(Run<T>&) const override {}
};

} // namespace

TEST_CASE("Workspace: carries go on from pass to pass and over new plans, until they are reset") {
    const Node x = input({dim::batch(), dim::time()});
    Harness<> h({x}, {Accumulator()(x)});
    h.sizes({{"batch", 2}, {"time", 1}});
    const auto step = [&](Index batch) {
        h.sizes({{"batch", batch}});
        h.set(0, Tensor<float>({batch, 1}, 1.0f));
        h.forward();
        return std::vector<float>(h.y().begin(), h.y().end());
    };
    CHECK(step(2) == std::vector<float>{1, 1});
    CHECK(step(2) == std::vector<float>{2, 2});
    h.forward(); // a forward without a new input: one more step
    CHECK(step(3) == std::vector<float>{4, 4, 1});
    CHECK(step(1) == std::vector<float>{5});
    h.workspace->reset_states();
    CHECK(step(3) == std::vector<float>{1, 1, 1});
}

TEST_CASE("Workspace: a stateful LSTM in pieces says what it says in one") {
    const Node x = input({dim::batch(), dim::time(), 3});
    const LSTM layer({.units = 4, .return_sequences = true, .stateful = true});
    Harness<> pieces({x}, {layer(x)}), whole({x}, {layer(x)});
    const auto all = numbers({2, 9, 3});
    whole.sizes({{"batch", 2}, {"time", 9}});
    whole.set(0, all);
    whole.forward();
    Index at = 0;
    for (const Index n : {2, 1, 6}) {
        Tensor<float> part({2, n, 3});
        for (Index b = 0; b < 2; ++b) std::copy_n(all.data() + (b * 9 + at) * 3, n * 3, part.data() + b * n * 3);
        pieces.sizes({{"batch", 2}, {"time", n}});
        pieces.set(0, part);
        pieces.forward();
        for (Index b = 0; b < 2; ++b)
            for (Index i = 0; i < n * 4; ++i)
                CHECK(std::abs(pieces.y()[b * n * 4 + i] - whole.y()[(b * 9 + at) * 4 + i]) < 1e-6);
        at += n;
    }
}

TEST_CASE("Workspace: state is written by training passes, and shared by workspaces") {
    const Node x = input({dim::batch(), 1});
    const Node y = Counter()(x), frozen = Counter()(x);
    frozen.place()->training = false;
    Harness<> h({x}, {y, frozen});
    h.sizes({{"batch", 1}});
    const auto count = [&](bool training) {
        h.pass.training = training;
        h.set(0, Tensor<float>({1, 1}));
        h.forward();
        return std::pair{h.y(0)[0], h.y(1)[0]};
    };
    CHECK(count(false) == std::pair{0.0f, 0.0f});
    CHECK(count(true) == std::pair{1.0f, 0.0f});
    CHECK(count(true) == std::pair{2.0f, 0.0f});
    Workspace<float> other(h.graph, h.table, h.layout, {});
    Extents one;
    one.set("batch", 1);
    other.set(one);
    *other.value(h.inputs[0]).as<float>().data() = 0;
    other.forward({}, 0, other.size());
    CHECK(other.value(h.outputs[0]).as<float>()[0] == 2);
}

TEST_CASE("Workspace: several run one graph at once") {
    const Node x = input({dim::batch(), dim::time(), 6});
    Harness<> h({x}, {Dense(3)(LSTM(16)(x))});
    h.sizes({{"batch", 20}, {"time", 12}});
    h.set(0, numbers({20, 12, 6}));
    h.forward();
    const std::vector<float> expected(h.y().begin(), h.y().end());
    std::vector<std::thread> threads;
    std::vector<int> same(4, 0);
    for (std::size_t k = 0; k < same.size(); ++k)
        threads.emplace_back([&, k] {
            Workspace<float> own(h.graph, h.table, h.layout, {});
            own.set(h.workspace->extents());
            for (int repeat = 0; repeat < 20; ++repeat) {
                const auto in = own.value(h.inputs[0]).as<float>();
                const auto values = numbers({20, 12, 6});
                std::copy(values.begin(), values.end(), in.begin());
                own.forward({}, 0, own.size());
                const auto y = own.value(h.outputs[0]).as<float>();
                same[k] += std::equal(y.begin(), y.end(), expected.begin());
            }
        });
    for (auto& t : threads) t.join();
    for (const int n : same) CHECK(n == 20);
}

TEST_CASE("Workspace: backward through an inference pass, and gradients that accumulate over passes") {
    const Node x = input({dim::batch(), 3});
    Harness<> h({x}, {Dense(2, activation::tanh)(x)});
    h.sizes({{"batch", 4}});
    h.set(0, numbers({4, 3}));
    const auto pass = [&] {
        h.forward();
        h.seed(0, numbers({4, 2}, 2));
        h.backward();
        return h.grad("dense.kernel");
    };
    const auto once = pass(), twice = pass();
    for (Index i = 0; i < once.size(); ++i) CHECK(std::abs(twice[i] - 2 * once[i]) < 1e-5);
    h.workspace->zero_gradients();
    const auto again = pass();
    for (Index i = 0; i < once.size(); ++i) CHECK(again[i] == once[i]);
}

TEST_CASE("Workspace: a difference of symbols may grow where no symbol outgrows its bound") {
    const Node a = input({dim::batch(), Dim("long")}), b = input({dim::batch(), Dim("short")});
    Harness<> h({a, b}, {Remainder()(a, b)}, {});
    const auto run = [&](Index time, Index less) {
        h.sizes({{"batch", 3}, {"long", time}, {"short", less}});
        const auto x = numbers({3, time});
        h.set(0, x);
        h.set(1, numbers({3, less}, 2));
        h.forward();
        REQUIRE(h.y().shape() == Shape{3, time - less});
        for (Index i = 0; i < h.y().size(); ++i) CHECK(h.y()[i] == x[i / (time - less) * time + i % (time - less)]);
    };
    run(5, 1);
    run(300, 295);
    run(300, 1);
    run(4, 3);
    run(400, 399);
    run(301, 2);
}

#include "catch.hpp"
#include "layers.hpp"
#include <gradus/kernels/bfloat16.hpp>
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/dropout.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/flatten.hpp>
#include <gradus/layers/global_average_pooling_1d.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/layers/reshape.hpp>
#include <gradus/losses/categorical_crossentropy.hpp>

#include <algorithm>

using namespace gradus;
using namespace small;

namespace {
std::vector<float> values(View<float> v) { return {v.begin(), v.end()}; }
std::vector<float> values(const Tensor<float>& v) { return {v.begin(), v.end()}; }

int running(Harness<>& h) {
    int n = 0;
    for (const auto& node : h.workspace->plan().nodes()) n += node.layer != nullptr;
    return n;
}

using Names = std::vector<std::string>;
// The places whose activation is passed over.
Names passed(const Harness<>& h) {
    Names names;
    for (const auto& n : h.workspace->plan().nodes()) {
        if (n.passed_by < 0) continue;
        names.push_back(n.name);
        CHECK(h.workspace->plan().nodes()[static_cast<std::size_t>(n.passed_by)].passes_over == n.layer->ends_with());
    }
    return names;
}
} // namespace

TEST_CASE("Plan: a value with several readers gets the sum of their gradients") {
    const Node x = input({dim::batch(), 3});
    const Node h = Activation(activation::tanh)(x);
    const Node a = Activation(sigmoid)(h), b = Add()(h, h), c = TwoByTwo()(h, a), d = c.output(1);
    const Node y = Add()(Add()(a, b), Add()(c, d));
    Harness<> run({x}, {y, h});
    run.sizes({{"batch", 2}});
    run.workspace->poison();
    run.set(0, numbers({2, 3}));
    run.forward();
    run.seed(0, Tensor<float>({2, 3}, 1.0f));
    run.seed(1, Tensor<float>({2, 3}, 0.25f));
    run.backward();
    for (Index i = 0; i < 6; ++i) {
        const double v = numbers({2, 3})[i], t = std::tanh(v), s = 1 / (1 + std::exp(-t)), ds = s * (1 - s);
        const double dt = ds + 2 + 2 + (s + t * ds) + 0.25; // a, b twice, c, d, and the seed of h itself
        CHECK(std::abs(run.y(0)[i] - (s + 2 * t + 2 * t + t * s)) < 1e-5);
        CHECK(std::abs(run.dx(0)[i] - dt * (1 - t * t)) < 1e-5);
    }
}

TEST_CASE("Plan: neighbours fuse where nobody looks between, and say the same") {
    for (const auto kind : {relu, sigmoid, activation::tanh, softmax}) {
        const Node x = input({dim::batch(), 5});
        const Dense dense(7);
        const Node z = dense(x), y = Activation(kind)(z);
        Harness<> fused({x}, {y});
        CHECK(running(fused) == 2);
        PlanOptions keep{.differentiated = true};
        keep.keep = {fused.graph.edge(z)};
        Harness<> apart({x}, {y}, keep);
        CHECK(running(apart) == 3);
        for (Harness<>* h : {&fused, &apart}) {
            h->sizes({{"batch", 3}});
            h->workspace->poison();
            h->set(0, numbers({3, 5}));
            h->forward();
            h->seed(0, numbers({3, 7}, 2));
            h->backward();
        }
        CHECK(values(fused.y()) == values(apart.y()));
        CHECK(values(fused.dx()) == values(apart.dx()));
        CHECK(values(fused.grad("dense.kernel")) == values(apart.grad("dense.kernel")));
        CHECK(values(fused.grad("dense.bias")) == values(apart.grad("dense.bias")));
    }
}

TEST_CASE("Plan: nothing fuses over outputs, second readers, or a node that trains otherwise") {
    const Node x = input({dim::batch(), 5});
    const Node z = Dense(4)(x), y = Activation(relu)(z);
    Harness<> output({x}, {y, z});
    CHECK(running(output) == 3);
    Harness<> readers({x}, {Add()(z, y)});
    CHECK(running(readers) == 4);
    const Node frozen = Activation(relu)(z);
    frozen.place()->training = false;
    Harness<> training({x}, {frozen});
    CHECK(running(training) == 3);
    // Dense - softmax - softmax: only the first of the two is taken in.
    Harness<> chain({x}, {Activation(softmax)(Activation(softmax)(z))});
    CHECK(running(chain) == 3);
    Harness<> after({x}, {Activation(softmax)(Activation(linear)(z))});
    CHECK(running(after) == 2);
}

TEST_CASE("Plan: in place where it can be, with the same numbers") {
    const Node x = input({dim::batch(), 64});
    const auto chain = [&](Node n) {
        for (int i = 0; i < 6; ++i) n = Dropout(0.5)(n);
        return Activation(relu)(n);
    };
    const Node y = Dense(3)(chain(Dense(64)(x)));
    Harness<> shared({x}, {y}, {});
    PlanOptions all;
    for (std::size_t i = 0; i < shared.graph.entries().size(); ++i) all.keep.push_back({int(i), 0});
    Harness<> kept({x}, {y}, all);
    for (Harness<>* h : {&shared, &kept}) {
        h->sizes({{"batch", 256}});
        h->set(0, numbers({256, 64}));
        h->forward();
    }
    CHECK(values(shared.y()) == values(kept.y()));
    const Index one = 256 * 64 * 4;
    CHECK(shared.workspace->arena_bytes() < 4 * one);
    CHECK(kept.workspace->arena_bytes() > 8 * one);
    // A value that a second reader still needs is not overwritten.
    const Node h = Dense(64)(x), dropped = Activation(relu)(h);
    Harness<> two({x}, {Add()(Activation(relu)(dropped), h)});
    two.sizes({{"batch", 2}});
    two.set(0, numbers({2, 64}));
    two.forward();
    Harness<> look({x}, {h});
    look.sizes({{"batch", 2}});
    look.set(0, numbers({2, 64}));
    look.forward();
    bool right = true;
    for (Index i = 0; i < 128; ++i) right = right && two.y()[i] == std::max(0.0f, look.y()[i]) + look.y()[i];
    CHECK(right);
}

TEST_CASE("Plan: a layer in place may change the shape") {
    const Node x = input({dim::batch(), 4, 16});
    const Node dense = Dense(8)(x), flat = Flatten()(dense), y = Dense(3)(Reshape(-1, 8)(flat));
    const auto run = [&](const std::vector<Edge>& keep) {
        PlanOptions o;
        o.keep = keep;
        Harness<> h({x}, {y}, o);
        h.sizes({{"batch", 5}});
        h.set(0, numbers({5, 4, 16}));
        h.forward();
        bool same = true;
        for (int i = 1; i < 3; ++i)
            same = same && h.workspace->value({i + 1, 0}).data == h.workspace->value({1, 0}).data;
        return std::pair(values(h.y()), same);
    };
    const auto [shared, same] = run({});
    const auto [kept, apart] = run({{1, 0}, {2, 0}, {3, 0}});
    CHECK(same);
    CHECK(!apart);
    CHECK(shared == kept);
}

TEST_CASE("Plan: symbols grow and shrink, prefixes give the numbers of a fresh plan") {
    const Node ids = input({dim::batch(), dim::time()}, Dtype::i32);
    const Node e = Embedding({.input_dim = 30, .output_dim = 6, .mask_zero = true})(ids);
    const Node y = Dense(2, softmax)(Bidirectional(LSTM({.units = 5, .dropout = 0.3}))(Dropout(0.1)(e)));
    const auto pass = [&](Harness<>& h, Index batch, Index time) {
        h.pass.training = true;
        h.sizes({{"batch", batch}, {"time", time}});
        h.workspace->zero_gradients();
        h.set(0, tokens({batch, time}, 30));
        h.forward();
        h.seed(0, numbers({batch, 2}));
        h.backward();
        auto all = values(h.y());
        for (const Parameter& p : h.table.list())
            for (const float g : h.grad(p.name)) all.push_back(g);
        return all;
    };
    Harness<> one({ids}, {y});
    Index largest = 0;
    for (const auto& [batch, time] :
         std::vector<std::pair<Index, Index>>{{1, 3}, {4, 3}, {2, 9}, {4, 9}, {1, 1}, {3, 2}, {0, 4}, {5, 12}}) {
        one.sizes({{"batch", batch}, {"time", time}});
        one.workspace->poison();
        Harness<> fresh({ids}, {y});
        CHECK(pass(one, batch, time) == pass(fresh, batch, time));
        CHECK(one.workspace->arena_bytes() >= largest);
        largest = one.workspace->arena_bytes();
    }
    CHECK(one.workspace->bounds().find("time") == 12);
    CHECK_THROWS_AS(Harness<>({ids}, {y}).sizes({{"batch", 3}}), ShapeError);
}

TEST_CASE("Plan: equalities that symbols leave open are checked when a plan is made") {
    const Node a = input({dim::batch(), Dim("left")}), b = input({dim::batch(), Dim("right")});
    Harness<> h({a, b}, {Add()(a, b)});
    CHECK_THROWS_WITH(h.sizes({{"batch", 2}, {"left", 3}, {"right", 4}}),
                      "add: expects two values of the same shape, got 3 and 4");
    h.sizes({{"batch", 2}, {"left", 4}, {"right", 4}});
    h.set(0, numbers({2, 4}));
    h.set(1, numbers({2, 4}));
    h.forward();
    CHECK(h.y()[3] == 2 * numbers({2, 4})[3]);
    // What held before still runs after a size that does not.
    CHECK_THROWS_AS(h.sizes({{"batch", 99}, {"left", 5}, {"right", 4}}), ShapeError);
    h.sizes({{"batch", 2}, {"left", 4}, {"right", 4}});
    h.forward();
    CHECK(h.y()[7] == 2 * numbers({2, 4})[7]);
    CHECK_THROWS_AS(Add()(a, input({dim::batch(), Dim("left") + 1})), ShapeError);
}

TEST_CASE("Plan: gradients of inner values, detached places and plans without gradients") {
    const Node x = input({dim::batch(), 4});
    const Node h = Dense(3)(x), y = Activation(activation::tanh)(Activation(sigmoid)(h));
    PlanOptions inner{.differentiated = true};
    inner.gradients_of = {Graph({x}, {y}).edge(h)};
    Harness<> run({x}, {y}, inner);
    run.sizes({{"batch", 1}});
    run.set(0, numbers({1, 4}));
    run.forward();
    run.seed(0, Tensor<float>({1, 3}, 1.0f));
    run.backward();
    CHECK(run.workspace->gradient(run.graph.edge(h)).shape == Shape{1, 3});
    CHECK(run.workspace->gradient(run.inputs[0]).empty());
    const auto bias = run.grad("dense.bias");
    const auto dh = run.workspace->gradient(run.graph.edge(h)).as<float>();
    for (Index i = 0; i < 3; ++i) CHECK(bias[i] == dh[i]);

    Harness<> plain({x}, {y}, {});
    plain.sizes({{"batch", 1}});
    plain.set(0, numbers({1, 4}));
    plain.forward();
    CHECK(values(plain.y()) == values(run.y()));
    CHECK(plain.workspace->gradient(plain.outputs[0]).empty());
    CHECK(plain.workspace->arena_bytes() < run.workspace->arena_bytes());
}

TEST_CASE("Plan: a product passes over the relu below it, where it is the only one to read it") {
    const Node x = input({dim::batch(), 5});
    const Node a = Dense(7, relu).named("a")(x), b = Dense(6, relu).named("b")(a), y = Dense(2).named("y")(b);
    CHECK(passed(Harness<>({x}, {y})) == Names{"a", "b"});
    CHECK(passed(Harness<>({x}, {y}, {})).empty());                       // no gradients at all
    CHECK(passed(Harness<>({x}, {y, a})) == Names{"b"});                  // an output is seeded from outside
    CHECK(passed(Harness<>({x}, {Add()(y, Dense(2)(b))})) == Names{"a"}); // a second reader
    CHECK(passed(Harness<>({x}, {y}, {.differentiated = true, .gradients_of = {Graph({x}, {y}).edge(b)}})) ==
          Names{"a"});                                                  // asked for
    CHECK(passed(Harness<>({x}, {Dense(2)(Dropout(0.5)(a))})).empty()); // another layer between
    CHECK(passed(Harness<>({x}, {Dense(2)(Dense(7, sigmoid)(x))})).empty());
    CHECK(passed(Harness<>({x}, {Dense(2)(Activation(relu).named("r")(x))})) == Names{"r"});
    CHECK(passed(Harness<>({x}, {Dense(2)(Activation(relu).named("r")(Dense(7).named("z")(x)))})) == Names{"z+r"});

    PlanOptions nothing_before{.differentiated = true};
    nothing_before.gradients_of = {Edge{99, 0}};
    CHECK(passed(Harness<>({x}, {y}, nothing_before, {"a.kernel", "a.bias"})) == Names{"b"}); // nothing flows into a
    PlanOptions is_loss{.differentiated = true};
    is_loss.losses = {Graph({x}, {y}).edge(a)};
    CHECK(passed(Harness<>({x}, {y}, is_loss)) == Names{"b"}); // a loss is seeded from outside

    // The same numbers, to the bit, as where somebody looks at every gradient.
    const auto check = [&](const std::vector<Node>& inner, const Node& out, const std::vector<std::string>& parameters,
                           ProductPrecision precision = {}) {
        const auto gradients = [&](bool apart) {
            PlanOptions options{.differentiated = true};
            const Graph graph({x}, {out});
            options.gradients_of = {graph.edge(x)};
            if (apart)
                for (const Node& n : inner) options.gradients_of.push_back(graph.edge(n));
            Harness<> h({x}, {out}, options);
            CHECK(passed(h).size() == (apart ? 0 : inner.size()));
            h.pass.precision = precision;
            std::vector<float> all;
            for (const Index batch : {1, 3, 70}) {
                h.sizes({{"batch", batch}});
                h.workspace->poison();
                h.workspace->zero_gradients();
                h.set(0, numbers({batch, 5}));
                h.forward();
                h.seed(0, numbers({batch, 2}, 2));
                h.backward();
                all.insert(all.end(), h.dx().begin(), h.dx().end());
                for (const std::string& name : parameters)
                    for (const float g : h.grad(name)) all.push_back(g);
            }
            return all;
        };
        CHECK(gradients(false) == gradients(true));
    };
    check({a, b}, y, {"a.kernel", "a.bias", "b.kernel", "b.bias", "y.kernel", "y.bias"});
    check({a, b}, y, {"a.kernel", "a.bias", "b.kernel", "b.bias", "y.kernel", "y.bias"}, bfloat16);
    const Dense shared = Dense(5, relu).named("shared");
    const Node first = shared(x), second = shared(first);
    check({first, second}, Dense(2).named("y")(second), {"shared.kernel", "shared.bias", "y.kernel"});
}

TEST_CASE("Plan: a loss passes over the softmax below it, unless somebody asks for its gradient") {
    const Node x = input({dim::batch(), 5}), t = input({dim::batch(), 3});
    const Node p = Dense(3, softmax).named("p")(x), loss = CategoricalCrossentropy()(p, t);
    const Graph graph({x, t}, {p, loss});
    const Index batch = 4;
    const auto gradients = [&](bool asked, bool from_losses) {
        PlanOptions options{.differentiated = true, .losses = {graph.edge(loss)}, .first_loss = graph.edge(loss).node};
        options.gradients_of = {graph.edge(x)};
        if (asked) options.gradients_of.push_back(graph.edge(p));
        Harness<> h({x, t}, {p, loss}, options);
        CHECK(passed(h) == (asked ? Names{} : Names{"p"}));
        h.sizes({{"batch", batch}});
        h.workspace->poison();
        h.set(0, numbers({batch, 5}));
        Tensor<float> targets({batch, 3});
        for (Index i = 0; i < batch; ++i) targets[i * 3 + i % 3] = 1;
        h.set(1, targets);
        h.forward();
        h.workspace->start_backward(from_losses);
        h.seed(0, from_losses ? Tensor<float>({batch, 3}) : numbers({batch, 3}, 2));
        h.seed(1, Tensor<float>({batch}, 1.0f));
        h.workspace->backward(h.pass, from_losses, 0, h.workspace->size());
        if (asked && from_losses) {
            const auto dp = h.workspace->gradient(graph.edge(p)).as<float>();
            for (Index i = 0; i < dp.size(); ++i)
                CHECK(std::abs(dp[i] - (1 - targets[i] / h.y(0)[i])) <= 1e-5); // of p divided by its sum
        }
        std::vector<float> all = values(h.dx());
        for (const float g : h.grad("p.kernel")) all.push_back(g);
        return all;
    };
    for (const bool from_losses : {true, false}) {
        const auto linked = gradients(false, from_losses), asked = gradients(true, from_losses);
        REQUIRE(linked.size() == asked.size());
        for (std::size_t i = 0; i < linked.size(); ++i) CHECK(std::abs(linked[i] - asked[i]) < 1e-6);
    }
}

TEST_CASE("Plan: no memory is shared by values that live together (random graphs)") {
    // Every value is computed again without sharing; a clash of life times would show.
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const Random random(seed, 1, Purpose::noise);
        const Node x = input({dim::batch(), 8});
        std::vector<Node> nodes{x};
        for (Index k = 0; k < 14; ++k) {
            const Node a = nodes[static_cast<std::size_t>(random.below(k, 0, std::ssize(nodes)))];
            const Node b = nodes[static_cast<std::size_t>(random.below(k, 1, std::ssize(nodes)))];
            switch (random.below(k, 2, 6)) {
            case 0: nodes.push_back(Add()(a, b)); break;
            case 1: nodes.push_back(Dense(8)(a)); break;
            case 2: nodes.push_back(Activation(activation::tanh)(a)); break;
            case 3: nodes.push_back(Dropout(0.3)(a)); break;
            case 4: nodes.push_back(TwoByTwo()(a, b).output(static_cast<int>(random.below(k, 3, 2)))); break;
            default: nodes.push_back(Activation(relu)(Dense(8)(b))); break;
            }
        }
        std::vector<Node> outs{nodes.back(), nodes[7]};
        Harness<> shared({x}, outs);
        PlanOptions all{.differentiated = true};
        for (std::size_t i = 0; i < shared.graph.entries().size(); ++i)
            for (std::size_t o = 0; o < shared.graph.entries()[i].place->build.outs().size(); ++o) {
                all.keep.push_back({int(i), int(o)});
                all.gradients_of.push_back({int(i), int(o)});
            }
        Harness<> kept({x}, outs, all);
        for (Harness<>* h : {&shared, &kept}) {
            h->pass.training = true;
            h->sizes({{"batch", 3}});
            h->workspace->poison();
            h->set(0, numbers({3, 8}));
            h->forward();
            h->seed(0, numbers({3, 8}, 2));
            if (outs[0].place() != outs[1].place()) h->seed(1, numbers({3, 8}, 3));
            h->backward();
        }
        INFO("seed " << seed);
        CHECK(values(shared.y()) == values(kept.y()));
        if (!shared.dx().empty()) CHECK(values(shared.dx()) == values(kept.dx()));
        for (const Parameter& p : shared.table.list()) CHECK(values(shared.grad(p.name)) == values(kept.grad(p.name)));
        CHECK(shared.workspace->arena_bytes() <= kept.workspace->arena_bytes());
    }
}

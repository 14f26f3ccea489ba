// Floating-point operations of places, and the executor's spans and counters in a trace.
#include "../io/temporary_folder.hpp"
#include "catch.hpp"
#include "layers.hpp"

#include <gradus/core/trace.hpp>
#include <gradus/layers/activation.hpp>
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/dropout.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/layers/time_distributed.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace gradus;

namespace {

struct Flops {
    double forward, backward;
    friend bool operator==(const Flops&, const Flops&) = default;
};
/// Of all places for 5 rows of 7 steps.
template <class T> Flops flops_of(Harness<T>& h) {
    h.sizes({{"batch", 5}, {"time", 7}});
    return {h.workspace->flops(0, h.workspace->size(), false), h.workspace->flops(0, h.workspace->size(), true)};
}

} // namespace

TEST_CASE("flops: Dense multiplies once forward, and once for each gradient that is wanted") {
    const Node x = input({dim::batch(), 3});
    const double once = 2 * 5 * 3 * 4;
    Harness<> both({x}, {Dense(4, relu)(x)});
    CHECK(flops_of(both) == Flops{once, 2 * once});
    Harness<> frozen({x}, {Dense(4)(x)}, {.differentiated = true}, {"dense.kernel"});
    CHECK(flops_of(frozen) == Flops{once, once});
    Harness<> inference({x}, {Dense(4)(x)}, {});
    CHECK(flops_of(inference) == Flops{once, 0});

    // The first layer's input has no gradient, the second's has one.
    const Node first = Dense(4)(x);
    Harness<> two({x}, {Dense(2)(first)}, {.differentiated = true, .gradients_of = {Edge{99, 0}}});
    CHECK(flops_of(two) == Flops{once + 2 * 5 * 4 * 2, once + 2 * (2 * 5 * 4 * 2)});
}

TEST_CASE("flops: one place does the work of two under both names") {
    const Node x = input({dim::batch(), 3});
    Harness<> h({x}, {Activation(softmax)(Dense(4)(x))});
    CHECK(flops_of(h) == Flops{2 * 5 * 3 * 4, 2 * 2 * 5 * 3 * 4});
    const auto& nodes = h.workspace->plan().nodes();
    CHECK(nodes[1].layer == nullptr);
    CHECK(nodes[2].name == "dense+activation");
    CHECK(nodes[2].kind == "dense");
}

TEST_CASE("flops: LSTM, and layers in wrappers") {
    const Node x = input({dim::batch(), dim::time(), 3});
    const double data = 2 * 5 * 7 * 3 * 16, own = 2 * 5 * 7 * 4 * 16;
    Harness<> lstm({x}, {LSTM(4)(x)});
    CHECK(flops_of(lstm) == Flops{data + own, 2 * (data + own)});
    Harness<> frozen({x}, {LSTM(4)(x)}, {.differentiated = true},
                     {"lstm.kernel", "lstm.recurrent_kernel", "lstm.bias"});
    CHECK(flops_of(frozen) == Flops{data + own, data + own});
    Harness<> no_input({x}, {LSTM(4)(x)}, {.differentiated = true, .gradients_of = {Edge{99, 0}}});
    CHECK(flops_of(no_input) == Flops{data + own, data + 2 * own});

    Harness<> two({x}, {Bidirectional(LSTM(4))(x)});
    CHECK(flops_of(two) == Flops{2 * (data + own), 4 * (data + own)});
    Harness<> steps({x}, {TimeDistributed(Dense(4))(x)});
    CHECK(flops_of(steps) == Flops{2 * 5 * 7 * 3 * 4, 2 * 2 * 5 * 7 * 3 * 4});
}

TEST_CASE("flops: a layer that declares no product has none") {
    const Node x = input({dim::batch(), 3});
    Harness<> h({x}, {small::Add()(x, Dropout(0.5)(x))});
    CHECK(flops_of(h) == Flops{0, 0});
}

TEST_CASE("Workspace: backward in parts gives the bits of backward in one") {
    const Node x = input({dim::batch(), 3});
    const Node y = Dense(4, relu).named("a")(x);
    const Dense last = Dense(2).named("b");
    const auto run = [&](bool in_parts) {
        Harness<> h({x}, {last(y), small::Add()(y, y)});
        h.sizes({{"batch", 5}});
        h.set(0, numbers({5, 3}));
        h.forward();
        h.seed(0, numbers({5, 2}, 2));
        h.seed(1, numbers({5, 4}, 3));
        const int n = h.workspace->size();
        if (in_parts) {
            h.workspace->start_backward(false);
            for (int i = n; i-- > 0;) h.workspace->backward(h.pass, false, i, i + 1);
        } else {
            h.backward();
        }
        const auto a = h.grad("a.kernel"), b = h.grad("b.kernel");
        std::vector<float> all(a.begin(), a.end());
        all.insert(all.end(), b.begin(), b.end());
        all.insert(all.end(), h.dx().begin(), h.dx().end());
        return all;
    };
    CHECK(run(true) == run(false));
}

TEST_CASE("Workspace: a span for each place, forward and backward, and counters; the same bits") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    const Node x = input({dim::batch(), 3});
    const Node y = Dense(2).named("head")(Dropout(0.5)(Dense(4, relu)(x)));
    const auto run = [&] {
        Harness<> h({x}, {y});
        h.pass.training = true;
        h.sizes({{"batch", 5}});
        h.set(0, numbers({5, 3}));
        h.forward();
        h.seed(0, numbers({5, 2}, 2));
        h.backward();
        const auto g = h.grad("head.kernel");
        std::vector<float> all(g.begin(), g.end());
        all.insert(all.end(), h.dx().begin(), h.dx().end());
        return std::pair(all, h.workspace->arena_bytes());
    };
    const auto quiet = run();
    Trace trace(path);
    const auto traced = run();
    trace.close();
    CHECK(traced == quiet);

    const auto file = nlohmann::json::parse(read_bytes(path));
    std::vector<std::string> spans;
    double rate = 0, bytes = 0;
    for (const auto& e : file.at("traceEvents")) {
        if (e.at("ph") == "X")
            spans.push_back(e.at("name").get<std::string>() + "/" + e.at("cat").get<std::string>() +
                            (e.contains("args") ? "/" + e.at("args").at("pass").get<std::string>() : ""));
        if (e.at("name") == "GFLOP/s") rate = std::max(rate, e.at("args").at("value").get<double>());
        if (e.at("name") == "arena bytes") bytes = e.at("args").at("value");
    }
    CHECK(spans == std::vector<std::string>{"plan/memory", "input/input/forward", "dense/dense/forward",
                                            "dropout/dropout/forward", "head/dense/forward", "forward/pass",
                                            "head/dense/backward", "dropout/dropout/backward", "dense/dense/backward",
                                            "input/input/backward", "backward/pass"});
    CHECK(rate > 0);
    CHECK(bytes == static_cast<double>(quiet.second));
}

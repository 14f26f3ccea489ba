#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/lstm.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

namespace {
const CheckInput sequence{.shape = {dim::batch(), dim::time(), 3}};
const CheckInput masked{.shape = {dim::batch(), dim::time(), 3}, .mask = true};
const CheckInput state{.shape = {dim::batch(), 4}};
} // namespace

TEST_CASE("LSTM: gradients") {
    for (const bool sequences : {false, true})
        for (const bool states : {false, true})
            for (const bool backwards : {false, true})
                for (const CheckInput& x : {sequence, masked}) {
                    const LSTM layer(
                        {.units = 4, .return_sequences = sequences, .return_state = states, .go_backwards = backwards});
                    CHECK_NOTHROW(check_layer(layer, {.inputs = {x}}));
                    if (!backwards) check_layer(layer, {.inputs = {x, state, state}});
                }
}

TEST_CASE("LSTM: gradients with dropout, state and without bias") {
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .use_bias = false}), {.inputs = {sequence}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .dropout = 0.3, .recurrent_dropout = 0.4}), {.inputs = {masked}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .dropout = 0.3, .return_sequences = true, .return_state = true}),
                              {.inputs = {sequence, state, state}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .stateful = true}), {.inputs = {masked}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .return_sequences = true, .return_state = true, .stateful = true}),
                              {.inputs = {sequence}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 4, .stateful = true}), {.inputs = {sequence, state, {.present = false}}}));
    CHECK_NOTHROW(check_layer(LSTM({.units = 17}), {.inputs = {sequence}, .batches = {17}, .times = {2}}));
}

TEST_CASE("LSTM: Keras's numbers", "[golden]") {
    const auto file = golden_file("lstm");
    const auto golden = [&]<class T>(T, const std::string& name, const LSTMOptions& o, bool initial) {
        Golden<T> g{
            file, name + "/", {"x"}, {"y"}, {{"lstm.kernel", "kernel"}, {"lstm.recurrent_kernel", "recurrent_kernel"}}};
        if (o.use_bias) g.parameters.emplace_back("lstm.bias", "bias");
        if (initial) g.inputs.insert(g.inputs.end(), {"h0", "c0"});
        if (o.return_state) g.outputs.insert(g.outputs.end(), {"h", "c"});
        return g;
    };
    const auto make = [&]<class T>(const Golden<T>& g, const LSTMOptions& o) {
        const auto in = g.nodes();
        const Node y = in.size() > 1 ? LSTM<T>(o)(in[0], in[1], in[2]) : LSTM<T>(o)(in[0]);
        std::vector<Node> outs{y};
        for (std::size_t i = 1; i < g.outputs.size(); ++i) outs.push_back(y.output(static_cast<int>(i)));
        return Harness<T>(in, outs);
    };
    const auto check = [&](const std::string& name, const LSTMOptions& o, bool initial = false) {
        const auto one = [&]<class T>(T) {
            const auto g = golden(T(), name, o, initial);
            auto h = make(g, o);
            g.load(h);
            g.check(h);
        };
        one(float());
        one(double());
    };
    check("last", {.units = 4});
    check("sequences", {.units = 4, .return_sequences = true});
    check("no_bias", {.units = 4, .use_bias = false});
    check("state", {.units = 4, .return_state = true});
    check("sequences_state", {.units = 4, .return_sequences = true, .return_state = true});
    check("backwards", {.units = 4, .go_backwards = true});
    check("backwards_sequences", {.units = 4, .return_sequences = true, .go_backwards = true});
    check("initial", {.units = 4, .return_state = true}, true);
    check("initial_sequences", {.units = 4, .return_sequences = true, .return_state = true}, true);
    check("mask", {.units = 4});
    check("mask_sequences", {.units = 4, .return_sequences = true});
    check("mask_state", {.units = 4, .return_sequences = true, .return_state = true});
    check("mask_initial", {.units = 4, .return_sequences = true, .return_state = true}, true);
    check("mask_backwards", {.units = 4, .go_backwards = true});
    check("mask_backwards_sequences", {.units = 4, .return_sequences = true, .go_backwards = true});

    const auto stateful = [&]<class T>(T) {
        const LSTMOptions o{.units = 4, .return_sequences = true, .return_state = true, .stateful = true};
        const auto first = golden(T(), "stateful/first", o, false), second = golden(T(), "stateful/second", o, false);
        auto h = make(first, o);
        first.load(h);
        first.check(h);
        second.load(h);
        second.check(h);
        h.workspace->reset_states();
        first.load(h);
        first.check(h);
    };
    stateful(float());
    stateful(double());
}

TEST_CASE("LSTM: bits and allocations") {
    for (const bool mask : {false, true}) {
        check_promises(LSTM({.units = 64, .dropout = 0.2, .recurrent_dropout = 0.2}), {dim::batch(), 20, 50}, 37, mask);
        check_promises(LSTM({.units = 13, .return_sequences = true, .go_backwards = true, .stateful = true}),
                       {dim::batch(), 9, 6}, 70, mask);
    }
}

TEST_CASE("LSTM: parameters start as Keras's") {
    const Node x = input({dim::batch(), dim::time(), 3});
    Harness<> h({x}, {LSTM(5)(x)});
    const auto bias = h.parameter("lstm.bias");
    for (Index i = 0; i < 20; ++i) CHECK(bias[i] == (i >= 5 && i < 10 ? 1.0f : 0.0f));
    const auto u = h.parameter("lstm.recurrent_kernel");
    for (Index r = 0; r < 5; ++r)
        for (Index s = 0; s < 5; ++s) {
            double dot = 0;
            for (Index k = 0; k < 20; ++k) dot += double(u[r * 20 + k]) * double(u[s * 20 + k]);
            CHECK(std::abs(dot - (r == s)) < 1e-5);
        }
    Harness<> none({x}, {LSTM({.units = 5, .unit_forget_bias = false})(x)});
    for (const float b : none.parameter("lstm.bias")) CHECK(b == 0);
}

TEST_CASE("LSTM: bad options and input") {
    const Node x = input({dim::batch(), dim::time(), 3}), h = input({dim::batch(), 4});
    CHECK_THROWS_WITH(LSTM(4)(h),
                      "lstm: expects [batch, time, features], got [batch, 4]; its input is the model's input");
    CHECK_THROWS_WITH(LSTM(0)(x), ContainsSubstring("lstm: units expects"));
    CHECK_THROWS_WITH(
        LSTM(5)(x, h, h),
        ContainsSubstring("lstm: expects states of 5 units as input 1, got [batch, time, 3] and [batch, 4]"));
    CHECK_THROWS_WITH(LSTM(4)(x, h, x), ContainsSubstring("lstm: expects states [batch, units] as input 2, got "));
    CHECK_THROWS_WITH(LSTM(4)(x, input({dim::batch() + 1, 4})),
                      ContainsSubstring("lstm: expects states with the rows of the sequence as input 1, got "));
    CHECK_THROWS_AS(LSTM({.units = 4, .activation = relu})(x), ValueError);
    CHECK_THROWS_AS(LSTM({.units = 4, .dropout = 1})(x), ValueError);
    CHECK_THROWS_AS(LSTM({.units = 4, .recurrent_dropout = -0.1})(x), ValueError);
    CHECK_THROWS_AS(LSTM(4)(input({dim::batch(), dim::time(), Dim("features")})), ShapeError);
}

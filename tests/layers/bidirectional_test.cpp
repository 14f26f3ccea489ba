#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/activation.hpp>
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Bidirectional: gradients") {
    const CheckInput state{.shape = {dim::batch(), 4}};
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave})
        for (const bool sequences : {false, true})
            for (const bool mask : {false, true}) {
                const CheckInput x{.shape = {dim::batch(), dim::time(), 3}, .mask = mask};
                CHECK_NOTHROW(check_layer(
                    Bidirectional(LSTM<double>({.units = 4, .return_sequences = sequences}), {.merge_mode = merge}),
                    {.inputs = {x}}));
            }
    const CheckInput x{.shape = {dim::batch(), dim::time(), 3}, .mask = true};
    const LSTM<double> layer(
        {.units = 4, .dropout = 0.2, .return_sequences = true, .return_state = true, .stateful = true});
    CHECK_NOTHROW(check_layer(Bidirectional(layer), {.inputs = {x}}));
    CHECK_NOTHROW(check_layer(Bidirectional(layer), {.inputs = {x, state, state, state, state}}));
}

TEST_CASE("Bidirectional: Keras's numbers", "[golden]") {
    const auto file = golden_file("bidirectional");
    const auto check = [&]<class T>(T, Merge merge, bool sequences, bool mask) {
        Golden<T> g{file,
                    std::string(enum_names(merge)[static_cast<std::size_t>(merge)]) + (sequences ? "_sequences" : "") +
                        (mask ? "_mask/" : "/"),
                    {"x"},
                    {"y"},
                    {}};
        for (const std::string side : {"forward", "backward"})
            for (const std::string name : {"kernel", "recurrent_kernel", "bias"})
                g.parameters.emplace_back("bidirectional." + side + "." + name, side + "/" + name);
        const auto in = g.nodes();
        Harness<T> h(
            in, {Bidirectional(LSTM<T>({.units = 4, .return_sequences = sequences}), {.merge_mode = merge})(in[0])});
        g.load(h);
        g.check(h);
    };
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave})
        for (const bool sequences : {false, true})
            for (const bool mask : {false, true})
                check(float(), merge, sequences, mask), check(double(), merge, sequences, mask);
}

TEST_CASE("Bidirectional: bits and allocations") {
    for (const bool mask : {false, true})
        check_promises(Bidirectional(LSTM({.units = 24, .dropout = 0.2, .return_sequences = true})),
                       {dim::batch(), 20, 30}, 40, mask);
}

TEST_CASE("Bidirectional: parameters of its own, and bad input") {
    const LSTM layer(4);
    const Node x = input({dim::batch(), dim::time(), 3});
    Harness<> h({x}, {Bidirectional(layer)(x), layer(x)});
    std::vector<std::string> names;
    for (const Parameter& p : h.table.list()) names.push_back(p.name);
    CHECK(names == std::vector<std::string>{"bidirectional.forward.kernel", "bidirectional.forward.recurrent_kernel",
                                            "bidirectional.forward.bias", "bidirectional.backward.kernel",
                                            "bidirectional.backward.recurrent_kernel", "bidirectional.backward.bias",
                                            "lstm.kernel", "lstm.recurrent_kernel", "lstm.bias"});
    CHECK(h.parameter("bidirectional.forward.kernel")[0] != h.parameter("bidirectional.backward.kernel")[0]);

    CHECK_THROWS_WITH(Bidirectional(layer)(input({dim::batch(), 3})),
                      "bidirectional: expects [batch, time, features], got [batch, 3]; its input is the model's input");
    CHECK_THROWS_WITH(Bidirectional<float>()(x),
                      "bidirectional: expects a recurrent layer (one that derives from Recurrent), got none");
    CHECK_THROWS_WITH(Bidirectional(Activation(relu)),
                      "bidirectional: expects a recurrent layer (one that derives from Recurrent), got activation");
}

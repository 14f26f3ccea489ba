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

// Values and gradients are those of one LSTM forward and one backward, which have its parameters and states.
TEST_CASE("Bidirectional: two LSTMs, with initial states, last states and states from batch to batch") {
    constexpr Index rows = 3, time = 6, units = 4;
    const auto check = [&](bool sequences, bool mask, bool initial) {
        CAPTURE(sequences, mask, initial);
        LSTMOptions o{.units = units, .return_sequences = sequences, .return_state = true, .stateful = true};
        const auto make = [&](const auto& outputs) {
            std::vector<Node> in{input<double>({dim::batch(), time, 5}, Dtype::f64, mask)};
            for (int i = 0; initial && i < 4; ++i) in.push_back(input<double>({dim::batch(), units}));
            const std::vector<Node> out = outputs(in);
            auto h = std::make_unique<Harness<double>>(in, out);
            h->sizes({{"batch", rows}});
            return h;
        };
        const auto both = make([&](const std::vector<Node>& in) {
            const Bidirectional layer{LSTM<double>(o)};
            const Node y = initial ? layer(in[0], in[1], in[2], in[3], in[4]) : layer(in[0]);
            return std::vector{y, y.output(1), y.output(2), y.output(3), y.output(4)};
        });
        const auto two = make([&](const std::vector<Node>& in) {
            const LSTM<double> forward(o);
            o.go_backwards = true;
            const LSTM<double> backward(o);
            const Node f = initial ? forward(in[0], in[1], in[2]) : forward(in[0]);
            const Node b = initial ? backward(in[0], in[3], in[4]) : backward(in[0]);
            return std::vector{f, f.output(1), f.output(2), b, b.output(1), b.output(2)};
        });
        const std::string names[] = {"kernel", "recurrent_kernel", "bias"};
        const std::pair<std::string, std::string> sides[] = {{"bidirectional.forward.", "lstm."},
                                                             {"bidirectional.backward.", "lstm_1."}};
        std::uint64_t stream = 1;
        for (const auto& [wrapped, alone] : sides)
            for (const auto& name : names) {
                const auto value = numbers<double>(two->parameter(alone + name).shape(), ++stream);
                both->set_parameter(wrapped + name, value);
                two->set_parameter(alone + name, value);
            }
        for (int batch = 0; batch < 3; ++batch) {
            if (batch == 2) both->workspace->reset_states(), two->workspace->reset_states();
            Tensor<std::uint8_t> real({rows, time}, 1);
            for (Index i = 0; i < real.size(); ++i) real[i] = !mask || i % 5 < 3;
            for (auto* h : {both.get(), two.get()}) {
                h->set(0, numbers<double>({rows, time, 5}, 10));
                if (mask) h->set_mask(0, real);
                for (std::size_t i = 1; i < h->inputs.size(); ++i) h->set(i, numbers<double>({rows, units}, 20 + i));
                h->workspace->zero_gradients();
                h->forward();
            }
            const Index steps = sequences ? time : 1;
            Tensor<double> y({rows, steps, 2 * units}), df({rows, steps, units}), db({rows, steps, units});
            const auto dy = numbers<double>({rows, steps, 2 * units}, 30);
            for (Index r = 0; r < rows; ++r)
                for (Index t = 0; t < steps; ++t)
                    for (Index u = 0; u < units; ++u) {
                        if (sequences && !real(r, t)) continue;
                        const Index back = (r * steps + steps - 1 - t) * units + u;
                        y(r, t, u) = two->y(0)[(r * steps + t) * units + u];
                        y(r, t, units + u) = two->y(3)[back];
                        df(r, t, u) = dy(r, t, u);
                        db[back] = dy(r, t, units + u);
                    }
            check_close<double>("y", both->y(), y);
            both->seed(0, dy);
            two->seed(0, df);
            two->seed(3, db);
            for (std::size_t i = 0; i < 4; ++i) {
                const std::size_t single = i < 2 ? 1 + i : 2 + i;
                check_close<double>("state", both->y(1 + i), two->y(single));
                const auto seed = numbers<double>({rows, units}, 40 + i);
                both->seed(1 + i, seed);
                two->seed(single, seed);
            }
            both->backward();
            two->backward();
            for (std::size_t i = 0; i < both->inputs.size(); ++i) check_close<double>("dx", both->dx(i), two->dx(i));
            for (const auto& [wrapped, alone] : sides)
                for (const auto& name : names)
                    check_close<double>(wrapped + name, both->grad(wrapped + name), two->grad(alone + name));
        }
    };
    for (const bool sequences : {false, true})
        for (const bool mask : {false, true})
            for (const bool initial : {false, true}) check(sequences, mask, initial);
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

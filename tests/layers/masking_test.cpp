#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/lstm.hpp>
#include <gradus/layers/masking.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Masking: gradients") {
    const CheckInput sequence{.shape = {dim::batch(), dim::time(), 3}};
    CheckInput masked = sequence;
    masked.mask = true;
    for (const CheckInput& x : {sequence, masked, CheckInput{.shape = {dim::batch(), dim::time(), 2, 2}}})
        for (const double value : {0.0, -1.0}) CHECK_NOTHROW(check_layer(Masking(value), {.inputs = {x}}));
}

TEST_CASE("Masking: Keras's numbers, values and mask", "[golden]") {
    const auto file = golden_file("shaping");
    const auto check = [&]<class T>(T, const std::string& name, double value) {
        const std::string prefix = name + "/";
        const Node x = input<T>({dim::batch(), 4, 3});
        Harness<T> h({x}, {Masking<T>(value)(x)});
        h.sizes({{"batch", file.at(prefix + "x").shape[0]}});
        h.set(0, file.tensor<double>(prefix + "x"));
        h.forward();
        check_close<T>("y", h.y(), file.tensor<double>(prefix + "y"));
        const auto mask = file.tensor<std::uint8_t>(prefix + "made");
        for (Index i = 0; i < mask.size(); ++i) CHECK(h.workspace->value(h.outputs[0]).mask[i] == mask[i]);
        h.seed(0, file.tensor<double>(prefix + "dy"));
        h.backward();
        check_close<T>("dx", h.dx(), file.tensor<double>(prefix + "dx"));
    };
    for (const auto& [name, value] : {std::pair{"masking", 0.0}, {"masking_value", -0.5}})
        check(float(), name, value), check(double(), name, value);
}

TEST_CASE("Masking: bits and allocations") {
    check_promises(Masking(), {dim::batch(), 100, 50}, 33);
    check_promises(Masking(0.1), {dim::batch(), 7, 3}, 33, true);
}

TEST_CASE("Masking: an LSTM after it stops at the padding; NaN is no padding") {
    const Node x = input({dim::batch(), dim::time(), 2});
    const LSTM lstm(3);
    Harness<> h({x}, {lstm(Masking()(x)), lstm(x)});
    Tensor<float> padded({1, 4, 2});
    for (Index i = 0; i < 4; ++i) padded[i] = 0.5f;
    const auto last = [&](std::size_t output, const Tensor<float>& values) {
        h.sizes({{"batch", 1}, {"time", values.shape()[1]}});
        h.set(0, values);
        h.forward();
        return std::vector<float>(h.y(output).begin(), h.y(output).end());
    };
    CHECK(last(0, padded) == last(1, Tensor<float>({1, 2, 2}, 0.5f)));
    CHECK(last(0, padded) != last(1, padded));
    padded[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(last(0, padded)[0]));
}

TEST_CASE("Masking: bad options and input") {
    CHECK_THROWS_WITH(Masking()(input({dim::batch(), 6})),
                      "masking: expects values [batch, time, ...], got [batch, 6]; its input is the model's input");
    CHECK_THROWS_WITH(Masking(std::numeric_limits<double>::quiet_NaN())(input({dim::batch(), 6, 2})),
                      "masking: mask_value expects a number, got nan");
}

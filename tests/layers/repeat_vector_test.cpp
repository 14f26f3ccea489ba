#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/repeat_vector.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("RepeatVector: gradients") {
    CHECK_NOTHROW(check_layer(RepeatVector(1)));
    CHECK_NOTHROW(check_layer(RepeatVector(4)));
}

TEST_CASE("RepeatVector: Keras's numbers", "[golden]") {
    const auto file = golden_file("shaping");
    const auto check = [&]<class T>(T) {
        const Golden<T> g{file, "repeat_vector/", {"x"}, {"y"}, {}};
        const auto in = g.nodes();
        Harness<T> h(in, {RepeatVector<T>(4)(in[0])});
        g.load(h);
        g.check(h);
    };
    check(float());
    check(double());
}

TEST_CASE("RepeatVector: bits and allocations") { check_promises(RepeatVector(30), {dim::batch(), 50}, 65); }

TEST_CASE("RepeatVector: bad options and input") {
    CHECK_THROWS_WITH(RepeatVector(0)(input({dim::batch(), 6})), "repeat_vector: n expects at least 1, got 0");
    CHECK_THROWS_WITH(
        RepeatVector(2)(input({dim::batch(), 6, 2})),
        "repeat_vector: expects values [batch, features], got [batch, 6, 2]; its input is the model's input");
}

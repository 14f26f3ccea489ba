#include "catch.hpp"
#include <gradus/core/dim.hpp>
#include <gradus/core/random.hpp>

#include <algorithm>

using namespace gradus;

namespace {
Extents at(Index batch, Index time) {
    Extents e;
    e.set("batch", batch);
    e.set("time", time);
    return e;
}
} // namespace

TEST_CASE("Dim: equality is decided on the canonical form") {
    const Dim b = dim::batch(), t = dim::time();
    CHECK(b + t == t + b);
    CHECK((b + 1) * (b - 1) == b * b - 1);
    CHECK(b - b == Dim(0));
    CHECK((2 * b + 4 - b - b).is_constant());
    CHECK((2 * b + 4 - b - b).constant() == 4);
    CHECK(!(b == t));
    CHECK(!Dim::never_equal(b, t));
    CHECK(Dim::never_equal(b, b + 1));
    CHECK(Dim::never_equal(3, 4));
    CHECK(floor_div(t + 1, 2) == floor_div(1 + t, 2));
    CHECK(floor_div(t, 1) == t);
    CHECK(floor_div(Dim(7), 2) == Dim(3));
    CHECK(floor_div(Dim(-7), 2) == Dim(-4));
}

TEST_CASE("Dim: evaluation agrees with arithmetic on numbers") {
    const Dim b = dim::batch(), t = dim::time();
    const Dim e = floor_div(t * 3 - 5, 2) * b + (b - t) * (b + t) + floor_div(b, t);
    for (Index x = 1; x < 9; ++x)
        for (Index y = 1; y < 9; ++y) {
            const Index n = y * 3 - 5, half = n >= 0 ? n / 2 : -((1 - n) / 2);
            CHECK(e.evaluate(at(x, y)) == half * x + (x - y) * (x + y) + x / y);
        }
    CHECK(evaluate(SymbolicShape{b, t, 3}, at(2, 5)) == Shape{2, 5, 3});
    CHECK_THROWS_WITH(Dim("channels").evaluate(at(1, 1)), "symbol channels has no value");
    CHECK_THROWS_AS((b * b).evaluate(at(Index{1} << 40, 1)), ShapeError);
    CHECK_THROWS_AS(floor_div(b, t).evaluate(at(1, 0)), ShapeError);
    CHECK_THROWS_AS(floor_div(b, 0), ShapeError);
    CHECK_THROWS_AS(b.constant(), ShapeError);
}

TEST_CASE("Dim: text and symbols") {
    const Dim b = dim::batch(), t = dim::time();
    CHECK(Dim(3).to_string() == "3");
    CHECK((2 * t + 1).to_string() == "2*time+1");
    CHECK((b - t).to_string() == "batch-time");
    CHECK(floor_div(t + 1, 2).to_string() == "(time+1)/(2)");
    CHECK(to_string(SymbolicShape{b, t - 1, 50}) == "[batch, time-1, 50]");
    std::vector<std::string> names;
    (b * floor_div(t, Dim("stride"))).symbols(names);
    std::sort(names.begin(), names.end());
    CHECK(names == std::vector<std::string>{"batch", "stride", "time"});
}

TEST_CASE("Extents: known symbols change in place") {
    Extents e;
    CHECK(e.find("batch") == -1);
    CHECK(e.set("batch", 3));
    CHECK(!e.set("batch", 3));
    CHECK(e.set("batch", 4));
    CHECK(e.find("batch") == 4);
    CHECK(e.values().size() == 1);
}

TEST_CASE("Dim: arithmetic that overflows is an error") {
    const Dim large(Index{1} << 62);
    CHECK_THROWS_AS(large * Dim(4), ShapeError);
    CHECK_THROWS_AS(large + large, ShapeError);
    CHECK_THROWS_AS(dim::batch() * large * Dim(4), ShapeError);
    CHECK_THROWS_AS(dim::batch() * large + dim::batch() * large, ShapeError);
    CHECK((large - large) == Dim(0));
}

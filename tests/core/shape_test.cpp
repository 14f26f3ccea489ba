#include "catch.hpp"
#include <gradus/core/shape.hpp>

using namespace gradus;

TEST_CASE("Shape: axes, sizes, products") {
    const Shape s{2, 3, 4};
    CHECK(s.rank() == 3);
    CHECK(s.size() == 24);
    CHECK((s[0] == 2 && s[-1] == 4 && s[-3] == 2));
    CHECK(s.product(1, 3) == 12);
    CHECK(s.product(1, 1) == 1);
    CHECK(to_string(s) == "[2, 3, 4]");
    CHECK(to_string(Shape{}) == "[]");
    CHECK(Shape{}.size() == 1);
    CHECK(Shape{3, 0, 5}.size() == 0);
    CHECK(s == Shape{2, 3, 4});
    CHECK(s != Shape{2, 3});
    CHECK(s != Shape{2, 3, 5});
    CHECK(std::vector<Index>(s.begin(), s.end()) == std::vector<Index>{2, 3, 4});
}

TEST_CASE("Shape: refuses what it cannot hold") {
    CHECK_THROWS_AS((Shape{1, -1}), ShapeError);
    const std::vector<Index> nine(9, 1);
    CHECK_THROWS_AS(Shape(std::span<const Index>(nine)), ShapeError);
    Shape eight{1, 1, 1, 1, 1, 1, 1, 1};
    CHECK_THROWS_AS(eight.push_back(1), ShapeError);
    const Index large = Index{1} << 32;
    CHECK(Shape{large, large / 4}.size() == Index{1} << 62);
    CHECK_THROWS_WITH((void)Shape({large, large}).size(), "shape: more elements than 2^63 - 1");
    CHECK(Shape{large, large, 0}.size() == 0);
}

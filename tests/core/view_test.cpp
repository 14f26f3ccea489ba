#include "catch.hpp"
#include <gradus/core/tensor.hpp>

using namespace gradus;

TEST_CASE("View: a window on somebody's memory") {
    Tensor<float> t = tensor<float>({{1, 2, 3}, {4, 5, 6}});
    const View<float> v = t;
    v[0] = 9;
    CHECK(t[0] == 9);
    const View<const float> c = v;
    CHECK((c.size() == 6 && c.rank() == 2 && !c.empty()));
    CHECK(c.rows(1, 2)[0] == 4);
    CHECK(c.rows(1, 1).size() == 0);
    CHECK(c.reshaped({3, 2}).shape() == Shape{3, 2});
    CHECK(c.span().size() == 6);
    CHECK(View<float>().empty());
    CHECK_THROWS_WITH(c.reshaped({4}), "reshape: expects 6 elements, got [4]");
    CHECK_THROWS_AS(c.rows(-1, 1), ShapeError);
    CHECK_THROWS_AS(c.rows(1, 0), ShapeError);
    CHECK_THROWS_AS(c.rows(0, 3), ShapeError);
}

TEST_CASE("AnyView: element type and mask are values") {
    Tensor<std::int32_t> t({2, 3}, 7);
    const Tensor<std::uint8_t> mask({2, 3}, std::uint8_t{1});
    const AnyView v(t.view(), mask.view());
    CHECK(v.dtype == Dtype::i32);
    CHECK(v.bytes() == 24);
    CHECK(v.as<std::int32_t>()[5] == 7);
    CHECK(v.mask_view().shape() == Shape{2, 3});
    CHECK(AnyView().empty());
    CHECK(AnyView().as<float>().empty());
    CHECK(AnyView().mask_view().empty());
    CHECK(AnyView(View<const float>()).empty());
    CHECK((name_of(Dtype::u8) == "uint8" && size_of(Dtype::f64) == 8));
}

// Numbers go into a model's integers only where those can hold them: everything else would be undefined or wrap.
#include "catch.hpp"
#include "message.hpp"

#include <gradus/core/tensor.hpp>
#include <gradus/data/check_column.hpp>

#include <limits>

using namespace gradus;

namespace {

template <class U> std::string check(U value, Dtype to, bool allow_nan) {
    Tensor<U> x(Shape{3, 2}, U(1));
    x[3] = value;
    const detail::ColumnRule rule{.to = to, .allow_nan = allow_nan};
    return message([&] { detail::check_column(AnyView(x.view()), rule, [] { return std::string("x"); }); });
}

} // namespace

TEST_CASE("check_column: integers take what they can hold, whether NaN is allowed or not") {
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (const float bad : {-1.0f, 256.0f, 300.0f, infinity, -infinity, nan})
        CHECK(check(bad, Dtype::u8, true).find("x: expects numbers that uint8 can hold, got ") == 0);
    for (const double bad : {2147483648.0, -2147483649.0, std::numeric_limits<double>::infinity()})
        CHECK(check(bad, Dtype::i32, true).find("x: expects numbers that int32 can hold, got ") == 0);
    CHECK(check(3e9f, Dtype::i32, false).find("x: expects numbers that int32 can hold, got 3e+09 in row 1") == 0);
    CHECK(check(nan, Dtype::i32, false).find("x: expects finite numbers, got NaN in row 1") == 0);
    CHECK(check<std::int32_t>(300, Dtype::u8, true) ==
          "x: expects numbers that uint8 can hold, got 300 in row 1, element 1");
    CHECK(check<std::int32_t>(-1, Dtype::u8, false) ==
          "x: expects numbers that uint8 can hold, got -1 in row 1, element 1");
    for (const float good : {0.0f, 255.0f}) CHECK(check(good, Dtype::u8, false) == "nothing was thrown");
    for (const double good : {2147483647.0, -2147483648.0})
        CHECK(check(good, Dtype::i32, false) == "nothing was thrown");
    CHECK(check<std::int32_t>(255, Dtype::u8, false) == "nothing was thrown");
    CHECK(check(nan, Dtype::f32, true) == "nothing was thrown");
}

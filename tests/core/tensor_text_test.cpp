#include "catch.hpp"
#include <gradus/core/tensor_text.hpp>

#include <limits>
#include <sstream>

using namespace gradus;

TEST_CASE("tensor text: rows in brackets, aligned") {
    std::ostringstream out;
    const auto t = tensor<float>({{1, -2.5f}, {1e-7f, std::numeric_limits<float>::quiet_NaN()}});
    out << t << "\n" << t.view().rows(0, 1);
    CHECK(out.str() == "[[    1  -2.5]\n [1e-07   nan]]\n[[   1 -2.5]]");
    CHECK(to_string(tensor({1, 20, 3})) == "[ 1 20  3]");
    CHECK(to_string(tensor<std::uint8_t>({65, 0})) == "[65  0]");
    CHECK(to_string(tensor<double>({1.0 / 3})) == "[0.333333]");
    CHECK(to_string(tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}})) == "[[[1 2]\n  [3 4]]\n\n [[5 6]\n  [7 8]]]");
    CHECK(to_string(Tensor<float>(Shape{}, 2.0f)) == "2");
    CHECK(to_string(Tensor<float>()) == "[]");
    CHECK(to_string(View<float>()) == "[]");
    CHECK(to_string(Tensor<float>({0, 4})) == "[] of shape [0, 4]");
    Tensor<float> written(Shape{2}, 1.0f);
    CHECK(to_string(written.view()) == "[1 1]");
}

TEST_CASE("tensor text: large ones are short") {
    Tensor<std::int32_t> t({600, 2});
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<std::int32_t>(i);
    CHECK(to_string(t) == "[[   0    1]\n [   2    3]\n [   4    5]\n ...\n [1194 1195]\n [1196 1197]\n [1198 1199]]");
    CHECK(to_string(t.reshaped({1200})) == "[   0    1    2 ... 1197 1198 1199]");
    CHECK(to_string(t.rows(0, 500)).find("...") == std::string::npos);
    CHECK(to_string(Tensor<float>({100, 100, 100})).size() < 800);
}

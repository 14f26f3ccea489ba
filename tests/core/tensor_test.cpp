#include "catch.hpp"
#include <gradus/core/tensor.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

using namespace gradus;

TEST_CASE("Tensor: from shapes, values, braces and views") {
    const Tensor<float> zeros({2, 3});
    CHECK((zeros.size() == 6 && zeros.rank() == 2 && zeros[5] == 0));
    CHECK(reinterpret_cast<std::uintptr_t>(zeros.data()) % 64 == 0);
    CHECK(Tensor<double>({2}, 4.0)[1] == 4);
    CHECK(Tensor<float>({2, 2}, std::vector<float>{1, 2, 3, 4})(1, 0) == 3);
    CHECK(Tensor<float>(std::vector<float>{1, 2, 3}).shape() == Shape{3});
    const auto ints = tensor({{1, 2}, {3, 4}});
    static_assert(std::is_same_v<decltype(ints), const Tensor<std::int32_t>>);
    CHECK(ints(1, 1) == 4);
    CHECK(tensor({1.5, 2.5})[1] == 2.5);
    const auto cube = tensor<float>({{{1, 2}, {3, 4}, {5, 6}}});
    CHECK(cube.shape() == Shape{1, 3, 2});
    CHECK(cube(0, 2, 1) == 6);
    CHECK(Tensor<float>(cube.view()).shape() == cube.shape());
    CHECK(Tensor<float>().empty());
    CHECK(Tensor<float>({0, 3}).empty());
}

TEST_CASE("Tensor: from a span, whose values it copies") {
    std::vector<float> values{1, 2, 3, 4, 5, 6};
    const std::span<const float> all(values);
    const Tensor<float> matrix({2, 3}, all), part(all.subspan(1, 3));
    values[1] = 9;
    CHECK((matrix.shape() == Shape{2, 3} && matrix(0, 1) == 2 && matrix(1, 0) == 4));
    CHECK((part.shape() == Shape{3} && part[0] == 2 && part[2] == 4));
    const std::array<std::uint8_t, 4> bytes{7, 8, 9, 10};
    const Tensor<std::uint8_t> b({2, 2}, bytes);
    CHECK((b(0, 0) == 7 && b(1, 1) == 10));
    CHECK(Tensor<float>(std::span<float>(values))[1] == 9);
    CHECK(Tensor<float>(std::span<const float>()).shape() == Shape{0});
    CHECK_THROWS_WITH(Tensor<float>({2, 2}, all), "tensor: expects 4 values for [2, 2], got 6");
}

TEST_CASE("Tensor: refuses what does not fit") {
    CHECK_THROWS_WITH(Tensor<float>({2, 2}, std::vector<float>{1}), "tensor: expects 4 values for [2, 2], got 1");
    CHECK_THROWS_WITH(tensor({{1, 2}, {3}}), "tensor: row 1 expects 2 values, got 1");
    const Tensor<float> t({2, 3});
    CHECK(t.at(1, 2) == 0);
    CHECK_THROWS_AS(t.at(2, 0), ValueError);
    CHECK_THROWS_AS(t.at(0, -1), ValueError);
    CHECK_THROWS_AS(t.at(0), ValueError);
    CHECK_THROWS_AS(t.reshaped({4}), ShapeError);
    CHECK_THROWS_AS(t.rows(1, 3), ShapeError);
}

TEST_CASE("Tensor: copies are deep, moves leave nothing") {
    Tensor<float> a({2}, 1.0f);
    Tensor<float> b = a;
    b[0] = 5;
    CHECK(a[0] == 1);
    a = b;
    CHECK(a[0] == 5);
    const Tensor<float>& self = a;
    a = self;
    CHECK(a[0] == 5);
    Tensor<float> c = std::move(a);
    CHECK((c[0] == 5 && a.size() == 0 && a.shape() == Shape{0}));
    a = std::move(c);
    CHECK(a[0] == 5);
    CHECK(a.reshaped({2, 1}).shape() == Shape{2, 1});
    CHECK(tensor({{1, 2}, {3, 4}, {5, 6}}).rows(1, 3)(1, 1) == 6);
}

TEST_CASE("AlignedBuffer: from 2 MiB on it begins on a huge page; bytes are zero, moves and swaps keep them") {
    constexpr Index mib = Index{1} << 20;
    for (Index bytes : {Index{1}, 2 * mib - 1, 2 * mib, 2 * mib + 1, 5 * mib + 3}) {
        CAPTURE(bytes);
        AlignedBuffer buffer(bytes);
        CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % (bytes < 2 * mib ? 64 : 2 * mib) == 0);
        CHECK(std::all_of(buffer.data(), buffer.data() + bytes, [](std::byte b) { return b == std::byte{}; }));
        buffer.data()[bytes - 1] = std::byte{7};
        AlignedBuffer other(3), taken(std::move(buffer));
        other = std::move(taken);
        CHECK((other.bytes() == bytes && other.data()[bytes - 1] == std::byte{7}));
    }
    CHECK(AlignedBuffer(0).data() == nullptr);
}

TEST_CASE("Tensor: more bytes than memory can have are an error") {
    const Index large = Index{1} << 31;
    CHECK_THROWS_AS(Tensor<float>(Shape{large, large}), ShapeError);
    CHECK_THROWS_AS(Tensor<double>(Shape{large, large / 2}), ShapeError);
    CHECK(Tensor<float>(Shape{large, large, 0}).size() == 0);
}

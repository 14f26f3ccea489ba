#include <gradus/kernels/elementwise.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;

namespace {

template <class T> std::vector<T> numbers(Index n, int seed) {
    std::vector<T> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = T(std::sin(double(i * 7 + seed))) * 3;
    return x;
}

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T> void check_set() {
    for (Index n : {0, 1, 2, 7, 15, 16, 17, 63, 64, 65, 130, 32768, 70001}) {
        const auto a = numbers<T>(n + 1, 1), b = numbers<T>(n + 1, 2);
        auto y = numbers<T>(n + 1, 3);
        auto expected = y;
        add(y.data() + 1, a.data() + 1, b.data() + 1, n);
        ref::add(expected.data() + 1, a.data() + 1, b.data() + 1, n);
        CHECK(same(y, expected));
        multiply(y.data(), a.data(), b.data(), n);
        ref::multiply(expected.data(), a.data(), b.data(), n);
        CHECK(same(y, expected));
        scale(y.data(), y.data(), T(1.5), n);
        ref::scale(expected.data(), expected.data(), T(1.5), n);
        CHECK(same(y, expected));
        accumulate(y.data(), a.data(), n);
        ref::add(expected.data(), expected.data(), a.data(), n);
        CHECK(same(y, expected));
        axpy(y.data(), T(0.25), b.data(), n);
        for (Index i = 0; i < n; ++i) {
            const auto k = static_cast<std::size_t>(i);
            expected[k] += T(0.25) * b[k];
            CHECK(std::abs(y[k] - expected[k]) <= 8 * std::numeric_limits<T>::epsilon());
        }
        y.back() = T(42);
        fill(y.data(), T(-2), n);
        CHECK(y.back() == T(42));
        for (Index i = 0; i < n; ++i) CHECK(y[static_cast<std::size_t>(i)] == T(-2));
    }
}

} // namespace

TEST_CASE("elementwise kernels agree with their twins on every set", "[kernels]") {
    for (Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        check_set<float>();
        check_set<double>();
    }
}

TEMPLATE_TEST_CASE("scale_rows scales gradients, and what vanishes is zero", "[kernels]", float, double) {
    using T = TestType;
    const T nan = std::numeric_limits<T>::quiet_NaN(), tiny = sizeof(T) == 4 ? T(0x1p-79) : T(0x1p-699);
    for (Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        for (const Index cols : {1, 2, 10, 16, 33})
            for (const Index rows : {0, 1, 5, 40, 3000}) {
                auto x = numbers<T>(rows * cols, 1), s = numbers<T>(rows, 2), y = numbers<T>(rows * cols, 3), z = y;
                for (Index i = 0; i < rows; i += 3) s[std::size_t(i)] = 0;
                for (Index i = 0; i < rows * cols; i += 5) x[std::size_t(i)] = i % 2 ? tiny : -tiny / 4;
                if (rows > 1) x[0] = x.back() = nan;
                scale_rows(y.data(), x.data(), s.data(), T(3), rows, cols);
                ref::scale_rows(z.data(), x.data(), s.data(), T(3), rows, cols);
                CHECK(same(y, z));
                CHECK(std::none_of(y.begin(), y.end(), [&](T v) { return v != 0 && std::abs(v) < tiny / 2; }));
                if (rows > 1) CHECK(y[0] == 0); // a row of factor zero, whatever x
            }
    }
    T y = 0, s = 1;
    scale_rows(&y, &nan, &s, T(1), 1, 1);
    CHECK(std::isnan(y));
}

TEST_CASE("elementwise kernels keep NaN and infinity", "[kernels]") {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> a{nan, inf, inf, 1, 0}, b{1, 1, -inf, inf, inf};
    std::vector<float> y(5);
    add(y.data(), a.data(), b.data(), 5);
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == inf);
    CHECK(std::isnan(y[2]));
    multiply(y.data(), a.data(), b.data(), 5);
    CHECK(std::isnan(y[4]));
    CHECK(y[3] == inf);
}

TEST_CASE("elementwise kernels give the same bits for any number of threads", "[kernels]") {
    const Index n = 200003;
    const auto x = numbers<float>(n, 1);
    std::vector<float> first;
    for (int t : {1, 2, 3, 8}) {
        set_threads(t);
        auto y = numbers<float>(n, 5);
        axpy(y.data(), 0.1f, x.data(), n);
        if (first.empty()) first = y;
        CHECK(same(y, first));
    }
    set_threads(0);
}

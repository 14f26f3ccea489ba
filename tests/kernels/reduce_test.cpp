#include <gradus/kernels/reduce.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

TEMPLATE_TEST_CASE("sums agree with their twins, unaligned and of any size", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (Index n = 0; n <= 200; ++n) {
            const auto x = numbers<T>(n + 1, std::uint64_t(n), 0, 1);
            double exact = 0, squares = 0;
            for (Index i = 1; i <= n; ++i) {
                exact += double(x[std::size_t(i)]);
                squares += double(x[std::size_t(i)]) * double(x[std::size_t(i)]);
            }
            const double tolerance = 8 * std::numeric_limits<T>::epsilon();
            CHECK(std::abs(sum(x.data() + 1, n) - exact) <= tolerance * exact);
            CHECK(std::abs(sum_squares(x.data() + 1, n) - squares) <= tolerance * squares);
            CHECK(std::abs(ref::sum(x.data() + 1, n) - exact) <= 4 * tolerance * exact);
        }
    });
}

TEMPLATE_TEST_CASE("long sums are accurate and have the same bits everywhere", "[kernels]", float, double) {
    using T = TestType;
    for (Index n : {65535, 65536, 65537, 200001, 5000001}) {
        const auto x = numbers<T>(n, 1, 0, 1);
        double exact = 0;
        for (T v : x) exact += double(v);
        on_each_set(
            [&] { CHECK(std::abs(double(sum(x.data(), n)) / exact - 1) <= 200 * std::numeric_limits<T>::epsilon()); });
        check_same_bits([&] { return Numbers<T>{sum(x.data(), n), sum_squares(x.data(), n)}; });
    }
}

TEMPLATE_TEST_CASE("all_finite finds one bad number anywhere", "[kernels]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    on_each_set([&] {
        for (Index n : {0, 1, 5, 127, 128, 300}) {
            Numbers<T> x(std::size_t(n), std::numeric_limits<T>::max());
            CHECK(all_finite(x.data(), n));
            for (std::size_t i = 0; i < x.size(); ++i)
                for (T bad : {inf, -inf, nan}) {
                    const T before = x[i];
                    x[i] = bad;
                    CHECK_FALSE(all_finite(x.data(), n));
                    x[i] = before;
                }
        }
        Numbers<T> x(300000, std::numeric_limits<T>::denorm_min());
        CHECK(all_finite(x.data(), 300000));
        x.back() = nan;
        CHECK_FALSE(all_finite(x.data(), 300000));
    });
}

TEST_CASE("sums keep NaN and infinity", "[kernels]") {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    on_each_set([&] {
        Numbers<float> x(100, 1.0f);
        x[70] = inf;
        CHECK(sum(x.data(), 100) == inf);
        x[3] = nan;
        CHECK(std::isnan(sum(x.data(), 100)));
        CHECK(std::isnan(sum_squares(x.data(), 100)));
    });
}

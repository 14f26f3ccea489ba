#include <gradus/kernels/regression.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

// One of the three errors, on the kernels and on their twins.
template <class T> struct ErrorKernels {
    void (*loss)(T*, const T*, const T*, Index, Index);
    void (*gradient)(T*, const T*, const T*, const T*, Index, Index);
    void (*ref_loss)(T*, const T*, const T*, Index, Index);
    void (*ref_gradient)(T*, const T*, const T*, const T*, Index, Index);
};
template <class T> std::vector<ErrorKernels<T>> errors() {
    static constexpr T delta = T(0.75);
    return {
        {&mean_squared_error<T>, &mean_squared_error_gradient<T>, &ref::mean_squared_error<T>,
         &ref::mean_squared_error_gradient<T>},
        {&mean_absolute_error<T>, &mean_absolute_error_gradient<T>, &ref::mean_absolute_error<T>,
         &ref::mean_absolute_error_gradient<T>},
        {[](T* l, const T* p, const T* t, Index r, Index c) { huber(l, p, t, r, c, delta); },
         [](T* d, const T* g, const T* p, const T* t, Index r, Index c) { huber_gradient(d, g, p, t, r, c, delta); },
         [](T* l, const T* p, const T* t, Index r, Index c) { ref::huber(l, p, t, r, c, delta); },
         [](T* d, const T* g, const T* p, const T* t, Index r, Index c) {
             ref::huber_gradient(d, g, p, t, r, c, delta);
         }}};
}

} // namespace

TEMPLATE_TEST_CASE("errors agree with their twins, unaligned and of any size", "[kernels]", float, double) {
    using T = TestType;
    const double tolerance = 32 * std::numeric_limits<T>::epsilon();
    on_each_set([&] {
        for (const auto& error : errors<T>())
            for (Index rows : {0, 1, 2, 17, 130})
                for (Index cols : {1, 2, 3, 8, 15, 16, 17, 64, 65, 300}) {
                    const Index n = rows * cols;
                    const auto p = numbers<T>(n + 1, 1), t = numbers<T>(n + 1, 2),
                               dloss = numbers<T>(rows + 1, 3, 0, 1);
                    Numbers<T> loss(std::size_t(rows) + 2, T(42)), expected = loss, dp(p.size() + 1, T(42)),
                                                                   expected_dp = dp;
                    error.loss(loss.data() + 1, p.data() + 1, t.data() + 1, rows, cols);
                    error.ref_loss(expected.data() + 1, p.data() + 1, t.data() + 1, rows, cols);
                    CHECK(largest_difference(loss, expected) <= tolerance);
                    error.gradient(dp.data() + 1, dloss.data() + 1, p.data() + 1, t.data() + 1, rows, cols);
                    error.ref_gradient(expected_dp.data() + 1, dloss.data() + 1, p.data() + 1, t.data() + 1, rows,
                                       cols);
                    CHECK(largest_difference(dp, expected_dp) <= tolerance);
                    auto in_place = p;
                    error.gradient(in_place.data() + 1, dloss.data() + 1, in_place.data() + 1, t.data() + 1, rows,
                                   cols);
                    CHECK(std::equal(in_place.begin() + 1, in_place.end(), dp.begin() + 1));
                }
    });
}

TEST_CASE("gradients of errors are those of finite differences", "[kernels]") {
    const double h = 1e-6;
    on_each_set([&] {
        for (const auto& error : errors<double>())
            for (Index cols : {1, 5}) {
                const Index rows = 9;
                const auto p = numbers<double>(rows * cols, 1), t = numbers<double>(rows * cols, 2);
                const Numbers<double> one(std::size_t(rows), 1.0);
                Numbers<double> dp(p.size()), high(one.size()), low(one.size());
                error.gradient(dp.data(), one.data(), p.data(), t.data(), rows, cols);
                for (std::size_t i = 0; i < p.size(); ++i) {
                    auto x = p;
                    x[i] += h;
                    error.loss(high.data(), x.data(), t.data(), rows, cols);
                    x[i] -= 2 * h;
                    error.loss(low.data(), x.data(), t.data(), rows, cols);
                    const std::size_t r = i / std::size_t(cols);
                    CHECK(std::abs((high[r] - low[r]) / (2 * h) - dp[i]) <= 1e-8);
                }
            }
    });
}

TEMPLATE_TEST_CASE("errors at their edges", "[kernels]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    on_each_set([&] {
        const Numbers<T> p{1, 2, inf, -inf, nan, 1}, t{1, 4, 0, 0, 0, nan}, one(6, T(1)), none(6, T(0));
        Numbers<T> loss(6), dp(6);
        const std::size_t n = 6;
        const auto check = [&](const ErrorKernels<T>& error, const Numbers<T>& l, const Numbers<T>& d) {
            error.loss(loss.data(), p.data(), t.data(), Index(n), 1);
            CHECK(same(loss, l));
            error.gradient(dp.data(), one.data(), p.data(), t.data(), Index(n), 1);
            CHECK(same(dp, d));
            // No weight, no gradient.
            error.gradient(dp.data(), none.data(), p.data(), t.data(), Index(n), 1);
            CHECK(same(dp, none));
            error.gradient(dp.data(), none.data(), p.data(), t.data(), 3, 2);
            CHECK(same(dp, none));
        };
        const auto e = errors<T>();
        check(e[0], {0, 4, inf, inf, nan, nan}, {0, -4, inf, -inf, nan, nan});
        check(e[1], {0, 2, inf, inf, nan, nan}, {0, -1, 1, -1, nan, nan});
        const T d = T(0.75);
        check(e[2], {0, T(0.75 * (2 - 0.375)), inf, inf, nan, nan}, {0, -d, d, -d, nan, nan});
    });
}

TEMPLATE_TEST_CASE("errors have the same bits on every set and for any number of threads", "[kernels]", float, double) {
    using T = TestType;
    for (const auto& error : errors<T>())
        for (Index cols : {1, 7, 333}) {
            const Index rows = cols == 1 ? 50001 : 300, n = rows * cols;
            const auto p = numbers<T>(n, 1), t = numbers<T>(n, 2), dloss = numbers<T>(rows, 3);
            check_same_bits([&] {
                Numbers<T> r(std::size_t(rows + n));
                error.loss(r.data(), p.data(), t.data(), rows, cols);
                error.gradient(r.data() + rows, dloss.data(), p.data(), t.data(), rows, cols);
                return r;
            });
        }
}

// NaN and infinities in an LSTM: they stay in their row, and gates saturate.
#include "catch.hpp"
#include "kernel_support.hpp"
#include "lstm_problem.hpp"

#include <gradus/kernels/bfloat16.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace lstm_problem;

namespace {

/// Units that fill their vectors and units that do not; one block of rows and several.
const Case shapes[] = {
    {5, 6, 4, 16},
    {5, 6, 4, 5},
    {6, 5, 3, 17, true, false, true, true},
    {37, 4, 7, 20, false, true, false, true},
};

template <class T> void run(Problem<T>& p) {
    lstm_forward(p.forward());
    lstm_backward(p.backward());
}

template <class T> bool same_but_for(Index row, const std::vector<T>& a, const std::vector<T>& b, Index batch) {
    const std::size_t width = a.size() / std::size_t(batch);
    for (std::size_t r = 0; r < std::size_t(batch); ++r)
        if (Index(r) != row && std::memcmp(a.data() + r * width, b.data() + r * width, width * sizeof(T)) != 0)
            return false;
    return true;
}

template <class T> bool finite(const std::vector<T>& v) {
    return std::all_of(v.begin(), v.end(), [](T x) { return std::isfinite(x); });
}

template <class F> void for_each_precision(F f) {
    f(0.f, ProductPrecision());
    f(0.0, ProductPrecision());
    f(0.f, bfloat16);
}
template <class T> Problem<T> problem(const Case& k, ProductPrecision precision) {
    Problem<T> p(k);
    p.precision = precision;
    return p;
}

} // namespace

TEST_CASE("lstm: what is not finite stays in its row", "[lstm]") {
    kernel_support::on_each_set([] {
        for_each_precision([](auto zero, ProductPrecision precision) {
            using T = decltype(zero);
            const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
            for (const Case& k : shapes) {
                const Index row = k.batch - 2, t = 2, s = k.go_backwards ? k.time - 1 - t : t;
                const auto x_at = std::size_t((row * k.time + t) * k.features), state_at = std::size_t(row * k.units);
                auto clean = problem<T>(k, precision);
                clean.mask[std::size_t(row * k.time + t)] = 1;
                run(clean);
                const auto others = [&](Problem<T>& p) {
                    run(p);
                    for (auto v : {&Problem<T>::y, &Problem<T>::h, &Problem<T>::c, &Problem<T>::dx, &Problem<T>::dh0,
                                   &Problem<T>::dc0})
                        CHECK(same_but_for(row, clean.*v, p.*v, k.batch));
                };
                for (const T bad : {nan, inf, -inf}) {
                    CAPTURE(sizeof(T), precision.name(), k.batch, k.units, bad);
                    auto p = problem<T>(k, precision);
                    p.mask = clean.mask;
                    p.x[x_at] = bad;
                    others(p);
                    for (Index i = 0; i < k.time * k.units; ++i) {
                        const auto at = std::size_t(row * k.time * k.units + i);
                        if (i < s * k.units)
                            CHECK(p.y[at] == clean.y[at]);
                        else if (bad != bad)
                            CHECK(std::isnan(p.y[at]));
                    }
                    for (auto v : {&Problem<T>::h0, &Problem<T>::c0, &Problem<T>::wh, &Problem<T>::wc}) {
                        auto q = problem<T>(k, precision);
                        q.mask = clean.mask;
                        (q.*v)[state_at] = bad;
                        others(q);
                    }
                }
            }
        });
    });
}

// The gates of a step that sees +inf are 1 and its candidates 1, those of -inf 0 and -1, whatever came before.
TEST_CASE("lstm: gates saturate where an input is infinite", "[lstm]") {
    kernel_support::on_each_set([] {
        for_each_precision([](auto zero, ProductPrecision precision) {
            using T = decltype(zero);
            const T inf = std::numeric_limits<T>::infinity();
            const double tolerance = precision.format() ? 1e-3 : sizeof(T) == 4 ? 2e-5 : 1e-13;
            for (const Case& shape : shapes) {
                Case k = shape;
                k.mask = k.dropout = false;
                const Index row = k.batch - 2, t = 2, s = k.go_backwards ? k.time - 1 - t : t;
                for (const T x : {inf, -inf}) {
                    CAPTURE(sizeof(T), precision.name(), k.batch, k.units, x);
                    auto p = problem<T>(k, precision), q = p;
                    for (Problem<T>* each : {&p, &q}) {
                        for (T& w : each->w) w = std::abs(w);
                        each->x[std::size_t((row * k.time + t) * k.features)] = x;
                    }
                    run(p);
                    ref::lstm_forward(q.forward());
                    ref::lstm_backward(q.backward());
                    const auto at = std::size_t((row * k.time + s) * k.units);
                    if (x < 0) CHECK(std::all_of(&p.y[at], &p.y[at] + k.units, [](T h) { return h == 0; }));
                    for (auto v : {&Problem<T>::y, &Problem<T>::h, &Problem<T>::c, &Problem<T>::dx, &Problem<T>::dr,
                                   &Problem<T>::db, &Problem<T>::dh0, &Problem<T>::dc0}) {
                        CHECK(finite(p.*v));
                        CHECK(kernel_support::largest_difference(p.*v, q.*v) <= tolerance);
                    }
                    CHECK(kernel_support::largest_difference(p.dw, q.dw) <= tolerance);
                }
            }
        });
    });
}

TEST_CASE("lstm: masked steps may hold anything", "[lstm]") {
    kernel_support::on_each_set([] {
        for_each_precision([](auto zero, ProductPrecision precision) {
            using T = decltype(zero);
            const Case& k = shapes[3];
            auto p = problem<T>(k, precision), q = p;
            for (std::size_t i = 0; i < q.mask.size(); ++i)
                if (!q.mask[i])
                    std::fill_n(q.x.begin() + std::ptrdiff_t(i) * k.features, k.features,
                                std::numeric_limits<T>::quiet_NaN());
            run(p);
            run(q);
            for (auto v : {&Problem<T>::y, &Problem<T>::h, &Problem<T>::c, &Problem<T>::dx, &Problem<T>::dh0,
                           &Problem<T>::dc0, &Problem<T>::dw, &Problem<T>::dr, &Problem<T>::db})
                CHECK(same(p.*v, q.*v, 0));
        });
    });
}

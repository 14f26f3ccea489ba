// Means over time.
#include "catch.hpp"

#include <gradus/kernels/pool.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;

namespace {

template <class T> struct Problem {
    Index batch, time, dim;
    std::vector<T> x, dy, y, dx;
    std::vector<std::uint8_t> mask;
    Problem(Index b, Index t, Index d) : batch(b), time(t), dim(d) {
        std::uint32_t seed = 3;
        const auto next = [&] { return double((seed = seed * 1664525u + 1013904223u) >> 8) / double(1 << 24) * 2 - 1; };
        x.resize(std::size_t(b * t * d));
        dy.resize(std::size_t(b * d));
        mask.resize(std::size_t(b * t));
        for (auto& v : x) v = T(next());
        for (auto& v : dy) v = T(next());
        for (auto& m : mask) m = next() > 0;
        for (Index i = 0; i < std::min<Index>(t, b > 1 ? t : 0); ++i) mask[std::size_t(t + i)] = 0;
        y.assign(dy.size(), T(NAN));
        dx.assign(x.size(), T(NAN));
    }
    void run(bool masked) {
        average_pool_time_forward(y.data(), x.data(), masked ? mask.data() : nullptr, batch, time, dim);
        average_pool_time_backward(dx.data(), dy.data(), masked ? mask.data() : nullptr, batch, time, dim);
    }
    void run_reference(bool masked) {
        ref::average_pool_time_forward(y.data(), x.data(), masked ? mask.data() : nullptr, batch, time, dim);
        ref::average_pool_time_backward(dx.data(), dy.data(), masked ? mask.data() : nullptr, batch, time, dim);
    }
};

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T> void check(bool masked) {
    const Index sizes[][3] = {{1, 1, 1},   {3, 5, 7}, {2, 9, 16}, {33, 40, 50},
                              {3, 6, 131}, {0, 3, 2}, {2, 0, 3},  {4, 3, 0}};
    for (const auto& s : sizes) {
        CAPTURE(s[0], s[1], s[2], masked);
        Problem<T> p(s[0], s[1], s[2]), q = p;
        p.run(masked);
        q.run_reference(masked);
        CHECK(same(p.y, q.y));
        CHECK(same(p.dx, q.dx));
    }
}

} // namespace

TEST_CASE("pool: the bits of the reference on every set and for any number of threads", "[pool]") {
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        for (const int threads : {1, 2, 3, 8}) {
            set_threads(threads);
            CAPTURE(name_of(isa), threads);
            for (const bool masked : {false, true}) {
                check<float>(masked);
                check<double>(masked);
            }
        }
    }
    set_threads(0);
}

TEST_CASE("pool: masked steps are not read, a sample without steps gives zero", "[pool]") {
    const float nan = NAN;
    const std::vector<float> x = {1, 2, nan, nan, 3, 6, nan, nan, nan, nan, nan, nan};
    const std::vector<std::uint8_t> mask = {1, 0, 1, 0, 0, 0};
    std::vector<float> y(4, nan), dx(12, nan);
    average_pool_time_forward(y.data(), x.data(), mask.data(), 2, 3, 2);
    CHECK(y == std::vector<float>{2, 4, 0, 0});
    const std::vector<float> dy = {1, 2, 3, 4};
    average_pool_time_backward(dx.data(), dy.data(), mask.data(), 2, 3, 2);
    CHECK(dx == std::vector<float>{0.5, 1, 0, 0, 0.5, 1, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("pool: backward is the transposed forward", "[pool]") {
    Problem<double> p(3, 4, 5);
    p.run(true);
    double left = 0, right = 0;
    for (std::size_t i = 0; i < p.y.size(); ++i) left += p.y[i] * p.dy[i];
    for (std::size_t i = 0; i < p.x.size(); ++i) right += p.x[i] * p.dx[i];
    CHECK(std::abs(left - right) <= 1e-14);
}

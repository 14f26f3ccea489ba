// Updates of parameters: closed formulas, sparse rows against dense ones, bits, denormals.
#include "catch.hpp"
#include "worse.hpp"

#include <gradus/kernels/optimizer.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;

namespace {

template <class T> std::vector<T> reals(Index n, std::uint32_t seed, double scale = 1) {
    std::vector<T> v(static_cast<std::size_t>(n));
    for (auto& x : v) {
        seed = seed * 1664525u + 1013904223u;
        x = T((double(seed >> 8) / double(1 << 24) * 2 - 1) * scale);
    }
    return v;
}

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
template <class T> double difference(const std::vector<T>& a, const std::vector<T>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = worse(worst, std::abs(double(a[i]) - double(b[i])));
    return worst;
}

template <class T> struct Block {
    std::vector<T> w, m, v, a;
    explicit Block(Index n) : w(reals<T>(n, 1)), m(std::size_t(n)), v(std::size_t(n)), a(std::size_t(n)) {}
};
template <class T> bool same(const Block<T>& a, const Block<T>& b) {
    return same(a.w, b.w) && same(a.m, b.m) && same(a.v, b.v) && same(a.a, b.a);
}

constexpr std::array forms = {MomentumForm::classical, MomentumForm::nesterov, MomentumForm::averaged};
template <class T> MomentumStep<T> momentum_step(Index form) {
    return {T(0.01), T(0.9), forms[std::size_t(form % 3)], T(0.1)};
}
/// Which of RMSprop's moments there are: neither, velocity, mean, both.
struct Moments {
    bool velocity, mean;
};
constexpr std::array all_moments = {Moments{false, false}, Moments{true, false}, Moments{false, true},
                                    Moments{true, true}};
template <class T> constexpr RmspropStep<T> rmsprop_step = {T(0.01), T(0.1), T(0.9), T(1e-3)};

template <class T> Block<T> train(Index n, Index shift = 0) {
    Block<T> b(n + shift);
    for (Index t = 1; t <= 5; ++t) {
        const auto g = reals<T>(n + shift, std::uint32_t(t));
        adam_update(b.w.data() + shift, b.m.data() + shift, b.v.data() + shift, t == 4 ? nullptr : g.data() + shift,
                    adam_step<T>(0.01, 0.9, 0.999, 1e-7, t), n);
        momentum_update(b.w.data() + shift, b.m.data() + shift, g.data() + shift, momentum_step<T>(t), n);
        const Moments has = all_moments[std::size_t(t % 4)];
        rmsprop_update(b.w.data() + shift, b.v.data() + shift, has.velocity ? b.m.data() + shift : nullptr,
                       has.mean ? b.a.data() + shift : nullptr, t == 3 ? nullptr : g.data() + shift, rmsprop_step<T>,
                       n);
        sgd_update(b.w.data() + shift, g.data() + shift, T(0.01), n);
    }
    return b;
}

template <class F> void on_every_set(F f) {
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        CAPTURE(name_of(isa));
        f();
    }
}

template <class T> void check_adam(double tolerance, double decay = 0) {
    for (const Index n : {0, 1, 15, 16, 17, 127, 1000}) {
        CAPTURE(n);
        Block<T> fast(n), slow(n);
        std::vector<double> w(fast.w.begin(), fast.w.end()), m(w.size()), v(w.size());
        for (Index t = 1; t <= 20; ++t) {
            const auto g = reals<T>(n, std::uint32_t(t));
            const T* gradient = t == 4 ? nullptr : g.data();
            adam_update(fast.w.data(), fast.m.data(), fast.v.data(), gradient,
                        adam_step<T>(0.01, 0.9, 0.999, 1e-7, t, decay), n);
            ref::adam_update(slow.w.data(), slow.m.data(), slow.v.data(), gradient,
                             ref::adam_step<T>(0.01, 0.9, 0.999, 1e-7, t, decay), n);
            const double rate = 0.01 * std::sqrt(1 - std::pow(0.999, double(t))) / (1 - std::pow(0.9, double(t)));
            for (std::size_t i = 0; i < w.size(); ++i) {
                const double d = gradient ? double(g[i]) : 0;
                m[i] = 0.9 * m[i] + 0.1 * d;
                v[i] = 0.999 * v[i] + 0.001 * d * d;
                w[i] -= 0.01 * decay * w[i] + rate * m[i] / (std::sqrt(v[i]) + 1e-7);
            }
        }
        CHECK(difference(fast.w, slow.w) <= tolerance);
        for (std::size_t i = 0; i < w.size(); ++i) CHECK(std::abs(double(fast.w[i]) - w[i]) <= 10 * tolerance);
    }
}

/// Dense gradients with zeros, and the same as rows.
template <class T> void check_rows(Index vocabulary, Index dim, Index every) {
    CAPTURE(vocabulary, dim, every);
    const Index n = vocabulary * dim;
    Block<T> dense(n), sparse(n), dense_momentum(n), sparse_momentum(n), dense_sgd(n), sparse_sgd(n);
    Block<T> dense_rmsprop(n), sparse_rmsprop(n);
    for (Index t = 1; t <= 4; ++t) {
        std::vector<std::int32_t> rows;
        for (Index r = t % 3; r < vocabulary; r += every) rows.push_back(std::int32_t(r));
        const Index count = Index(rows.size());
        const auto drows = reals<T>(count * dim, std::uint32_t(t));
        std::vector<T> g(static_cast<std::size_t>(n));
        for (Index i = 0; i < count; ++i)
            for (Index d = 0; d < dim; ++d)
                g[std::size_t(rows[std::size_t(i)] * dim + d)] = drows[std::size_t(i * dim + d)];
        const auto step = adam_step<T>(0.01, 0.9, 0.999, 1e-7, t, t == 3 ? 0.1 : 0);
        adam_update(dense.w.data(), dense.m.data(), dense.v.data(), g.data(), step, n);
        adam_update_rows(sparse.w.data(), sparse.m.data(), sparse.v.data(), drows.data(), rows.data(), count, step,
                         vocabulary, dim);
        const MomentumStep<T> momentum = momentum_step<T>(t);
        momentum_update(dense_momentum.w.data(), dense_momentum.m.data(), g.data(), momentum, n);
        momentum_update_rows(sparse_momentum.w.data(), sparse_momentum.m.data(), drows.data(), rows.data(), count,
                             momentum, vocabulary, dim);
        const Moments has = all_moments[std::size_t(t % 4)];
        const auto rmsprop_moments = [&](Block<T>& b) {
            return std::array<T*, 2>{has.velocity ? b.m.data() : nullptr, has.mean ? b.a.data() : nullptr};
        };
        const auto d = rmsprop_moments(dense_rmsprop), s = rmsprop_moments(sparse_rmsprop);
        rmsprop_update(dense_rmsprop.w.data(), dense_rmsprop.v.data(), d[0], d[1], g.data(), rmsprop_step<T>, n);
        rmsprop_update_rows(sparse_rmsprop.w.data(), sparse_rmsprop.v.data(), s[0], s[1], drows.data(), rows.data(),
                            count, rmsprop_step<T>, vocabulary, dim);
        sgd_update(dense_sgd.w.data(), g.data(), T(0.01), n);
        sgd_update_rows(sparse_sgd.w.data(), drows.data(), rows.data(), count, T(0.01), dim);
    }
    CHECK(same(dense, sparse));
    CHECK(same(dense_momentum, sparse_momentum));
    CHECK(same(dense_sgd, sparse_sgd));
    CHECK(same(dense_rmsprop, sparse_rmsprop));
}

} // namespace

TEST_CASE("optimizer: adam agrees with its formula", "[optimizer]") {
    on_every_set([] {
        check_adam<float>(2e-7);
        check_adam<double>(1e-14);
        check_adam<float>(2e-7, 0.5);
        check_adam<double>(1e-14, 0.5);
    });
}

TEST_CASE("optimizer: adam's scalars come from double, equal on every set", "[optimizer]") {
    const auto expected = adam_step<float>(0.001, 0.9, 0.999, 1e-7, 1234);
    CHECK(expected.one_minus_beta2 == 0.001f);
    CHECK(std::abs(expected.rate - ref::adam_step<float>(0.001, 0.9, 0.999, 1e-7, 1234).rate) <= 1e-10f);
    CHECK(std::abs(adam_step<double>(0.001, 0.9, 0.999, 1e-7, 1000000000).rate - 0.001) <= 1e-18);
    on_every_set([&] {
        const auto s = adam_step<float>(0.001, 0.9, 0.999, 1e-7, 1234);
        CHECK(std::memcmp(&s, &expected, sizeof s) == 0);
    });
}

TEST_CASE("optimizer: momentum and sgd agree with their formulas", "[optimizer]") {
    on_every_set([] {
        for (Index form = 0; form < 3; ++form) {
            const Index n = 37;
            auto w = reals<double>(n, 1), v = reals<double>(n, 2), wr = w, vr = v, ws = w;
            const auto g = reals<double>(n, 3);
            const MomentumStep<double> s = momentum_step<double>(form);
            momentum_update(w.data(), v.data(), g.data(), s, n);
            ref::momentum_update(wr.data(), vr.data(), g.data(), s, n);
            CHECK(difference(w, wr) <= 1e-15);
            CHECK(difference(v, vr) <= 1e-15);
            auto wz = ws;
            sgd_update(ws.data(), g.data(), 0.1, n);
            ref::sgd_update(wz.data(), g.data(), 0.1, n);
            CHECK(difference(ws, wz) <= 1e-15);
        }
    });
}

TEST_CASE("optimizer: rmsprop agrees with its formula", "[optimizer]") {
    on_every_set([] {
        for (const Moments has : all_moments)
            for (const Index n : {0, 1, 17, 127}) {
                CAPTURE(n, has.velocity, has.mean);
                Block<double> fast(n), slow(n);
                Block<float> narrow(n);
                for (Index t = 1; t <= 10; ++t) {
                    const auto g = reals<double>(n, std::uint32_t(t));
                    const auto update = [&](auto& b, const auto* gradient, auto step, const auto& f) {
                        f(b.w.data(), b.v.data(), has.velocity ? b.m.data() : nullptr, has.mean ? b.a.data() : nullptr,
                          gradient, step, n);
                    };
                    const double* gradient = t == 4 ? nullptr : g.data();
                    update(fast, gradient, rmsprop_step<double>, &rmsprop_update<double>);
                    update(slow, gradient, rmsprop_step<double>, &ref::rmsprop_update<double>);
                    const std::vector<float> g_narrow(g.begin(), g.end());
                    update(narrow, gradient ? g_narrow.data() : nullptr, rmsprop_step<float>, &rmsprop_update<float>);
                }
                CHECK(difference(fast.w, slow.w) <= 1e-14);
                CHECK(difference(fast.m, slow.m) <= 1e-14);
                CHECK(difference(fast.a, slow.a) <= 1e-14);
                CHECK(difference(std::vector<double>(narrow.w.begin(), narrow.w.end()), slow.w) <= 1e-5);
            }
    });
}

TEST_CASE("optimizer: rows without a gradient get the bits of a zero gradient", "[optimizer]") {
    on_every_set([] {
        for (const Index every : {1, 3, 50, 1000}) {
            check_rows<float>(400, 50, every);
            check_rows<double>(101, 7, every);
            check_rows<float>(5, 4096, every);
            check_rows<float>(7, 5001, every);
            check_rows<float>(1000, 1, every);
        }
        check_rows<float>(3, 0, 1);
    });
}

TEST_CASE("optimizer: same bits for any number of threads, alignment, AVX2 and AVX-512", "[optimizer]") {
    const Index n = 70001;
    set_threads(1);
    const auto expected = train<float>(n);
    const auto expected_double = train<double>(1000);
    for (const int threads : {2, 3, 8}) {
        set_threads(threads);
        CHECK(same(train<float>(n), expected));
    }
    set_threads(0);
    const auto shifted = train<float>(1000, 1);
    const auto straight = train<float>(1001);
    CHECK(std::memcmp(shifted.w.data() + 1, straight.w.data() + 1, 1000 * sizeof(float)) == 0);
    for (const Isa set : {Isa::avx2, Isa::avx512}) {
        if (!available(set) || isa() == Isa::baseline) continue;
        IsaScope scope(set);
        CHECK(same(train<float>(n), expected));
        CHECK(same(train<double>(1000), expected_double));
    }
}

TEST_CASE("optimizer: moments never stay denormal, NaN stays", "[optimizer]") {
    on_every_set([] {
        std::vector<float> w = {1, 1}, m = {1e-37f, NAN}, v = {2e-38f, 1};
        for (Index t = 1; t <= 2000; ++t)
            adam_update(w.data(), m.data(), v.data(), (const float*)nullptr,
                        adam_step<float>(0.001, 0.9, 0.999, 1e-7, t), 2);
        CHECK(m[0] == 0);
        CHECK(v[0] == 0);
        CHECK(w[0] == 1);
        CHECK(std::isnan(w[1]));
        // Times a learning rate it would be denormal.
        std::vector<float> kept = {1, 1}, first = {7e-31f, 1e-29f}, squares = {0, 0};
        adam_update(kept.data(), first.data(), squares.data(), (const float*)nullptr,
                    adam_step<float>(1e-9, 0.9, 0.999, 1e-7, 1), 2);
        CHECK(first[0] == 0);
        CHECK(first[1] > 0);
        std::vector<float> u = {1e-37f, NAN}, a = u, q = {2e-38f, 1};
        for (Index t = 1; t <= 2000; ++t)
            rmsprop_update(w.data(), q.data(), u.data(), a.data(), (const float*)nullptr, rmsprop_step<float>, 2);
        CHECK(u[0] == 0);
        CHECK(a[0] == 0);
        CHECK(q[0] == 0);
        CHECK(w[0] == 1);
        // v - a^2 is NaN where a is: it is not taken for negative.
        std::vector<float> x = {1}, second = {1}, mean = {NAN};
        const float one = 1;
        rmsprop_update(x.data(), second.data(), (float*)nullptr, mean.data(), &one, rmsprop_step<float>, 1);
        CHECK(std::isnan(x[0]));
    });
}

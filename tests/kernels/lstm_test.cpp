// The LSTM kernel: reference against finite differences, fast path against reference, bits across sets and threads.
#include "catch.hpp"
#include "lstm_problem.hpp"
#include "worse.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using namespace lstm_problem;

namespace {

const Case cases[] = {
    {1, 1, 1, 1},
    {2, 4, 3, 5},
    {3, 5, 2, 3, true, true, true, true},
    {2, 6, 4, 2, false, true, false, true, false},
    {6, 4, 3, 2, true, true, true, false, false},
    {3, 3, 5, 17, false, false, true, true},
    {17, 3, 1, 2, false, true, true, true},
};

const Case large_cases[] = {
    {32, 20, 50, 64, false, false, true},
    {32, 20, 50, 64, false, true, true, true},
    {5, 9, 50, 64, true, true, false, true},
    {33, 7, 70, 33, true, true, true, true},
    {70, 5, 3, 100, false, true, false, true, false},
    {64, 3, 130, 130, false, false, false, false, false},
    {7, 40, 0, 15, false, true, false, true},
    {16, 1, 9, 16, false, false, true, true},
    {15, 30, 16, 8, false, true, true, false, false},
};

template <class T> double difference(const std::vector<T>& a, const std::vector<T>& b, Index shift = 0) {
    double worst = 0, scale = 1;
    for (std::size_t i = std::size_t(shift); i < a.size(); ++i) {
        const double d = std::abs(double(a[i]) - double(b[i]));
        scale = std::max(scale, std::abs(double(b[i])));
        worst = d <= worst ? worst : d;
        if (!(d == d)) return d;
    }
    return worst / scale;
}

template <class T> void check_close(Problem<T>& p, Problem<T>& q, double tolerance) {
    if (p.k.sequence) CHECK(difference(p.y, q.y, p.shift) <= tolerance);
    CHECK(difference(p.h, q.h, p.shift) <= tolerance);
    CHECK(difference(p.c, q.c, p.shift) <= tolerance);
    CHECK(difference(p.dx, q.dx, p.shift) <= tolerance);
    CHECK(difference(p.dw, q.dw, p.shift) <= tolerance);
    CHECK(difference(p.dr, q.dr, p.shift) <= tolerance);
    CHECK(difference(p.db, q.db, p.shift) <= tolerance);
    CHECK(difference(p.dh0, q.dh0, p.shift) <= tolerance);
    CHECK(difference(p.dc0, q.dc0, p.shift) <= tolerance);
}

/// Central differences of the objective with respect to every element of v.
void check_gradient(Problem<double>& p, std::vector<double>& v, const std::vector<double>& gradient,
                    const std::function<void()>& run) {
    const double step = 1e-5;
    double worst = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double kept = v[i];
        v[i] = kept + step;
        run();
        const double above = p.objective();
        v[i] = kept - step;
        run();
        const double below = p.objective();
        v[i] = kept;
        worst = worse(worst, std::abs((above - below) / (2 * step) - gradient[i]));
    }
    CHECK(worst <= 1e-8);
}

template <class T> std::vector<T> minus(std::vector<T> a, const std::vector<T>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
    return a;
}

} // namespace

TEST_CASE("lstm: gradients agree with finite differences of the reference", "[lstm]") {
    for (const bool fast : {false, true}) {
        for (const Case& k : cases) {
            CAPTURE(fast, k.batch, k.time, k.features, k.units);
            Problem<double> p(k);
            const auto dw = p.dw, dr = p.dr, db = p.db;
            const auto run = [&] { ref::lstm_forward(p.forward()); };
            if (fast) {
                lstm_forward(p.forward());
                lstm_backward(p.backward());
            } else {
                run();
                ref::lstm_backward(p.backward());
            }
            check_gradient(p, p.x, p.dx, run);
            check_gradient(p, p.w, minus(p.dw, dw), run);
            check_gradient(p, p.r, minus(p.dr, dr), run);
            check_gradient(p, p.b, minus(p.db, db), run);
            if (k.state) {
                check_gradient(p, p.h0, p.dh0, run);
                check_gradient(p, p.c0, p.dc0, run);
            }
        }
    }
}

TEST_CASE("lstm: fast path agrees with the reference on every set", "[lstm]") {
    const auto compare = [](const Case& k, Index shift) {
        CAPTURE(k.batch, k.time, k.features, k.units, shift);
        Problem<float> p(k, shift), q(k, shift);
        lstm_forward(p.forward());
        lstm_backward(p.backward());
        ref::lstm_forward(q.forward());
        ref::lstm_backward(q.backward());
        check_close(p, q, 2e-5);
        Problem<double> pd(k, shift), qd(k, shift);
        lstm_forward(pd.forward());
        lstm_backward(pd.backward());
        ref::lstm_forward(qd.forward());
        ref::lstm_backward(qd.backward());
        check_close(pd, qd, 1e-13);
    };
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        CAPTURE(name_of(isa));
        for (const Case& k : cases) compare(k, 1);
        for (const Case& k : large_cases) compare(k, 0);
        compare(large_cases[3], 1);
    }
}

TEST_CASE("lstm: inference computes the bits of training", "[lstm]") {
    for (const Case& k : large_cases) {
        Problem<float> p(k), q(k);
        lstm_forward(p.forward());
        auto a = q.forward();
        a.saved = nullptr;
        lstm_forward(a);
        CAPTURE(k.batch, k.time, k.features, k.units);
        if (k.sequence) CHECK(same(p.y, q.y, 0));
        CHECK(same(p.h, q.h, 0));
        CHECK(same(p.c, q.c, 0));
    }
}

TEST_CASE("lstm: same bits for any number of threads", "[lstm]") {
    for (const Case& k : large_cases) {
        set_threads(1);
        Problem<float> p(k);
        lstm_forward(p.forward());
        lstm_backward(p.backward());
        for (const int n : {2, 3, 8}) {
            set_threads(n);
            Problem<float> q(k);
            lstm_forward(q.forward());
            lstm_backward(q.backward());
            CAPTURE(n, k.batch, k.time, k.features, k.units);
            CHECK(same_bits(p, q));
        }
    }
    set_threads(0);
}

TEST_CASE("lstm: same bits on AVX2 and AVX-512", "[lstm]") {
    if (!available(Isa::avx512)) {
        WARN("skipped: no AVX-512 on this machine");
        return;
    }
    const auto compare = [](auto zero, const Case& k) {
        using T = decltype(zero);
        Problem<T> p(k), q(k);
        {
            IsaScope scope(Isa::avx512);
            lstm_forward(p.forward());
            lstm_backward(p.backward());
        }
        IsaScope scope(Isa::avx2);
        lstm_forward(q.forward());
        lstm_backward(q.backward());
        CAPTURE(sizeof(T), k.batch, k.time, k.features, k.units);
        CHECK(same_bits(p, q));
    };
    for (const Case& k : cases) compare(0.0f, k), compare(0.0, k);
    for (const Case& k : large_cases) compare(0.0f, k), compare(0.0, k);
}

TEST_CASE("lstm: bits, written down", "[lstm]") {
    if (isa() < Isa::avx2) {
        WARN("skipped: no fused multiply-add on this set");
        return;
    }
    const auto fingerprint = [](auto zero, const Case& k) {
        Problem<decltype(zero)> p(k);
        lstm_forward(p.forward());
        lstm_backward(p.backward());
        return hash_of<decltype(zero)>({&p.h, &p.c, &p.dx, &p.dw, &p.dr, &p.db, &p.dh0, &p.dc0});
    };
    CHECK(fingerprint(0.0f, large_cases[1]) == 0x7d228a9837ceae92u);
    CHECK(fingerprint(0.0, large_cases[3]) == 0x44d5ba4ea41a4f87u);
}

TEST_CASE("lstm: gradients that vanish in a long sequence become zero, not denormals", "[lstm]") {
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        CAPTURE(name_of(isa));
        Problem<float> p({3, 1200, 4, 8, false, false, false, false, false});
        lstm_forward(p.forward());
        lstm_backward(p.backward());
        CHECK(std::none_of(p.dx.begin(), p.dx.end(), [](float v) { return std::fpclassify(v) == FP_SUBNORMAL; }));
        CHECK(p.dx[0] == 0);
        CHECK(p.dx.back() != 0);
    }
}

TEST_CASE("lstm: what is not asked for changes nothing else", "[lstm]") {
    const Case k = large_cases[1];
    Problem<float> p(k), q(k);
    lstm_forward(p.forward());
    lstm_backward(p.backward());
    lstm_forward(q.forward());
    SECTION("no gradient of the input") {
        auto a = q.backward();
        a.dx = nullptr;
        lstm_backward(a);
        CHECK(same(p.dw, q.dw, 0));
        CHECK(same(p.dr, q.dr, 0));
        CHECK(same(p.dh0, q.dh0, 0));
    }
    SECTION("frozen weights") {
        auto a = q.backward();
        const auto before = q.dw;
        a.dkernel = a.drecurrent_kernel = a.dbias = nullptr;
        lstm_backward(a);
        CHECK(same(p.dx, q.dx, 0));
        CHECK(same(before, q.dw, 0));
    }
    SECTION("only one of the weights") {
        auto a = q.backward();
        a.dkernel = a.dbias = nullptr;
        a.dh0 = a.dc0 = nullptr;
        lstm_backward(a);
        CHECK(same(p.dr, q.dr, 0));
    }
    SECTION("backward twice from the same saved arrays") {
        lstm_backward(q.backward());
        Problem<float> again(k);
        lstm_forward(again.forward());
        again.saved = q.saved;
        lstm_backward(again.backward());
        CHECK(same_bits(p, again));
    }
    SECTION("state in place") {
        auto a = q.forward();
        q.h = q.h0, q.c = q.c0;
        a.h0 = a.h = q.h.data(), a.c0 = a.c = q.c.data();
        lstm_forward(a);
        CHECK(same(p.h, q.h, 0));
        CHECK(same(p.c, q.c, 0));
    }
}

TEST_CASE("lstm: masked steps", "[lstm]") {
    const Case k{3, 6, 4, 5, false, true, false, true};
    Problem<float> p(k);
    p.mask = {1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0};
    lstm_forward(p.forward());
    const auto y = [&](Index b, Index t, Index u) { return p.y[std::size_t((b * 6 + t) * 5 + u)]; };
    for (Index u = 0; u < 5; ++u) {
        CHECK(y(0, 5, u) == y(0, 2, u));
        CHECK(y(1, 3, u) == p.h0[std::size_t(5 + u)]);
        CHECK(p.c[std::size_t(5 + u)] == p.c0[std::size_t(5 + u)]);
        CHECK(y(2, 3, u) == y(2, 2, u));
        CHECK(y(2, 0, u) == p.h0[std::size_t(10 + u)]);
        CHECK(p.h[std::size_t(10 + u)] == y(2, 4, u));
    }
}

TEST_CASE("lstm: nothing to do", "[lstm]") {
    for (const Case& k : {Case{0, 4, 3, 2}, Case{3, 0, 4, 5, false, true, true, true}, Case{3, 4, 2, 0}}) {
        Problem<float> p(k);
        const auto dw = p.dw;
        lstm_forward(p.forward());
        lstm_backward(p.backward());
        CHECK(same(dw, p.dw, 0));
        CHECK(std::all_of(p.dx.begin(), p.dx.end(), [](float v) { return v == 0; }));
        if (k.time == 0) {
            CHECK(same(p.h, p.h0, 0));
            CHECK(same(p.c, p.c0, 0));
            CHECK(same(p.dh0, p.wh, 0));
            CHECK(same(p.dc0, p.wc, 0));
        }
    }
}

TEST_CASE("lstm: sizes never fall", "[lstm]") {
    for (Index b = 0; b < 140; ++b) {
        CHECK(lstm_saved(b, 3, 4, 5) <= lstm_saved(b + 1, 3, 4, 5));
        CHECK(lstm_forward_workspace(b, 4, 5) <= lstm_forward_workspace(b + 1, 4, 5));
        CHECK(lstm_backward_workspace(b, 4, 5) <= lstm_backward_workspace(b + 1, 4, 5));
    }
}

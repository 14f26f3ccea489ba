#include <gradus/kernels/bfloat16.hpp>
#include <gradus/kernels/matmul.hpp>

#include "catch.hpp"
#include "kernel_support.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

using namespace gradus;
using namespace gradus::kernels;

namespace {

template <class T> std::vector<T> numbers(Index n, unsigned seed) {
    std::vector<T> x(static_cast<std::size_t>(n));
    unsigned s = seed * 2654435761u + 12345u;
    for (T& v : x) {
        s = s * 1664525u + 1013904223u;
        v = T(int(s >> 12) % 2001 - 1000) / T(700);
    }
    return x;
}

struct Case {
    Index m, n, k;
    Transpose ta, tb;
    bool accumulate, bias, relu;
    Index gap;
};

/// Runs one product on operands that are unaligned and have leading dimensions beyond their rows.
template <class T> struct Problem {
    Case p;
    Index lda, ldb, ldc;
    std::vector<T> a, b, c, bias, gate;
    Index ldgate = 0;

    explicit Problem(const Case& x) : p(x) {
        const bool at = p.ta == Transpose::yes, bt = p.tb == Transpose::yes;
        lda = (at ? p.m : p.k) + p.gap;
        ldb = (bt ? p.k : p.n) + 2 * p.gap;
        ldc = p.n + 3 * p.gap;
        a = numbers<T>((at ? p.k : p.m) * lda + 1, 1);
        b = numbers<T>((bt ? p.n : p.k) * ldb + 1, 2);
        c = numbers<T>(p.m * ldc + 1, 3);
        bias = numbers<T>(p.n + 1, 4);
    }

    Epilogue<T> epilogue() const {
        return {p.bias ? bias.data() + 1 : nullptr, p.relu ? activation::relu : activation::linear,
                gate.empty() ? nullptr : gate.data() + 1, ldgate};
    }

    /// A relu's output, and what it may hold beside: zeros of both signs, numbers below zero, NaN.
    void set_gate() {
        ldgate = p.n + p.gap;
        gate = kernel_support::gates<T>(p.m * ldgate + 1);
    }
    /// What the gate makes of a result that does not know it.
    std::vector<T> gated(std::vector<T> out) const {
        for (Index i = 0; i < p.m; ++i)
            for (Index j = 0; j < p.n; ++j)
                if (gate[static_cast<std::size_t>(1 + i * ldgate + j)] <= 0)
                    out[static_cast<std::size_t>(1 + i * ldc + j)] = 0;
        return out;
    }

    std::vector<T> run() const {
        std::vector<T> out = c, workspace(static_cast<std::size_t>(matmul_workspace<T>(p.m, p.n, p.k, p.ta, p.tb)));
        matmul(out.data() + 1, ldc, a.data() + 1, lda, p.ta, b.data() + 1, ldb, p.tb, p.m, p.n, p.k, p.accumulate,
               epilogue(), workspace.data());
        return out;
    }

    std::vector<T> reference() const {
        std::vector<T> out = c;
        ref::matmul(out.data() + 1, ldc, a.data() + 1, lda, p.ta, b.data() + 1, ldb, p.tb, p.m, p.n, p.k, p.accumulate,
                    epilogue());
        return out;
    }
};

template <class T> double largest_difference(const std::vector<T>& x, const std::vector<T>& y) {
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) worst = worse(worst, std::abs(double(x[i]) - double(y[i])));
    return worst;
}

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

std::vector<Case> cases() {
    std::vector<Case> all;
    const Index sizes[][3] = {{1, 1, 1},     {1, 10, 7},      {2, 300, 40}, {3, 5, 1},    {5, 33, 17},   {12, 32, 64},
                              {13, 31, 9},   {11, 130, 3},    {25, 64, 57}, {32, 18, 20}, {47, 17, 257}, {64, 50, 100},
                              {97, 65, 300}, {24, 0, 5},      {0, 7, 5},    {7, 40, 0},   {1, 600, 70},  {2, 129, 31},
                              {100, 10, 70}, {103, 520, 270}, {70, 130, 64}};
    int i = 0;
    for (const auto& s : sizes)
        for (int t = 0; t < 4; ++t, ++i)
            all.push_back({s[0], s[1], s[2], Transpose(t % 2 == 1), Transpose(t / 2 == 1), i % 3 == 0, i % 2 == 0,
                           i % 5 < 2, Index(i % 4)});
    return all;
}

/// A left side of many rows, not transposed in half of them, by a right side that is worth packing.
std::vector<Case> large_cases() {
    std::vector<Case> all;
    const Index sizes[][3] = {{301, 523, 307}, {259, 545, 521}};
    int i = 0;
    for (const auto& s : sizes)
        for (int t = 0; t < 4; ++t, ++i)
            all.push_back({s[0], s[1], s[2], Transpose(t % 2 == 1), Transpose(t / 2 == 1), i % 3 == 0, i % 2 == 0,
                           i % 5 < 2, Index(i % 3)});
    return all;
}

/// Weight gradients of many rows: little to compute, in sums so long that a cell has no work for a whole row of them.
std::vector<Case> deep_cases() {
    std::vector<Case> all;
    const Index sizes[][3] = {{32, 10, 20000}, {30, 1, 50000}, {64, 10, 12800}, {200, 1, 30000}, {13, 2, 100000}};
    for (const auto& s : sizes)
        all.push_back({s[0], s[1], s[2], Transpose::yes, Transpose::no, s[1] == 1, false, false, 0});
    return all;
}

/// Rows of the left side a multiple of 4096 bytes apart, which a block packs where its right side has columns enough:
/// few rows by a right side as it lies, and more by a packed one.
template <class T> std::vector<Case> aligned_cases() {
    std::vector<Case> all;
    const Index sizes[][3] = {{5, 256, 64}, {13, 300, 100}, {61, 259, 257}, {100, 517, 300}, {300, 520, 270}};
    int i = 0;
    for (const Index bytes : {4096, 8192})
        for (const auto& s : sizes)
            for (const Transpose tb : {Transpose::no, Transpose::yes}) {
                all.push_back({s[0], s[1], s[2], Transpose::no, tb, i % 3 == 0, i % 2 == 0, i % 5 < 2,
                               bytes / Index(sizeof(T)) - s[2]});
                ++i;
            }
    return all;
}

template <class T> void check_against_reference(const std::vector<Case>& list) {
    for (const Case& p : list) {
        const Problem<T> problem(p);
        const auto expected = problem.reference();
        const double tolerance = double(std::numeric_limits<T>::epsilon()) * 6 * double(p.k + 4);
        for (Isa set : all_isas) {
            if (!available(set)) continue;
            IsaScope scope(set);
            CAPTURE(name_of(set), p.m, p.n, p.k, int(p.ta), int(p.tb), p.accumulate, p.bias, p.relu, problem.lda);
            CHECK(largest_difference(problem.run(), expected) <= tolerance);
        }
    }
}

/// The promise itself: one chain of fused multiply-adds over k.
template <class T> std::vector<T> chain(const Problem<T>& q) {
    std::vector<T> out = q.c;
    for (Index i = 0; i < q.p.m; ++i)
        for (Index j = 0; j < q.p.n; ++j) {
            T& y = out[static_cast<std::size_t>(1 + i * q.ldc + j)];
            T s = q.p.accumulate ? y : T(0);
            for (Index p = 0; p < q.p.k; ++p) {
                const Index ia = q.p.ta == Transpose::yes ? p * q.lda + i : i * q.lda + p;
                const Index ib = q.p.tb == Transpose::yes ? j * q.ldb + p : p * q.ldb + j;
                s = std::fma(q.a[static_cast<std::size_t>(1 + ia)], q.b[static_cast<std::size_t>(1 + ib)], s);
            }
            if (q.p.bias) s += q.bias[static_cast<std::size_t>(1 + j)];
            y = q.p.relu && s < 0 ? T(0) : s;
        }
    return out;
}

} // namespace

TEST_CASE("matmul agrees with Eigen on every set", "[kernels]") {
    check_against_reference<float>(cases());
    check_against_reference<double>(cases());
    check_against_reference<float>(large_cases());
    check_against_reference<double>(large_cases());
    check_against_reference<float>(deep_cases());
    check_against_reference<double>(deep_cases());
    check_against_reference<float>(aligned_cases<float>());
    check_against_reference<double>(aligned_cases<double>());
}

TEST_CASE("matmul's gate makes zeros, and nothing else changes", "[kernels]") {
    const auto check = [](auto zero, const std::vector<Case>& list) {
        for (const Case& p : list) {
            Problem<decltype(zero)> problem(p);
            std::vector<decltype(zero)> plain[std::size(all_isas)];
            const auto reference = problem.reference();
            const auto on_each = [&](auto f) {
                for (std::size_t s = 0; s < std::size(all_isas); ++s) {
                    if (!available(all_isas[s])) continue;
                    IsaScope scope(all_isas[s]);
                    f(s);
                }
            };
            on_each([&](std::size_t s) { plain[s] = problem.run(); });
            problem.set_gate();
            CAPTURE(sizeof(zero), p.m, p.n, p.k, int(p.ta), int(p.tb), p.accumulate, p.bias, p.relu, problem.lda);
            CHECK(same(problem.reference(), problem.gated(reference)));
            on_each([&](std::size_t s) {
                CAPTURE(name_of(all_isas[s]));
                CHECK(same(problem.run(), problem.gated(plain[s])));
            });
        }
    };
    for (const auto& list : {cases(), large_cases(), deep_cases()}) check(0.f, list), check(0.0, list);
    check(0.f, aligned_cases<float>()), check(0.0, aligned_cases<double>());
}

TEST_CASE("matmul is one chain of fused multiply-adds per output", "[kernels]") {
    const auto check = [](auto zero, const Case& p) {
        const Problem<decltype(zero)> problem(p);
        const auto expected = chain(problem);
        for (Isa set : {Isa::avx2, Isa::avx512}) {
            if (!available(set)) continue;
            IsaScope scope(set);
            CAPTURE(name_of(set), sizeof(zero), p.m, p.n, p.k, int(p.ta), int(p.tb), problem.lda);
            CHECK(same(problem.run(), expected));
        }
    };
    if (!available(Isa::avx2)) return;
    for (const Case& p : cases()) check(0.f, p), check(0.0, p);
    for (const Case& p : deep_cases()) check(0.f, p), check(0.0, p);
    for (const Case& p : aligned_cases<float>()) check(0.f, p);
    for (const Case& p : aligned_cases<double>()) check(0.0, p);
    const auto large = large_cases();
    for (std::size_t i = 0; i < large.size(); i += 3) check(0.f, large[i]), check(0.0, large[i]);
}

#if !GRADUS_EIGEN_KERNELS
TEST_CASE("matmul cuts every product into cells", "[kernels]") {
    const auto check = [](auto zero) {
        using T = decltype(zero);
        constexpr Index sizes[] = {1,  2,  3,   13,  30,  47,  48,   64,    95,    96,
                                   97, 99, 256, 257, 512, 784, 1000, 11157, 20000, 1000000};
        for (ProductPrecision precision : {ProductPrecision(), ProductPrecision(gradus::bfloat16)})
            for (Index m : sizes)
                for (Index n : sizes)
                    for (Index k : sizes)
                        for (int t = 0; t < 4; ++t) {
                            const Transpose ta = Transpose(t % 2 == 1), tb = Transpose(t / 2 == 1);
                            const auto plan =
                                kernels::detail::matmul_plan<T>(m, n, k, ta == Transpose::yes ? m : k, ta, tb,
                                                                kernels::detail::matmul_table<T>(precision));
                            if (plan.rows >= 1 && plan.cols >= 1) continue;
                            CAPTURE(m, n, k, t, plan.rows, plan.cols);
                            FAIL("a cell of nothing");
                        }
    };
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        CAPTURE(name_of(set));
        check(0.f), check(0.0);
    }
}

TEST_CASE("matmul gives the same bits for any number of threads", "[kernels]") {
    const Case large[] = {{200, 300, 310, Transpose::no, Transpose::no, false, true, true, 0},
                          {130, 600, 290, Transpose::no, Transpose::yes, true, true, false, 1},
                          {50, 256, 900, Transpose::yes, Transpose::no, true, false, false, 0},
                          {1200, 64, 100, Transpose::yes, Transpose::yes, false, false, false, 2},
                          {64, 10, 12800, Transpose::yes, Transpose::no, true, false, false, 1}};
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        for (const Case& p : large) {
            Problem<float> problem(p);
            for (const bool gated : {false, true}) {
                if (gated) problem.set_gate();
                std::vector<float> first;
                for (int t : {1, 2, 3, 8}) {
                    set_threads(t);
                    const auto out = problem.run();
                    if (first.empty()) first = out;
                    CHECK(same(out, first));
                }
            }
        }
    }
    set_threads(0);
}
#endif

TEST_CASE("matmul passes NaN and infinity on, and denormals", "[kernels]") {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        std::vector<float> a(5 * 40, 1.f), b(40 * 20, 1.f), c(5 * 20);
        a[0] = nan;
        a[40] = inf;
        a[80] = 0;
        b[3] = inf;
        std::vector<float> workspace(
            static_cast<std::size_t>(matmul_workspace<float>(5, 20, 40, Transpose::no, Transpose::no)));
        matmul(c.data(), 20, a.data(), 40, Transpose::no, b.data(), 20, Transpose::no, 5, 20, 40, false,
               Epilogue<float>{nullptr, activation::relu}, workspace.data());
        for (int j = 0; j < 20; ++j) CHECK(std::isnan(c[static_cast<std::size_t>(j)]));
        CHECK(c[20] == inf);
        CHECK(std::isnan(c[43]));
        CHECK(c[42] == 39.f);
        CHECK(c[63] == inf);

        const float tiny = 1e-30f;
        const std::vector<float> x{tiny}, y{1e-10f};
        float z = 0;
        matmul(&z, 1, x.data(), 1, Transpose::no, y.data(), 1, Transpose::no, 1, 1, 1, false, Epilogue<float>{},
               workspace.data());
        CHECK(z > 0);
    }
}

TEST_CASE("matmul_workspace grows with each size and stays bounded", "[kernels]") {
    for (Transpose t : {Transpose::no, Transpose::yes}) {
        Index before = 0;
        for (Index s : {0, 1, 30, 47, 48, 95, 96, 300, 512, 1000, 1000000}) {
            const Index now = matmul_workspace<float>(s, s, s, Transpose::no, t);
            CHECK(now >= before);
            before = now;
        }
        CHECK(before <= 512 * 256);
        CHECK(matmul_workspace<float>(Index(1) << 40, Index(1) << 40, Index(1) << 40, t, t) <= 512 * 256);
    }
}

TEST_CASE("column sums agree with Eigen, and their bits with each other", "[kernels]") {
    for (const auto& [rows, cols] :
         {std::pair<Index, Index>{0, 5}, {1, 1}, {3, 33}, {7, 130}, {1000, 10}, {601, 300}}) {
        const auto x = numbers<float>(rows * cols, 9);
        std::vector<float> first;
        for (Isa set : all_isas) {
            if (!available(set)) continue;
            IsaScope scope(set);
            for (bool accumulate : {false, true}) {
                std::vector<float> out(static_cast<std::size_t>(cols), 2.f), expected = out;
                column_sums(out.data(), x.data(), rows, cols, accumulate);
                ref::column_sums(expected.data(), x.data(), rows, cols, accumulate);
                CHECK(largest_difference(out, expected) <= 1e-6 * double(rows + 1));
                if (!accumulate && first.empty()) first = out;
                if (!accumulate) CHECK(same(out, first));
            }
        }
    }
}

#if defined(__linux__)
TEST_CASE("matmul reaches rows beyond 2^31 elements, packed and not, in both formats", "[kernels]") {
    const Index m = 3, n = 5, k = 40;
    const auto far = [](Index rows) { return (Index(1) << 31) / (rows - 1) + 9; };
    const auto a = numbers<float>(m * k, 1), b = numbers<float>(k * n, 2);
    for (const bool rounded : {false, true})
        for (Transpose ta : {Transpose::no, Transpose::yes})
            for (Transpose tb : {Transpose::no, Transpose::yes}) {
                CAPTURE(rounded, int(ta), int(tb));
                const ProductPrecision precision = rounded ? ProductPrecision(bfloat16) : ProductPrecision();
                const Index rows_a = ta == Transpose::no ? m : k, rows_b = tb == Transpose::no ? k : n;
                const Index cols_a = m * k / rows_a, cols_b = k * n / rows_b;
                const Index lda = far(rows_a), ldb = far(rows_b), ldc = far(m);
                const Index sizes[] = {rows_a * lda, rows_b * ldb, m * ldc};
                const std::size_t bytes = static_cast<std::size_t>(sizes[0] + sizes[1] + sizes[2]) * sizeof(float);
                void* memory =
                    mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                if (memory == MAP_FAILED) {
                    WARN("skipped: no " << bytes << " bytes of addresses");
                    return;
                }
                float *far_a = static_cast<float*>(memory), *far_b = far_a + sizes[0], *far_c = far_b + sizes[1];
                for (Index i = 0; i < rows_a; ++i) std::copy_n(&a[std::size_t(i * cols_a)], cols_a, far_a + i * lda);
                for (Index i = 0; i < rows_b; ++i) std::copy_n(&b[std::size_t(i * cols_b)], cols_b, far_b + i * ldb);
                std::vector<float> expected(m * n), workspace(std::size_t(matmul_workspace<float>(m, n, k, ta, tb)));
                matmul(expected.data(), n, a.data(), cols_a, ta, b.data(), cols_b, tb, m, n, k, false,
                       Epilogue<float>{}, workspace.data(), precision);
                matmul(far_c, ldc, far_a, lda, ta, far_b, ldb, tb, m, n, k, false, Epilogue<float>{}, workspace.data(),
                       precision);
                for (Index i = 0; i < m; ++i)
                    CHECK(std::equal(far_c + i * ldc, far_c + i * ldc + n, &expected[std::size_t(i * n)]));
                munmap(memory, bytes);
            }
}
#endif

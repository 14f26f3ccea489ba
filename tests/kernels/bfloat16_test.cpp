#include <gradus/kernels/bfloat16.hpp>
#include <gradus/kernels/matmul.hpp>

#include "catch.hpp"
#include "kernel_support.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;
using kernel_support::same;

namespace {

const float inf = std::numeric_limits<float>::infinity(), nan_value = std::numeric_limits<float>::quiet_NaN();

std::vector<float> numbers(Index n, std::uint64_t seed) { return kernel_support::numbers<float>(n, seed, -1.43, 1.43); }

struct Case {
    Index m, n, k;
    Transpose ta, tb;
    bool accumulate, relu;
};

std::vector<Case> cases() {
    const Index sizes[][3] = {{1, 1, 1},    {1, 10, 7},   {2, 300, 40},  {3, 5, 2},       {12, 32, 64},  {13, 31, 9},
                              {11, 130, 3}, {25, 64, 57}, {47, 17, 513}, {6, 50, 100},    {97, 65, 300}, {24, 0, 5},
                              {0, 7, 5},    {7, 40, 0},   {8, 129, 31},  {103, 520, 1030}};
    std::vector<Case> all;
    int i = 0;
    for (const auto& s : sizes)
        for (int t = 0; t < 4; ++t, ++i)
            all.push_back({s[0], s[1], s[2], Transpose(t % 2 == 1), Transpose(t / 2 == 1), i % 3 == 0, i % 5 < 2});
    return all;
}

/// A product of unaligned operands with rows that are apart.
struct Problem {
    Case p;
    Index lda, ldb, ldc;
    std::vector<float> a, b, c, bias, gate;

    explicit Problem(const Case& x) : p(x) {
        const bool at = p.ta == Transpose::yes, bt = p.tb == Transpose::yes;
        lda = (at ? p.m : p.k) + 3;
        ldb = (bt ? p.k : p.n) + 1;
        ldc = p.n + 2;
        a = numbers((at ? p.k : p.m) * lda + 1, 1);
        b = numbers((bt ? p.n : p.k) * ldb + 1, 2);
        c = numbers(p.m * ldc + 1, 3);
        bias = numbers(p.n + 1, 4);
    }
    float left(Index i, Index q) const {
        return a[static_cast<std::size_t>(1 + (p.ta == Transpose::yes ? q * lda + i : i * lda + q))];
    }
    float right(Index q, Index j) const {
        return b[static_cast<std::size_t>(1 + (p.tb == Transpose::yes ? j * ldb + q : q * ldb + j))];
    }
    template <class Product> std::vector<float> run(Product product) const {
        std::vector<float> out = c,
                           workspace(static_cast<std::size_t>(matmul_workspace<float>(p.m, p.n, p.k, p.ta, p.tb)));
        product(out.data() + 1, ldc, a.data() + 1, lda, p.ta, b.data() + 1, ldb, p.tb, p.m, p.n, p.k, p.accumulate,
                Epilogue<float>{bias.data() + 1, p.relu ? activation::relu : activation::linear,
                                gate.empty() ? nullptr : gate.data() + 1, p.n + 1},
                workspace.data(), bfloat16);
        return out;
    }
    std::vector<float> run() const { return run(matmul<float>); }
    std::vector<float> reference() const { return run(ref::matmul<float>); }
};

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.f, x) : x; }

/// What the promise says, element by element.
std::vector<float> chain(const Problem& q) {
    std::vector<float> out = q.c;
    const auto left = [&](Index i, Index k) { return k < q.p.k ? ref::round_to_bfloat16(q.left(i, k)) : 0.f; };
    const auto right = [&](Index k, Index j) { return k < q.p.k ? ref::round_to_bfloat16(q.right(k, j)) : 0.f; };
    for (Index i = 0; i < q.p.m; ++i)
        for (Index j = 0; j < q.p.n; ++j) {
            float& y = out[static_cast<std::size_t>(1 + i * q.ldc + j)];
            float s = q.p.accumulate ? y : 0.f;
            for (Index k = 0; k < q.p.k; k += 2) {
                s = flushed(std::fma(left(i, k + 1), right(k + 1, j), s));
                s = flushed(std::fma(left(i, k), right(k, j), s));
            }
            s += q.bias[static_cast<std::size_t>(1 + j)];
            y = q.p.relu && s < 0 ? 0.f : s;
            if (!q.gate.empty() && flushed(q.gate[static_cast<std::size_t>(1 + i * (q.p.n + 1) + j)]) <= 0) y = 0.f;
        }
    return out;
}

void check_against_reference(const Problem& problem) {
    const Case& p = problem.p;
    const auto expected = problem.reference();
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        CAPTURE(name_of(set), p.m, p.n, p.k, int(p.ta), int(p.tb), p.accumulate, p.relu);
        CHECK(kernel_support::largest_difference(problem.run(), expected) <= 1.2e-7 * 6 * double(p.k + 4));
    }
}

} // namespace

TEST_CASE("round_to_bfloat16 takes the nearest, ties to even", "[kernels]") {
    CHECK(ref::round_to_bfloat16(1.f) == 1.f);
    CHECK(ref::round_to_bfloat16(1.00390625f) == 1.f);        // halfway between 1 and 1 + 2^-7
    CHECK(ref::round_to_bfloat16(1.01171875f) == 1.015625f);  // halfway above an odd one
    CHECK(ref::round_to_bfloat16(1.00390637f) == 1.0078125f); // just above halfway
    CHECK(ref::round_to_bfloat16(-1.00390637f) == -1.0078125f);
    CHECK(ref::round_to_bfloat16(3.4e38f) == inf);
    CHECK(ref::round_to_bfloat16(-inf) == -inf);
    CHECK(std::isnan(ref::round_to_bfloat16(nan_value)));
    CHECK(ref::round_to_bfloat16(1e-39f) == 0.f);
    CHECK(std::signbit(ref::round_to_bfloat16(-1e-39f)));
}

TEST_CASE("a product in bfloat16 agrees with Eigen's of rounded operands on every set", "[kernels]") {
    for (const Case& p : cases()) check_against_reference(Problem(p));
}

// Sums that hold an infinity or a NaN are the same in any order; zeros turn infinities into NaN on either side.
TEST_CASE("a product in bfloat16 passes infinities and NaN on as Eigen's does", "[kernels]") {
    for (const Case& p : cases()) {
        if (p.m * p.n * p.k == 0) continue;
        Problem problem(p);
        const std::size_t last_a = problem.a.size() - 4, last_b = problem.b.size() - 2;
        problem.a[1] = inf;
        problem.a[1 + last_a / 3] = -inf;
        problem.a[1 + last_a / 2] = nan_value;
        problem.a[last_a] = 3.4e38f; // rounds to infinity
        problem.b[1] = 0;
        problem.b[1 + last_b / 4] = -inf;
        problem.b[1 + last_b / 2] = 1e-40f; // a denormal: zero
        problem.b[1 + last_b / 3 * 2] = nan_value;
        problem.b[last_b] = inf;
        check_against_reference(problem);
    }
}

TEST_CASE("a product in bfloat16 is one chain of pairs per output", "[kernels]") {
    for (Isa set : {Isa::avx2, Isa::avx512}) {
        if (!available(set)) continue;
        IsaScope scope(set);
        for (const Case& p : cases()) {
            CAPTURE(name_of(set), p.m, p.n, p.k, int(p.ta), int(p.tb), p.accumulate, p.relu);
            Problem problem(p);
            CHECK(same(problem.run(), chain(problem)));
            problem.gate = kernel_support::gates<float>(p.m * (p.n + 1) + 1);
            CHECK(same(problem.run(), chain(problem)));
        }
    }
}

#if !GRADUS_EIGEN_KERNELS
namespace {

/// One tile of products by the emulation and, where the machine has it, by its instruction.
std::vector<float> tile(bool native, const std::vector<float>& a, const std::vector<float>& b, Index m, Index n,
                        Index k) {
    const auto& table = kernels::detail::bfloat16_table<float>(native);
    std::vector<float> packed(static_cast<std::size_t>((k + 1) * (n + 31) / 32 * 32)),
        c(static_cast<std::size_t>(m * n));
    table.pack(packed.data(), b.data(), n, false, k, n);
    table.block(c.data(), n, a.data(), k, false, packed.data(), 0, m, n, k, {});
    return c;
}

} // namespace

TEST_CASE("the emulation of bfloat16 has the bits of the instruction", "[kernels]") {
    kernel_support::where_vdpbf16ps_runs([] {
        for (const float size : {1.f, 1e-19f, 1e-25f, 1e-38f, 1e19f, 3e38f}) {
            const Index m = 9, n = 70, k = 41;
            auto a = numbers(m * k, 5), b = numbers(k * n, 6);
            for (float& x : a) x *= size;
            for (float& x : b) x *= size;
            a[3] = -0.f;
            a[50] = 1e-41f;
            b[7] = -3e-39f;
            CAPTURE(size);
            CHECK(same(tile(true, a, b, m, n, k), tile(false, a, b, m, n, k)));
            a[1] = inf;
            b[90] = nan_value;
            CHECK(same(tile(true, a, b, m, n, k), tile(false, a, b, m, n, k)));
        }
    });
}

TEST_CASE("a product in bfloat16 has the same bits for any number of threads and leaves the mode", "[kernels]") {
    const Problem problem({200, 600, 1100, Transpose::no, Transpose::yes, true, false});
    kernel_support::check_same_bits([&] { return problem.run(); });
    volatile float tiny = 1e-30f;
    CHECK(tiny * 1e-10f > 0);
}
#endif

TEST_CASE("doubles take no other precision", "[kernels]") {
    const double a = 1.0000001, b = 1;
    double c = 0;
    std::vector<double> workspace(64);
    matmul(&c, 1, &a, 1, Transpose::no, &b, 1, Transpose::no, 1, 1, 1, false, Epilogue<double>{}, workspace.data(),
           bfloat16);
    CHECK(c == a);
}

// The LSTM's products in bfloat16: against the reference, against float32, bits across sets, threads and formats.
#include "catch.hpp"
#include "kernel_support.hpp"
#include "lstm_problem.hpp"
#include "worse.hpp"

#include <gradus/kernels/bfloat16.hpp>

#include <functional>

using namespace lstm_problem;

namespace {

const Case cases[] = {
    {1, 1, 1, 1},
    {3, 1, 7, 17, false, false, true, true},
    {2, 4, 3, 5},
    {17, 3, 1, 2, false, true, true, true},
    {6, 4, 3, 2, true, true, true, false, false},
    {32, 20, 50, 64, false, true, true, true},
    {33, 7, 71, 33, true, true, true, true},
    {7, 40, 0, 15, false, true, false, true},
    {40, 3, 131, 130, false, false, false, false, false},
};

template <class T> Problem<T> ran(const Case& k, ProductPrecision precision, bool fast, Index shift = 0,
                                  const std::function<void(Problem<T>&)>& change = {}) {
    Problem<T> p(k, shift);
    p.precision = precision;
    if (change) change(p);
    if (fast) {
        lstm_forward(p.forward());
        lstm_backward(p.backward());
    } else {
        ref::lstm_forward(p.forward());
        ref::lstm_backward(p.backward());
    }
    return p;
}

/// The largest difference of any result, relative to the largest element of it.
template <class T> double difference(Problem<T>& p, Problem<T>& q) {
    double worst = 0;
    const auto a = results(p), b = results(q);
    for (std::size_t r = 0; r < a.size(); ++r) {
        double scale = 1e-30, apart = 0;
        for (std::size_t i = std::size_t(p.shift); i < a[r]->size(); ++i) {
            scale = std::max(scale, std::abs(double((*b[r])[i])));
            apart = worse(apart, std::abs(double((*a[r])[i]) - double((*b[r])[i])));
        }
        worst = worse(worst, apart / scale);
    }
    return worst;
}

} // namespace

// A float that differs in its last bit may round to the next bfloat16, so the bound is a part of one rounding, 2^-9.
TEST_CASE("lstm bfloat16: agrees with the reference on every set", "[lstm]") {
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        CAPTURE(name_of(isa));
        for (const Case& k : cases)
            for (const Index shift : {0, 1}) {
                CAPTURE(k.batch, k.time, k.features, k.units, shift);
                auto fast = ran<float>(k, bfloat16, true, shift), slow = ran<float>(k, bfloat16, false, shift),
                     full = ran<float>(k, {}, false, shift);
                CHECK(difference(fast, slow) <= 1e-3);
                CHECK(difference(slow, full) <= 1e-2);
                CHECK(difference(slow, full) > 1e-4);
            }
    }
}

TEST_CASE("lstm bfloat16: operands that are bfloat16 give what float32 does", "[lstm]") {
    const auto representable = [](Problem<float>& p) {
        for (auto* v : {&p.x, &p.w, &p.r, &p.h0})
            for (float& e : *v) e = ref::round_to_bfloat16(e);
        for (auto* v : {&p.xm, &p.rm})
            for (float& e : *v) e = e > 0 ? 2.f : 0.f;
    };
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        for (Case k : cases) {
            k.time = 1; // the next step's h is no bfloat16
            CAPTURE(name_of(isa), k.batch, k.features, k.units);
            auto rounded = ran<float>(k, bfloat16, true, 0, representable),
                 full = ran<float>(k, {}, true, 0, representable);
            CHECK(kernel_support::largest_difference(rounded.h, full.h) <= 1e-6);
            CHECK(kernel_support::largest_difference(rounded.c, full.c) <= 1e-6);
            CHECK(kernel_support::largest_difference(rounded.db, full.db) <= 1e-5);
        }
    }
}

TEST_CASE("lstm bfloat16: double takes no other precision", "[lstm]") {
    for (const bool fast : {true, false}) {
        auto p = ran<double>(cases[5], bfloat16, fast), q = ran<double>(cases[5], {}, fast);
        CHECK(same_bits(p, q));
    }
}

#if !GRADUS_EIGEN_KERNELS
TEST_CASE("lstm bfloat16: same bits for any number of threads, in inference, and from a second backward", "[lstm]") {
    for (const Case& k : cases) {
        CAPTURE(k.batch, k.time, k.features, k.units);
        set_threads(1);
        auto one = ran<float>(k, bfloat16, true);
        for (const int n : {2, 3, 8}) {
            set_threads(n);
            auto other = ran<float>(k, bfloat16, true);
            CHECK(same_bits(one, other));
        }
        set_threads(0);
        Problem<float> inference(k), again(k);
        inference.precision = again.precision = bfloat16;
        auto a = inference.forward();
        a.saved = nullptr;
        lstm_forward(a);
        CHECK(same(one.h, inference.h, 0));
        CHECK(same(one.c, inference.c, 0));
        lstm_forward(again.forward());
        const auto dw = again.dw, dr = again.dr, db = again.db;
        lstm_backward(again.backward());
        again.dw = dw, again.dr = dr, again.db = db;
        lstm_backward(again.backward());
        CHECK(same_bits(one, again));
    }
}

TEST_CASE("lstm bfloat16: weights that are frozen change nothing else", "[lstm]") {
    for (const bool recurrent : {false, true}) {
        auto full = ran<float>(cases[6], bfloat16, true);
        Problem<float> p(cases[6]);
        p.precision = bfloat16;
        const auto before = recurrent ? p.dr : p.dw;
        lstm_forward(p.forward());
        auto a = p.backward();
        (recurrent ? a.drecurrent_kernel : a.dkernel) = nullptr;
        lstm_backward(a);
        CHECK(same(before, recurrent ? p.dr : p.dw, 0));
        CHECK(same(full.dx, p.dx, 0));
        CHECK(same(recurrent ? full.dw : full.dr, recurrent ? p.dw : p.dr, 0));
    }
}

TEST_CASE("lstm bfloat16: same bits on AVX2 and AVX-512", "[lstm]") {
    if (!available(Isa::avx512)) {
        WARN("skipped: no AVX-512 on this machine");
        return;
    }
    const auto on = [](Isa isa, const Case& k, float size) {
        IsaScope scope(isa);
        return ran<float>(k, bfloat16, true, 0, [&](Problem<float>& p) {
            for (auto* v : {&p.x, &p.wy, &p.wh})
                for (float& e : *v) e *= size;
        });
    };
    for (const Case& k : cases)
        for (const float size : {1.f, 1e-30f, 1e-37f}) {
            CAPTURE(k.batch, k.time, k.features, k.units, size);
            auto wide = on(Isa::avx512, k, size), narrow = on(Isa::avx2, k, size);
            CHECK(same_bits(wide, narrow));
        }
}

TEST_CASE("lstm bfloat16: bits, written down", "[lstm]") {
    if (isa() < Isa::avx2) {
        WARN("skipped: no fused multiply-add on this set");
        return;
    }
    auto p = ran<float>(cases[6], bfloat16, true);
    CHECK(hash_of(results(p)) == 0x897d70e1d4a5e75eu);
}

namespace {

/// A product with a panel and one of joined rows, in the emulation or by the machine's instruction.
std::vector<float> products(bool native, Index rows, Index k, float size) {
    constexpr Index wide = 64;
    const auto& format = kernels::detail::bfloat16_format<float>(native);
    const Index ld = k + k % 2, stored = format.stored(k);
    auto a = kernel_support::numbers<float>(rows * ld, 1, -1, 1),
         panel = kernel_support::numbers<float>(ld * wide, 2, -1, 1);
    a[1] = -1e-39f, panel[3] = 2e-40f;
    for (auto* v : {&a, &panel})
        for (float& e : *v) e *= size;
    std::vector<float> out(std::size_t((rows + k) * wide)), zeros(64), joined(std::size_t((rows + 1) * ld)),
        b(std::size_t((rows + 1) * wide));
    std::vector<const float*> pointers;
    for (Index i = 0; i < rows; ++i) {
        format.round_row(&a[std::size_t(i * ld)], k);
        pointers.push_back(&a[std::size_t(i * ld)]);
    }
    format.round_panel(panel.data(), k);
    format.rows(rows, wide, 1, stored, pointers.data(), 0, panel.data(), zeros.data(), 0, out.data(), wide);

    auto dz = kernel_support::numbers<float>(rows * wide, 3, -1, 1);
    for (Index i = 0; i < rows; ++i) format.round_row(&dz[std::size_t(i * wide)], wide);
    for (Index q = 0; q < rows; q += 2) {
        const auto second = [&](std::vector<float>& v, Index columns) {
            return q + 1 < rows ? &v[std::size_t((q + 1) * columns)] : nullptr;
        };
        format.join_rows(&joined[std::size_t(q / 2 * format.pair * ld)], &a[std::size_t(q * ld)], second(a, ld), k, ld);
        format.join_rows(&b[std::size_t(q / 2 * format.pair * wide)], &dz[std::size_t(q * wide)], second(dz, wide),
                         wide, wide);
    }
    pointers.clear();
    for (Index q = 0; q < format.stored(rows); ++q) pointers.push_back(&joined[std::size_t(q * ld)]);
    format.transposed(k, format.stored(rows), pointers.data(), 0, b.data(), zeros.data(), 0,
                      &out[std::size_t(rows * wide)]);
    return out;
}

} // namespace

TEST_CASE("lstm bfloat16: the emulation has the bits of the instruction", "[lstm]") {
    kernel_support::where_vdpbf16ps_runs([] {
        for (const Index rows : {1, 2, 5, 8, 13})
            for (const Index k : {1, 2, 15, 16, 17, 31, 32, 33, 47, 64, 81})
                for (const float size : {1.f, 1e-19f, 1e19f}) {
                    CAPTURE(rows, k, size);
                    CHECK(kernel_support::same(products(true, rows, k, size), products(false, rows, k, size)));
                }
    });
}
#endif

/// Products of operands rounded to bfloat16: packing that rounds, and a block that reads what was packed.
///
/// Rows of k go in pairs; a pair adds fma(even, fma(odd, sum)) to an output, denormal operands and results being zero:
/// what vdpbf16ps computes. Native strips hold a pair in 32 bits, on machines that have that instruction. Emulated
/// ones hold the rounded values as float, the odd row of a pair before the even one, for the float tiles. A last row
/// without a partner gets zeros.
#ifdef GRADUS_REGION

/// Operands are rounded so many rows of k at a time.
inline constexpr Index bfloat16_chunk = 64;

struct Bfloat16Emulated {
    using Step = FmaStep<float>;
    static constexpr Index depth = gemm_depth<float>, unit_rows = 2;

    /// The nearest bfloat16, ties to even; denormals become zero, NaN stays NaN.
    static GRADUS_REGION_INLINE Vector<float> round(Vector<float> x) {
        using I = Integers<float>;
        const I bits = (I)x, exponent = bits & 0x7f800000;
        const I upper = I{} + (int)0xffff0000, sign = I{} + (int)0x80000000;
        const I nearest = ((x != x ? I{} : bits) + 0x7fff + ((bits >> 16) & 1)) & upper;
        const I number = exponent == I{} ? bits & sign : nearest;
        return (Vector<float>)(x != x ? (bits & upper) | 0x00400000 : number);
    }
    /// Two rows of `used` elements, `lanes` apart; odd may be null. Whole vectors are read and written, in rising
    /// order.
    static GRADUS_REGION_INLINE void pair(float* to, const float* even, const float* odd, Index used, Index lanes) {
        for (Index j = 0; j < used; j += width<float>)
            store<float>(to + j, odd ? round(load<float>(odd + j)) : Vector<float>{});
        for (Index j = 0; j < used; j += width<float>) store<float>(to + lanes + j, round(load<float>(even + j)));
    }
};

#if GRADUS_REGION_BYTES == 64
/// Asm, not builtins: those have other names and types in each compiler, and ask for a target of their own.
struct Bfloat16Dot {
    /// A pair is no number: as bits.
    static GRADUS_REGION_INLINE Vector<float> spread(const float* a) {
        int pair;
        __builtin_memcpy(&pair, a, 4);
        return (Vector<float>)(pair - Integers<float>{});
    }
    static GRADUS_REGION_INLINE void add(Vector<float>& acc, Vector<float> a, Vector<float> b) {
        __asm__("vdpbf16ps {%2, %1, %0|%0, %1, %2}" : "+v"(acc) : "v"(a), "v"(b));
    }
};

struct Bfloat16Native {
    using Step = Bfloat16Dot;
    static constexpr Index depth = 2 * gemm_depth<float>, unit_rows = 1;

    /// The lower numbers before the upper ones, 16 bits each.
    static GRADUS_REGION_INLINE Vector<float> round(Vector<float> upper, Vector<float> lower) {
        Vector<float> both;
        __asm__("vcvtne2ps2bf16 {%2, %1, %0|%0, %1, %2}" : "=v"(both) : "v"(upper), "v"(lower));
        return both;
    }
    static GRADUS_REGION_INLINE void pair(float* to, const float* even, const float* odd, Index used, Index) {
        typedef short Halves __attribute__((vector_size(64)));
        for (Index j = 0; j < used; j += width<float>) {
            const Vector<float> upper = odd ? load<float>(odd + j) : Vector<float>{}, lower = load<float>(even + j);
            const Halves h = (Halves)round(upper, lower);
            store<float>(to + j, (Vector<float>)__builtin_shufflevector(h, h, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                                                        6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                                        28, 13, 29, 14, 30, 15, 31));
        }
    }
};
#endif

/// Flushes denormals while it lives, as vdpbf16ps does whatever the mode.
class Bfloat16Mode {
public:
    GRADUS_REGION_INLINE Bfloat16Mode() : saved_(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(saved_ | 0x8040); }
    GRADUS_REGION_INLINE ~Bfloat16Mode() { __builtin_ia32_ldmxcsr(saved_); }
    Bfloat16Mode(const Bfloat16Mode&) = delete;
    Bfloat16Mode& operator=(const Bfloat16Mode&) = delete;

private:
    unsigned saved_;
};

/// Rounds k rows of which `used` elements count, rows `lanes` apart, and returns where the next would go.
template <class Format>
GRADUS_REGION_INLINE float* bfloat16_pairs(float* to, const float* from, Index k, Index used, Index lanes) {
    for (Index p = 0; p < k; p += 2, from += 2 * lanes, to += Format::unit_rows * lanes)
        Format::pair(to, from, p + 1 < k ? from + lanes : nullptr, used, lanes);
    return to;
}

/// op(b) [k, n], rounded, into strips; b is [k, n], or [n, k] if transposed.
template <class Format>
void bfloat16_pack(float* packed, const float* b, Index ldb, bool transposed, Index k, Index n) {
    constexpr Index strip = gemm_strip<float>;
    alignas(64) float chunk[bfloat16_chunk * strip];
    for (Index j = 0; j < n; j += strip)
        for (Index p = 0; p < k; p += bfloat16_chunk) {
            const Index now = k - p < bfloat16_chunk ? k - p : bfloat16_chunk;
            const Index cols = n - j < strip ? n - j : strip;
            pack_strip<float>(chunk, transposed ? b + j * ldb + p : b + p * ldb + j, ldb, transposed, now, cols);
            packed = bfloat16_pairs<Format>(packed, chunk, now, cols, strip);
        }
}

/// As gemm_block, of operands rounded to bfloat16; b is what bfloat16_pack made, a is rounded here. k is at most depth.
template <class Format> void bfloat16_block(float* c, Index ldc, const float* a, Index lda, bool transposed_a,
                                            const float* b, Index, Index m, Index n, Index k,
                                            const GemmEnds<float>& ends) {
    constexpr int most = gemm_rows<float>;
    const Index row = transposed_a ? 1 : lda, step = transposed_a ? lda : 1;
    const Index stored = (k + 1) / 2 * Format::unit_rows;
    float chunk[bfloat16_chunk * most + width<float>] = {};
    float left[gemm_depth<float> * most + 2 * width<float>];
    const Bfloat16Mode mode;
    const Index tiles = (m + most - 1) / most;
    for (Index t = 0, first = 0; t < tiles; ++t) {
        const Index rows = (m - first + tiles - t - 1) / (tiles - t);
        float* to = left;
        for (Index p = 0; p < k; p += bfloat16_chunk) {
            const Index now = k - p < bfloat16_chunk ? k - p : bfloat16_chunk;
            pack_rows<float>(chunk, a + first * row + p * step, row, step, int(rows), now);
            to = bfloat16_pairs<Format>(to, chunk, now, rows, rows);
        }
        const GemmRows<float> tile = {left, 1, rows, first, rows};
        gemm_across<float, typename Format::Step>(c, ldc, &tile, 1, b, gemm_strip<float>, stored * gemm_strip<float>, n,
                                                  stored, ends);
        first += rows;
    }
}

template <class Format> inline constexpr GemmTable<float> bfloat16_table = {
    Format::depth,           2,       Format::unit_rows,  gemm_blocking, &bfloat16_pack<Format>,
    &bfloat16_block<Format>, nullptr, &column_sums<float>};

#endif

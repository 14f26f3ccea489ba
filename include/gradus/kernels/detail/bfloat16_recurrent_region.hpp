/// Recurrent kernels' operands in bfloat16; see RecurrentFormat. Pairs and chains are those of bfloat16_region.hpp.
///
/// Native rows hold a pair in 32 bits. Emulated ones hold the rounded values as float, the odd one of a pair before the
/// even one, for the float tiles.
#ifdef GRADUS_REGION

/// Neighbours change places.
GRADUS_REGION_INLINE Vector<float> swap_pairs(Vector<float> v) {
    typedef unsigned long long Pairs __attribute__((vector_size(GRADUS_REGION_BYTES)));
    return (Vector<float>)((Pairs)v << 32 | (Pairs)v >> 32);
}

struct Bfloat16EmulatedRows {
    using Step = FmaStep<float>;
    static constexpr Index pair = 2;

    static void round_row(float* x, Index k) {
        for (Index j = 0; j < k; j += width<float>) {
            const Index rest = k - j;
            if (rest >= width<float>)
                store<float>(x + j, swap_pairs(Bfloat16Emulated::round(load<float>(x + j))));
            else
                store_part<float>(x + j, swap_pairs(Bfloat16Emulated::round(load_part<float>(x + j, rest))),
                                  rest + rest % 2);
        }
    }
    static void round_panel(float* panel, Index k) {
        constexpr Index wide = panel_columns<float>;
        for (Index p = 0; p < k; p += 2, panel += 2 * wide)
            for (Index j = 0; j < wide; j += width<float>) {
                const Vector<float> even = Bfloat16Emulated::round(load<float>(panel + j));
                store<float>(panel + j,
                             p + 1 < k ? Bfloat16Emulated::round(load<float>(panel + wide + j)) : Vector<float>{});
                store<float>(panel + wide + j, even);
            }
    }
    static void join_rows(float* to, const float* even, const float* odd, Index n, Index lanes) {
        for (Index j = 0; j < n; j += width<float>) {
            const Index rest = n - j + n % 2;
            if (rest >= width<float>) {
                store<float>(to + j, odd ? swap_pairs(load<float>(odd + j)) : Vector<float>{});
                store<float>(to + lanes + j, swap_pairs(load<float>(even + j)));
            } else {
                store_part<float>(to + j, odd ? swap_pairs(load_part<float>(odd + j, rest)) : Vector<float>{}, rest);
                store_part<float>(to + lanes + j, swap_pairs(load_part<float>(even + j, rest)), rest);
            }
        }
    }
};

#if GRADUS_REGION_BYTES == 64
struct Bfloat16NativeRows {
    using Step = Bfloat16Dot;
    static constexpr Index pair = 1;

    static void round_row(float* x, Index k) {
        for (Index j = 0; j < k; j += 2 * width<float>) {
            const Index rest = k - j;
            const Vector<float> lower = rest >= width<float> ? load<float>(x + j) : load_part<float>(x + j, rest);
            const Vector<float> upper = rest >= 2 * width<float> ? load<float>(x + j + width<float>)
                                        : rest > width<float>
                                            ? load_part<float>(x + j + width<float>, rest - width<float>)
                                            : Vector<float>{};
            const Vector<float> both = Bfloat16Native::round(upper, lower);
            if (rest >= 2 * width<float>)
                store<float>(x + j / 2, both);
            else
                store_part<float>(x + j / 2, both, (rest + 1) / 2);
        }
    }
    static void round_panel(float* panel, Index k) {
        constexpr Index wide = panel_columns<float>;
        for (Index p = 0; p < k; p += 2)
            Bfloat16Native::pair(panel + p / 2 * wide, panel + p * wide, p + 1 < k ? panel + (p + 1) * wide : nullptr,
                                 wide, wide);
    }
    static void join_rows(float* to, const float* even, const float* odd, Index n, Index) {
        typedef short Halves __attribute__((vector_size(64)));
        for (Index j = 0; j < n; j += 2 * width<float>) {
            const Index rest = n - j, words = (rest + 1) / 2;
            const bool whole = rest >= 2 * width<float>;
            const Vector<float> zero{};
            const Halves e = (Halves)(whole ? load<float>(even + j / 2) : load_part<float>(even + j / 2, words));
            const Halves o = (Halves)(!odd    ? zero
                                      : whole ? load<float>(odd + j / 2)
                                              : load_part<float>(odd + j / 2, words));
            const Vector<float> low =
                (Vector<float>)__builtin_shufflevector(e, o, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8,
                                                       40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47);
            const Vector<float> high = (Vector<float>)__builtin_shufflevector(
                e, o, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59,
                28, 60, 29, 61, 30, 62, 31, 63);
            if (whole) {
                store<float>(to + j, low);
                store<float>(to + j + width<float>, high);
            } else {
                const Index all = rest + rest % 2;
                store_part<float>(to + j, low, all < width<float> ? all : width<float>);
                if (all > width<float>) store_part<float>(to + j + width<float>, high, all - width<float>);
            }
        }
    }
};
#endif

template <class Step> void bfloat16_rows(Index rows, Index cols, Index outer, Index inner, const float* const* a,
                                         Index step, const float* b, const float* from, Index ldfrom, float* to,
                                         Index ldto) {
    const Bfloat16Mode mode;
    product_rows<float, Step>(rows, cols, outer, inner, a, step, b, from, ldfrom, to, ldto);
}
template <class Step> void bfloat16_transposed(Index m, Index count, const float* const* a, Index first, const float* b,
                                               const float* from, Index ldfrom, float* to) {
    const Bfloat16Mode mode;
    product_transposed<float, Step>(m, count, a, first, b, from, ldfrom, to);
}

template <class Rows>
inline constexpr RecurrentFormat<float> bfloat16_format = {Rows::pair,
                                                           &Rows::round_row,
                                                           &Rows::round_panel,
                                                           &Rows::join_rows,
                                                           &bfloat16_rows<typename Rows::Step>,
                                                           &bfloat16_transposed<typename Rows::Step>};

#endif

/// Elementary functions on vectors, for use inside any region: `vector_exp<T>(v)`, vector_log, vector_tanh,
/// vector_sigmoid, and for double vector_sin and vector_cos (|x| <= sine_limit). Include `kernels/math.hpp` (or
/// `kernels/detail/math.hpp`) before.
///
/// Built from add, multiply, `fma`, IEEE division and bit tricks in one fixed order, so sets with a fused multiply-add
/// give the same bits. The polynomials are minimax fits made for these intervals (Remez exchange). Errors in ULP,
/// measured by tests/kernels/math_test.cpp: at most 1 for exp and log, 2 for sigmoid and tanh; double: 2 for exp, 1 for
/// log, 3 otherwise. NaN, infinities, overflow, denormal arguments and results, and the sign of zero are right.
#ifdef GRADUS_REGION

template <class T> struct MathConstants;

template <> struct MathConstants<float> {
    using Word = std::uint32_t;
    static constexpr int mantissa = 23;
    static constexpr Word bias = 127, sign = 0x80000000, root_half = 0x3f3504f3, magic_bits = 0x4b400000;
    static constexpr float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer, in the low bits
    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62ep-1f,
                           ln2_low = 0x1.0bfbe8p-15f; // the first has few bits: n ln2_high is exact
    static constexpr float exp_low = -104, exp_high = 89, tanh_high = 20;
    static constexpr float smallest = 0x1p-126f, lift = 0x1p24f, lift_log2 = 24, whole = 0x1p23f;
    static constexpr float expm1[] = {0x1.a1a15ap-13f, 0x1.6d748ap-10f, 0x1.11109p-7f,
                                      0x1.5554aep-5f,  0x1.555556p-3f,  0.5f};
    static constexpr float log[] = {0x1.e2edep-3f, 0x1.243924p-2f, 0x1.999a78p-2f, 0x1.555554p-1f};
};

template <> struct MathConstants<double> {
    using Word = std::uint64_t;
    static constexpr int mantissa = 52;
    static constexpr Word bias = 1023, sign = 0x8000000000000000, root_half = 0x3fe6a09e667f3bcd,
                          magic_bits = 0x4338000000000000;
    static constexpr double magic = 6755399441055744.0;
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double exp_low = -746, exp_high = 710, tanh_high = 40;
    static constexpr double smallest = 0x1p-1022, lift = 0x1p54, lift_log2 = 54, whole = 0x1p52;
    static constexpr double expm1[] = {2.5114481567132495e-08, 2.762633855123743e-07,
                                       2.755722794825677e-06,  2.480150443844631e-05,
                                       0.0001984126990301402,  0.001388888893235902,
                                       0.008333333333314609,   0.04166666666657381,
                                       0.16666666666666685,    0.5};
    static constexpr double log[] = {0.14793517855065466, 0.15314330752048935, 0.1818355161344195, 0.2222219886053251,
                                     0.2857142873903205,  0.39999999999433383, 0.6666666666666731};
    static constexpr double sine[] = {1.5896685036313684e-10,  -2.5050756318643063e-08, 2.7557313681269e-06,
                                      -0.00019841269829779987, 0.008333333333322384,    -0.16666666666666632};
    static constexpr double cosine[] = {-1.1359655417374097e-11, 2.0875723649705294e-09, -2.755731435714743e-07,
                                        2.4801587289507738e-05,  -0.0013888888888874183, 0.0416666666666666};
};

template <class T> using Word = typename MathConstants<T>::Word;
/// Unsigned words of the scalar's size: shifts are logical.
template <class T> struct WordsOf {
    typedef Word<T> type __attribute__((vector_size(GRADUS_REGION_BYTES)));
};
template <class T> using Words = typename WordsOf<T>::type;

template <class T> GRADUS_REGION_INLINE Words<T> words(Word<T> w) { return w | Words<T>{}; }
template <class T> GRADUS_REGION_INLINE Words<T> bits(Vector<T> x) { return (Words<T>)x; }

/// Horner's rule, highest power first.
template <class T, int n> GRADUS_REGION_INLINE Vector<T> polynomial(Vector<T> x, const T (&c)[n]) {
    Vector<T> p = splat<T>(c[0]);
    for (int i = 1; i < n; ++i) p = fma(p, x, splat<T>(c[i]));
    return p;
}

/// x = n ln2 + r with |r| <= ln2 / 2: r, and n in the low bits of `shifted`.
template <class T> GRADUS_REGION_INLINE Vector<T> reduce_ln2(Vector<T> x, Vector<T>& shifted) {
    using C = MathConstants<T>;
    shifted = fma(x, splat<T>(C::log2_e), splat<T>(C::magic));
    const Vector<T> n = shifted - splat<T>(C::magic);
    return fma(n, splat<T>(-C::ln2_low), fma(n, splat<T>(-C::ln2_high), x));
}

/// exp(r) - 1 for |r| <= ln2 / 2.
template <class T> GRADUS_REGION_INLINE Vector<T> expm1_reduced(Vector<T> r) {
    return fma(r * r, polynomial<T>(r, MathConstants<T>::expm1), r);
}

/// exp for arguments within [exp_low, exp_high] or NaN. The power of two is two factors, so that only the last product
/// rounds, into the denormals or to infinity. `reduced`: exp(x) - 1 where |x| < ln2 / 2.
template <class T> GRADUS_REGION_INLINE Vector<T> exp_clamped(Vector<T> x, Vector<T>& reduced) {
    using C = MathConstants<T>;
    Vector<T> shifted;
    reduced = expm1_reduced<T>(reduce_ln2<T>(x, shifted));
    const Vector<T> p = splat<T>(1) + reduced;
    const Words<T> n = bits<T>(shifted) + words<T>(2 * C::bias - C::magic_bits);
    const Words<T> half = n >> 1;
    return p * (Vector<T>)(half << C::mantissa) * (Vector<T>)((n - half) << C::mantissa);
}
template <class T> GRADUS_REGION_INLINE Vector<T> exp_clamped(Vector<T> x) {
    Vector<T> reduced;
    return exp_clamped<T>(x, reduced);
}

template <class T> GRADUS_REGION_INLINE Vector<T> vector_exp(Vector<T> x) {
    const Vector<T> low = splat<T>(MathConstants<T>::exp_low), high = splat<T>(MathConstants<T>::exp_high), zero{};
    const auto vanishes = x < low; // computed apart: products that underflow are slow
    x = vanishes ? zero : x;
    const Vector<T> y = exp_clamped<T>(x > high ? high : x);
    return vanishes ? zero : y;
}

/// 1 / (1 + exp(-x)), from exp(-|x|), so that neither side overflows or cancels.
template <class T> GRADUS_REGION_INLINE Vector<T> vector_sigmoid(Vector<T> x) {
    const Vector<T> low = splat<T>(MathConstants<T>::exp_low), one = splat<T>(1);
    const Vector<T> a = (Vector<T>)(bits<T>(x) | words<T>(MathConstants<T>::sign));
    const Vector<T> e = exp_clamped<T>(a < low ? low : a);
    const Vector<T> d = one + e;
    const Vector<T> lost = (d - one) - e; // the rounding of the sum, given back to first order
    const Vector<T> y = (x >= Vector<T>{} ? one : e) / d;
    return fma(y, lost, y);
}

/// With m = exp(2|x|) - 1: tanh |x| = m / (m + 2).
template <class T> GRADUS_REGION_INLINE Vector<T> vector_tanh(Vector<T> x) {
    using C = MathConstants<T>;
    const Vector<T> high = splat<T>(C::tanh_high);
    Vector<T> a = (Vector<T>)(bits<T>(x) & words<T>(~C::sign));
    a = a + a;
    a = a > high ? high : a;
    Vector<T> shifted;
    const Vector<T> r = reduce_ln2<T>(a, shifted);
    const Vector<T> power = (Vector<T>)((bits<T>(shifted) + words<T>(C::bias - C::magic_bits)) << C::mantissa);
    const Vector<T> m = fma(power, expm1_reduced<T>(r), power - splat<T>(1));
    const Vector<T> d = m + splat<T>(2);
    // The rounding of the sum, given back to first order where it matters: 1/d is about 1/2 - a/4 there.
    const Vector<T> reciprocal = fma(a, splat<T>(T(-0.25)), splat<T>(T(0.5)));
    const Vector<T> lost = ((d - splat<T>(2)) - m) * (reciprocal > Vector<T>{} ? reciprocal : Vector<T>{});
    const Vector<T> q = m / d;
    return (Vector<T>)(bits<T>(fma(q, lost, q)) | (bits<T>(x) & words<T>(C::sign)));
}

/// x = 2^k m with m in [sqrt(1/2), sqrt 2), f = m - 1, s = f / (2 + f): log m = f - f^2/2 + s (f^2/2 + s^2 R(s^2)).
template <class T> GRADUS_REGION_INLINE Vector<T> vector_log(Vector<T> x) {
    using C = MathConstants<T>;
    constexpr Word<T> one_bits = C::bias << C::mantissa;
    const Vector<T> zero = Vector<T>{};
    const auto tiny = x < splat<T>(C::smallest);
    const Words<T> b = bits<T>(tiny ? x * splat<T>(C::lift) : x);
    const Words<T> e = (b + words<T>(one_bits - C::root_half)) >> C::mantissa;
    const Vector<T> f = (Vector<T>)(b - (e << C::mantissa) + words<T>(one_bits)) - splat<T>(1);
    Vector<T> k = (Vector<T>)(e | words<T>((C::bias + C::mantissa) << C::mantissa)) - splat<T>(C::whole + T(C::bias));
    k = k - (tiny ? splat<T>(C::lift_log2) : zero);
    const Vector<T> s = f / (splat<T>(2) + f);
    const Vector<T> z = s * s;
    const Vector<T> half_square = splat<T>(T(0.5)) * f * f;
    const Vector<T> low = fma(s, fma(z, polynomial<T>(z, C::log), half_square), k * splat<T>(C::ln2_low));
    Vector<T> y = fma(k, splat<T>(C::ln2_high), f - (half_square - low));
    const Vector<T> infinity = (Vector<T>)words<T>((2 * C::bias + 1) << C::mantissa);
    const Vector<T> nan = (Vector<T>)words<T>((4 * C::bias + 3) << (C::mantissa - 1));
    y = x < infinity ? y : x;
    y = x < zero ? nan : y;
    return x == zero ? -infinity : y;
}

/// y = f(x) through one copy of f, whatever the length.
template <class T, class F> GRADUS_REGION_INLINE void map_array(T* y, const T* x, Index n, F f) {
    for (Index i = 0; i < n; i += width<T>) {
        const Index rest = n - i;
        const bool whole = rest >= width<T>;
        const Vector<T> v = f(whole ? load<T>(x + i) : load_part<T>(x + i, rest));
        if (whole) [[likely]]
            store<T>(y + i, v);
        else
            store_part<T>(y + i, v, rest);
    }
}
/// y = f(a, b), likewise.
template <class T, class F> GRADUS_REGION_INLINE void map_arrays(T* y, const T* a, const T* b, Index n, F f) {
    for (Index i = 0; i < n; i += width<T>) {
        const Index rest = n - i;
        const bool whole = rest >= width<T>;
        const Vector<T> u = whole ? load<T>(a + i) : load_part<T>(a + i, rest);
        const Vector<T> v = f(u, whole ? load<T>(b + i) : load_part<T>(b + i, rest));
        if (whole) [[likely]]
            store<T>(y + i, v);
        else
            store_part<T>(y + i, v, rest);
    }
}

/// Up to here the vector functions reduce exactly enough; n times each of the first two parts of pi/2 (30 bits) is
/// exact.
inline constexpr double sine_limit = 1e6;

/// sin(x + quadrant pi/2).
GRADUS_REGION_INLINE Vector<double> vector_sine(Vector<double> x, std::uint64_t quadrant) {
    using C = MathConstants<double>;
    const Vector<double> shifted = fma(x, splat<double>(0x1.45f306dc9c883p-1), splat<double>(C::magic));
    const Vector<double> n = shifted - splat<double>(C::magic);
    Vector<double> r = fma(n, splat<double>(-0x1.921fb54p+0), x);
    r = fma(n, splat<double>(-0x1.10b46118p-30), r);
    r = fma(n, splat<double>(-0x1.313198a2e0370p-61), r);
    const Vector<double> z = r * r;
    const Vector<double> sine = fma(r * z, polynomial<double>(z, C::sine), r);
    const Vector<double> cosine =
        fma(z * z, polynomial<double>(z, C::cosine), fma(z, splat<double>(-0.5), splat<double>(1)));
    const Words<double> q = bits<double>(shifted) + words<double>(quadrant);
    const auto odd = (q & words<double>(1)) != Words<double>{};
    return (Vector<double>)(bits<double>(odd ? cosine : sine) ^ ((q & words<double>(2)) << 62));
}
GRADUS_REGION_INLINE Vector<double> vector_sin(Vector<double> x) { return vector_sine(x, 0); }
GRADUS_REGION_INLINE Vector<double> vector_cos(Vector<double> x) { return vector_sine(x, 1); }

#endif

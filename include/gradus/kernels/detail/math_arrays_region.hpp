/// The elementary functions on arrays, for float and double; and on single numbers, in the baseline only.
#ifdef GRADUS_REGION

template <class T> struct ExpBody {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_exp<T>(v); }
};
template <class T> struct LogBody {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_log<T>(v); }
};
template <class T> struct TanhBody {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_tanh<T>(v); }
};
template <class T> struct SigmoidBody {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_sigmoid<T>(v); }
};
template <class T> void array_exp(T* y, const T* x, Index n) { map_array<T>(y, x, n, ExpBody<T>{}); }
template <class T> void array_log(T* y, const T* x, Index n) { map_array<T>(y, x, n, LogBody<T>{}); }
template <class T> void array_tanh(T* y, const T* x, Index n) { map_array<T>(y, x, n, TanhBody<T>{}); }
template <class T> void array_sigmoid(T* y, const T* x, Index n) { map_array<T>(y, x, n, SigmoidBody<T>{}); }

/// sin(x + quadrant pi/2) for |x| > sine_limit, by Payne and Hanek's reduction: x = m 2^e times the 192 bits of 2/pi
/// that matter modulo 4; NaN for NaN and infinity.
inline __attribute__((noinline)) double huge_sine(double x, std::uint64_t quadrant) {
    __extension__ using Wide = unsigned __int128;
    std::uint64_t b;
    __builtin_memcpy(&b, &x, 8);
    const int exponent = int(b >> 52 & 0x7ff);
    if (exponent == 0x7ff) return x - x;
    const std::uint64_t m = (b & 0xfffffffffffff) | 0x10000000000000;
    const int first =
        exponent - 1075 - 2 + 64; // of the table, which begins with 64 zeros: bits of weight 4 and more are dropped
    const int word = first / 64, shift = first % 64;
    std::uint64_t w[3];
    for (int i = 0; i < 3; ++i) {
        w[i] = two_over_pi[word + i] << shift;
        if (shift) w[i] |= two_over_pi[word + i + 1] >> (64 - shift);
    }
    const Wide low = Wide{m} * w[2];
    const Wide middle = Wide{m} * w[1] + std::uint64_t(low >> 64);
    const std::uint64_t high = m * w[0] + std::uint64_t(middle >> 64);
    std::uint64_t q = high >> 62;
    Wide fraction = ((Wide{high} << 64 | std::uint64_t(middle)) << 2) | (std::uint64_t(low) >> 62);
    const bool above = fraction >> 127;
    q += above;
    if (above) fraction = -fraction;
    double r = 0;
    if (fraction != 0) {
        int zeros = 0;
        while (!(fraction >> 127)) {
            fraction <<= 1;
            ++zeros;
        }
        const std::uint64_t scale = std::uint64_t(1023 - 63 - zeros) << 52;
        double power;
        __builtin_memcpy(&power, &scale, 8);
        r = double(std::int64_t(fraction >> 65)) * power * 0x1.921fb54442d18p+0;
    }
    if (above) r = -r;
    if (b >> 63) {
        r = -r;
        q = -q;
    }
    const Vector<double> y = vector_sine(splat<double>(r), q + quadrant);
    return y[0];
}

/// Float goes through double: arguments are reduced exactly enough, and results are rounded once.
template <class T> GRADUS_REGION_INLINE void array_sine(T* y, const T* x, Index n, std::uint64_t quadrant) {
    constexpr Index w = width<double>, chunk = 8 * w;
    double in[chunk], out[chunk];
    for (Index i = 0; i < n; i += chunk) {
        const Index m = n - i < chunk ? n - i : chunk;
        for (Index k = 0; k < m; ++k) in[k] = double(x[i + k]);
        for (Index k = m; k < chunk && k % w != 0; ++k) in[k] = 0;
        Integers<double> good = ~Integers<double>{};
        for (Index k = 0; k < m; k += w) {
            const Vector<double> v = load<double>(in + k);
            good &= absolute<double>(v) <= splat<double>(sine_limit);
            store<double>(out + k, vector_sine(v, quadrant));
        }
        long long all = ~0ll;
        for (int k = 0; k < int(w); ++k) all &= good[k];
        if (!all) [[unlikely]]
            for (Index k = 0; k < m; ++k)
                if (!(in[k] <= sine_limit && in[k] >= -sine_limit)) out[k] = huge_sine(in[k], quadrant);
        for (Index k = 0; k < m; ++k) y[i + k] = T(out[k]);
    }
}
template <class T> void array_sin(T* y, const T* x, Index n) { array_sine<T>(y, x, n, 0); }
template <class T> void array_cos(T* y, const T* x, Index n) { array_sine<T>(y, x, n, 1); }

template <class T> inline constexpr MathTable<T> math_table = {&array_exp<T>,     &array_log<T>, &array_tanh<T>,
                                                               &array_sigmoid<T>, &array_sin<T>, &array_cos<T>};

#if GRADUS_REGION_BYTES == 16
inline __attribute__((noinline)) double scalar_exp(double x) { return vector_exp<double>(splat<double>(x))[0]; }
inline __attribute__((noinline)) double scalar_log(double x) { return vector_log<double>(splat<double>(x))[0]; }
inline __attribute__((noinline)) double scalar_tanh(double x) { return vector_tanh<double>(splat<double>(x))[0]; }
inline __attribute__((noinline)) double scalar_sqrt(double x) { return square_root(splat<double>(x))[0]; }
inline __attribute__((noinline)) double scalar_sin(double x) {
    array_sine<double>(&x, &x, 1, 0);
    return x;
}
inline __attribute__((noinline)) double scalar_cos(double x) {
    array_sine<double>(&x, &x, 1, 1);
    return x;
}
/// Whole exponents by repeated squaring, others by exp(y log x).
inline __attribute__((noinline)) double scalar_pow(double x, double y) {
    if (y >= -0x1p31 && y <= 0x1p31 && y == double(std::int64_t(y))) {
        std::int64_t n = std::int64_t(y);
        const bool inverse = n < 0;
        if (inverse) n = -n;
        double p = 1;
        for (double square = x; n > 0; n >>= 1) {
            if (n & 1) p *= square;
            if (n > 1) square *= square;
        }
        return inverse ? 1 / p : p;
    }
    return scalar_exp(y * scalar_log(x));
}
inline __attribute__((noinline)) double scalar_interpolate(double a, double b, double f) { return a + (b - a) * f; }
#endif

#endif

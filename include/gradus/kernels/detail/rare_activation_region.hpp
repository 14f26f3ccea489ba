/// Activations that few models use, in a table of their own: gelu, gelu_tanh, silu, elu, leaky_relu, softplus,
/// log_softmax.
#ifdef GRADUS_REGION

/// Phi(-a) = exp(-a^2 / 2) P(q) / (a + 4), q = (a - 4) / (a + 4): minimax fits of P (relative error 9e-9, double 2e-17)
/// for a up to `limit`, beyond which the result is zero.
template <class T> struct NormalTail;
template <> struct NormalTail<float> {
    static constexpr float limit = 14.5f;
    static constexpr float p[] = {-0.000131972190f, 0.000179352820f, 0.00156992261f, -0.00351255314f, -0.00752527071f,
                                  0.0604038309f,    -0.186523442f,   0.387136901f,   -0.607896589f,   0.755285135f};
};
template <> struct NormalTail<double> {
    static constexpr double limit = 39;
    static constexpr double p[] = {
        -1.196549656780711591e-09,  -3.3906614032323059199e-10, 1.4619051916925088738e-08, 1.6069328172561175525e-08,
        -7.7210460331036180803e-08, -1.5659221834574792686e-07, 2.6415458755544459633e-07, 1.0218572989863026127e-06,
        -6.2522845304410431084e-07, -5.9200113121887213189e-06, 7.1497552932703720309e-07, 3.5144569686285052154e-05,
        -1.9078439752792955549e-06, -0.0002310949037194053271,  0.00013334424852417727006, 0.0016308184532803382956,
        -0.0034796923616069098819,  -0.0075401889664352092869,  0.06039657489066627702,    -0.18652185795966541631,
        0.38713740074221947653,     -0.60789664197189204906,    0.7552851304157514784};
};

/// |x|, but at most `limit`; NaN stays NaN.
template <class T> GRADUS_REGION_INLINE Vector<T> limited(Vector<T> x, T limit) {
    const Vector<T> a = absolute<T>(x), high = splat<T>(limit);
    return a > high ? high : a;
}

/// Most are a function of x and one e = exp(-w), w >= 0 a function of x: so one loop with one copy of exp does for all.
template <class T> struct Smooth {
    static constexpr T first = T(1.5957691216057307118),
                       third = T(0.071354816272600247); // 2 sqrt(2/pi), times 0.044715
    activation::Kind kind;
    T parameter;

    /// x within the range where the sigmoid of gelu_tanh or silu is neither 0 nor 1: its products with x are finite.
    GRADUS_REGION_INLINE Vector<T> clamped(Vector<T> x) const {
        const T limit = kind == activation::Kind::gelu_tanh ? T(30) : -MathConstants<T>::exp_low;
        const Vector<T> high = splat<T>(limit), low = splat<T>(-limit);
        x = x > high ? high : x;
        return x < low ? low : x;
    }
    /// The sigmoid's argument in gelu_tanh.
    static GRADUS_REGION_INLINE Vector<T> argument(Vector<T> x) {
        return x * fma(x * x, splat<T>(third), splat<T>(first));
    }

    /// exp(-w); `reduced` is exp(-w) - 1 for w < ln2 / 2.
    GRADUS_REGION_INLINE Vector<T> exponential(Vector<T> x, Vector<T>& reduced) const {
        Vector<T> w = x;
        if (kind == activation::Kind::gelu) {
            const Vector<T> a = limited<T>(x, NormalTail<T>::limit);
            w = splat<T>(T(0.5)) * (a * a);
        } else if (kind == activation::Kind::gelu_tanh) {
            w = argument(clamped(x));
        }
        return exp_clamped<T>(-limited<T>(w, -MathConstants<T>::exp_low), reduced);
    }
    /// exp(-w) - 1
    static GRADUS_REGION_INLINE Vector<T> minus_one(Vector<T> w, Vector<T> e, Vector<T> reduced) {
        return w < splat<T>(T(0.34)) ? reduced : e - splat<T>(1);
    }
    /// n / (1 + e), with the rounding of the sum given back to first order.
    static GRADUS_REGION_INLINE Vector<T> over_one_plus(Vector<T> n, Vector<T> e) {
        const Vector<T> one = splat<T>(1), d = one + e, y = n / d;
        return fma(y, (d - one) - e, y);
    }
    /// exp(-a^2 / 2), with what the square's rounding took.
    static GRADUS_REGION_INLINE Vector<T> bell(Vector<T> a, Vector<T> e) {
        return fma(e, splat<T>(T(-0.5)) * fma(a, a, -(a * a)), e);
    }
    /// Phi(-a) / exp(-a^2 / 2)
    static GRADUS_REGION_INLINE Vector<T> tail(Vector<T> a) {
        const Vector<T> r = splat<T>(1) / (a + splat<T>(4)), q = fma(splat<T>(-8), r, splat<T>(1));
        return r * polynomial<T>(q, NormalTail<T>::p);
    }
};

template <class T> struct SmoothForward : Smooth<T> {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> x) const {
        const Vector<T> zero{}, one = splat<T>(1);
        Vector<T> reduced;
        const Vector<T> e = this->exponential(x, reduced);
        const auto positive = x > zero;
        switch (this->kind) {
        case activation::Kind::gelu: {
            const Vector<T> a = limited<T>(x, NormalTail<T>::limit), t = a * this->tail(a), b = this->bell(a, e);
            return positive ? fma(-b, t, x) : -(b * t);
        }
        case activation::Kind::elu:
            return positive ? x : splat<T>(this->parameter) * this->minus_one(absolute<T>(x), e, reduced);
        case activation::Kind::softplus: {
            const Vector<T> u = one + e;
            return (x <= zero ? zero : x) + (vector_log<T>(u) + (e - (u - one)) / u);
        }
        default: {
            const Vector<T> finite = positive ? x : this->clamped(x);
            return finite * this->over_one_plus(positive ? one : e, e);
        }
        }
    }
};

template <class T> struct SmoothBackward : Smooth<T> {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> saved) const {
        const Vector<T> zero{}, one = splat<T>(1);
        Vector<T> reduced, below;
        const Vector<T> e = this->exponential(saved, reduced);
        if (this->kind == activation::Kind::softplus) return d * -this->minus_one(saved, e, reduced);
        if (this->kind == activation::Kind::gelu) {
            const Vector<T> a = limited<T>(saved, NormalTail<T>::limit), b = this->bell(a, e);
            below = b * fma(-a, splat<T>(T(0.39894228040143267794)), this->tail(a));
        } else {
            const Vector<T> s = this->over_one_plus(e, e), a = absolute<T>(this->clamped(saved));
            Vector<T> slope = one;
            if (this->kind == activation::Kind::gelu_tanh)
                slope = fma(a * a, splat<T>(3 * this->third), splat<T>(this->first));
            below = fma(-(a * slope), s * (one - s), s);
        }
        // f'(x) of a positive x is 1 - f'(-x).
        return d * (saved > zero ? one - below : below);
    }
};

template <class T> void smooth_forward(T* y, const T* x, activation::Kind kind, T parameter, Index n) {
    map_array<T>(y, x, n, SmoothForward<T>{{kind, parameter}});
}
template <class T> void smooth_backward(T* dx, const T* dy, const T* saved, activation::Kind kind, Index n) {
    map_arrays<T>(dx, dy, saved, n, SmoothBackward<T>{{kind, T(0)}});
}

template <class T> struct LeakyRelu {
    T slope;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> x) const { return x > Vector<T>{} ? x : splat<T>(slope) * x; }
};
template <class T> void leaky_relu_forward(T* y, const T* x, T slope, Index n) {
    map_array<T>(y, x, n, LeakyRelu<T>{slope});
}

/// leaky_relu's and elu's, which is slope + y, below zero.
template <class T> struct PiecewiseGradient {
    T slope;
    bool elu;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> y) const {
        const Vector<T> s = splat<T>(slope);
        return y > Vector<T>{} ? d : d * (elu ? s + y : s);
    }
};
template <class T> void piecewise_backward(T* dx, const T* dy, const T* y, T slope, bool elu, Index n) {
    map_arrays<T>(dx, dy, y, n, PiecewiseGradient<T>{slope, elu});
}

template <class T> struct MinusBoth {
    T first, second;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return (v - splat<T>(first)) - splat<T>(second); }
};
/// The largest of a row, NaN passed over.
template <class T> GRADUS_REGION_INLINE T largest_of(const T* x, Index n) {
    const Vector<T> lowest = splat<T>(-T(__builtin_inff()));
    Vector<T> m = lowest;
    for (Index i = 0; i < n; i += width<T>) {
        const Index rest = n - i;
        const Vector<T> v = rest >= width<T> ? load<T>(x + i) : first_lanes<T>(rest, load_part<T>(x + i, rest), lowest);
        m = v > m ? v : m;
    }
    return join_lanes<T, int(width<T> / 2)>(m, Max{})[0];
}
/// The sum of f(x) in virtual lanes, in little code.
template <class T, class F> GRADUS_REGION_INLINE T sum_of(const T* x, Index n, F f) {
    constexpr Index lanes = virtual_lanes<T>;
    T sums[lanes] = {};
    for (Index i = 0; i < n; i += width<T>) {
        T* const to = sums + i % lanes;
        const Index rest = n - i;
        const Vector<T> sum = load<T>(to) + f(rest >= width<T> ? load<T>(x + i) : load_part<T>(x + i, rest));
        if (rest >= width<T>) [[likely]]
            store<T>(to, sum);
        else
            store_part<T>(to, sum, rest);
    }
    for (Index half = lanes / 2; half > 0; half /= 2)
        for (Index i = 0; i < half; ++i) sums[i] = sums[i] + sums[i + half];
    return sums[0];
}
template <class T> struct Same {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return v; }
};
template <class T> void log_softmax_forward(T* y, const T* x, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r, y += cols, x += cols) {
        const T largest = largest_of<T>(x, cols), total = sum_of<T>(x, cols, ShiftedExp<T>{largest});
        map_array<T>(y, x, cols, MinusBoth<T>{largest, vector_log<T>(splat<T>(total))[0]});
    }
}
template <class T> struct LogSoftmaxGradient {
    T sum;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> y) const {
        return fma(-vector_exp<T>(y), splat<T>(sum), d);
    }
};
template <class T> void log_softmax_backward(T* dx, const T* dy, const T* y, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r, dx += cols, dy += cols, y += cols)
        map_arrays<T>(dx, dy, y, cols, LogSoftmaxGradient<T>{sum_of<T>(dy, cols, Same<T>{})});
}

template <class T> inline constexpr RareActivationTable<T> rare_activation_table = {
    &smooth_forward<T>,     &smooth_backward<T>,     &leaky_relu_forward<T>,
    &piecewise_backward<T>, &log_softmax_forward<T>, &log_softmax_backward<T>};

#endif

/// Errors of regression, e = p - target: sum + error, and the error's slope. `delta` is Huber's; the others ignore it.
#ifdef GRADUS_REGION

template <class T> struct SquaredError {
    T delta;
    GRADUS_REGION_INLINE Vector<T> add(Vector<T> sum, Vector<T> e) const { return fma(e, e, sum); }
    GRADUS_REGION_INLINE Vector<T> slope(Vector<T> e) const { return e + e; }
};
template <class T> struct AbsoluteError {
    T delta;
    GRADUS_REGION_INLINE Vector<T> add(Vector<T> sum, Vector<T> e) const { return sum + absolute<T>(e); }
    GRADUS_REGION_INLINE Vector<T> slope(Vector<T> e) const {
        const Vector<T> zero{}, one = splat<T>(1);
        return e > zero ? one : e < zero ? -one : e;
    }
};
/// With q = min(|e|, delta): q (|e| - q / 2).
template <class T> struct HuberError {
    T delta;
    GRADUS_REGION_INLINE Vector<T> add(Vector<T> sum, Vector<T> e) const {
        const Vector<T> a = absolute<T>(e), d = splat<T>(delta), q = a > d ? d : a;
        return fma(q, a - splat<T>(T(0.5)) * q, sum);
    }
    GRADUS_REGION_INLINE Vector<T> slope(Vector<T> e) const {
        const Vector<T> d = splat<T>(delta);
        return e > d ? d : e < -d ? -d : e;
    }
};

template <class T, class Error> struct ErrorStep {
    const T *p, *target;
    Error error;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index i, A at) const {
        return error.add(sum, at.get(p + i) - at.get(target + i));
    }
};
template <class T, class Error> struct ErrorBody {
    T* loss;
    ErrorStep<T, Error> step;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        at.put(loss + i, step(Vector<T>{}, i, at));
    }
};
template <class T, class Error>
void mean_errors(T* loss, const T* p, const T* target, Index rows, Index cols, T delta) {
    if (cols == 1) return each_vector<T>(rows, ErrorBody<T, Error>{loss, {p, target, {delta}}});
    for (Index r = 0; r < rows; ++r, p += cols, target += cols)
        loss[r] = reduce_row<T>(cols, T(0), ErrorStep<T, Error>{p, target, {delta}}, Add{}) / T(cols);
}

/// dp = scale * slope: one scale for each element, or one for all. A scale of 0 gives 0, whatever the error.
template <class T, class Error> struct SlopeBody {
    T* dp;
    const T *scales, *p, *target;
    T scale;
    Error error;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> zero{}, s = scales ? at.get(scales + i) : splat<T>(scale);
        const Vector<T> d = s * error.slope(at.get(p + i) - at.get(target + i));
        at.put(dp + i, s == zero ? zero : d);
    }
};
template <class T, class Error>
void error_gradients(T* dp, const T* dloss, const T* p, const T* target, Index rows, Index cols, T delta) {
    const Index each = cols == 1 ? rows : cols;
    for (Index i = 0; i < rows * cols; i += each) {
        const T scale = cols == 1 ? T(0) : dloss[i / cols] / T(cols);
        each_vector<T>(each,
                       SlopeBody<T, Error>{dp + i, cols == 1 ? dloss : nullptr, p + i, target + i, scale, {delta}});
    }
}

template <class T, class Error>
inline constexpr ErrorTable<T> error_table = {&mean_errors<T, Error>, &error_gradients<T, Error>};
template <class T> inline constexpr const ErrorTable<T>& squared_error_table = error_table<T, SquaredError<T>>;
template <class T> inline constexpr const ErrorTable<T>& absolute_error_table = error_table<T, AbsoluteError<T>>;
template <class T> inline constexpr const ErrorTable<T>& huber_error_table = error_table<T, HuberError<T>>;

#endif

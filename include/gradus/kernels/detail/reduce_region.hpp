/// Reductions of one row, for use inside any region, and their table. Lane i of virtual_lanes takes elements i, i + virtual_lanes,
/// ... in order; then lanes join in a fixed tree. Rows shorter than the lanes use only the lanes they have.
#ifdef GRADUS_REGION

template <class T> struct OneElement {
    static GRADUS_REGION_INLINE T get(const T* p) { return *p; }
};

/// Lane k joins lane k + half, half the largest power of two below `used` first. used >= 1.
template <class T, class Combine> GRADUS_REGION_INLINE T lane_tree(T* lane, Index used, Combine combine) {
    Index half = 1;
    while (2 * half < used) half *= 2;
    for (Index k = 0; k + half < used; ++k) lane[k] = combine(lane[k], lane[k + half]);
    for (half /= 2; half > 0; half /= 2)
        for (Index k = 0; k < half; ++k) lane[k] = combine(lane[k], lane[k + half]);
    return lane[0];
}

/// step(accumulator, i, access) is called with vectors and with scalars; access.get reads what the address of element i points to.
template <class T, class Step, class Combine>
GRADUS_REGION_INLINE T reduce_row(Index n, T start, Step step, Combine combine) {
    constexpr Index lanes = virtual_lanes<T>;
    if (n == 0) return start;
    T lane[lanes];
    Index i = 0;
    if (n >= lanes) {
        Lanes<T> a = splat_lanes<T>(start);
        for (; i + lanes <= n; i += lanes)
            for (int j = 0; j < Lanes<T>::count; ++j) a.v[j] = step(a.v[j], i + j * width<T>, Whole<T>{});
        for (int j = 0; j < Lanes<T>::count; ++j) store<T>(lane + j * width<T>, a.v[j]);
    } else {
        for (Index k = 0; k < n; ++k) lane[k] = start;
    }
    for (Index k = 0; i + k < n; ++k) lane[k] = step(lane[k], i + k, OneElement<T>{});
    return lane_tree<T>(lane, n < lanes ? n : lanes, combine);
}

template <class T> struct SumStep {
    const T* x;
    template <class V, class A> GRADUS_REGION_INLINE V operator()(V a, Index i, A at) const { return a + at.get(x + i); }
};
template <class T> struct DotStep {
    const T *x, *y;
    template <class V, class A> GRADUS_REGION_INLINE V operator()(V a, Index i, A at) const {
        return fma(at.get(x + i), at.get(y + i), a);
    }
};
template <class T> struct MaxStep {
    const T* x;
    template <class V, class A> GRADUS_REGION_INLINE V operator()(V a, Index i, A at) const {
        const V v = at.get(x + i);
        return v > a ? v : a;
    }
};
template <class T> struct LargerScalar {
    GRADUS_REGION_INLINE T operator()(T a, T b) const { return b > a ? b : a; }
};

template <class T> GRADUS_REGION_INLINE T row_sum(const T* x, Index n) {
    return reduce_row<T>(n, T(0), SumStep<T>{x}, AddScalars<T>{});
}
template <class T> GRADUS_REGION_INLINE T row_dot(const T* x, const T* y, Index n) {
    return reduce_row<T>(n, T(0), DotStep<T>{x, y}, AddScalars<T>{});
}
/// The largest element; NaN is passed over.
template <class T> GRADUS_REGION_INLINE T row_max(const T* x, Index n) {
    return reduce_row<T>(n, -T(__builtin_inff()), MaxStep<T>{x}, LargerScalar<T>{});
}

template <class T> T sum(const T* x, Index n) { return row_sum<T>(x, n); }
template <class T> T sum_squares(const T* x, Index n) { return row_dot<T>(x, x, n); }

template <class T> bool all_finite(const T* x, Index n) {
    const Vector<T> largest = splat<T>(sizeof(T) == 4 ? T(0x1.fffffep127) : T(0x1.fffffffffffffp1023));
    constexpr Index block = 8 * width<T>;
    Index i = 0;
    for (; i + block <= n; i += block) {
        Integers<T> good = ~Integers<T>{};
        for (Index j = 0; j < block; j += width<T>) good &= absolute<T>(load<T>(x + i + j)) <= largest;
        typename Simd<T>::Integer all = ~typename Simd<T>::Integer{};
        for (Index k = 0; k < width<T>; ++k) all &= good[k];
        if (!all) return false;
    }
    for (; i < n; ++i)
        if (!(x[i] - x[i] == 0)) return false;
    return true;
}

template <class T> inline constexpr ReduceTable<T> reduce_table = {&sum<T>, &sum_squares<T>, &all_finite<T>};

#endif

/// Reductions of one row, for use inside any region, and their table. Lane i of virtual_lanes takes the elements i,
/// i + virtual_lanes, ... in order; then the upper half of the lanes joins the lower one, and so on.
#ifdef GRADUS_REGION

struct Add {
    template <class V> GRADUS_REGION_INLINE V operator()(V a, V b) const { return a + b; }
};
struct Max {
    template <class V> GRADUS_REGION_INLINE V operator()(V a, V b) const { return b > a ? b : a; }
};

/// Lane i joins lane i ^ half.
template <int half, class T, class Combine, int... i>
GRADUS_REGION_INLINE Vector<T> join_half(Vector<T> v, Combine combine, std::integer_sequence<int, i...>) {
    return combine(v, __builtin_shufflevector(v, v, (i ^ half)...));
}
/// Half of the lanes joins the other half, and so on: every lane holds the result.
template <class T, int half, class Combine> GRADUS_REGION_INLINE Vector<T> join_lanes(Vector<T> v, Combine combine) {
    if constexpr (half > 0) {
        v = join_half<half, T>(v, combine, std::make_integer_sequence<int, int(width<T>)>());
        return join_lanes<T, half / 2>(v, combine);
    } else {
        return v;
    }
}

/// The first n lanes of a, the others of b.
template <class T> GRADUS_REGION_INLINE Vector<T> first_lanes(Index n, Vector<T> a, Vector<T> b) {
    Integers<T> place;
    for (int i = 0; i < int(width<T>); ++i) place[i] = i;
    return place < Integers<T>{} + typename Simd<T>::Integer(n) ? a : b;
}

/// step(accumulator, i, access) takes the vector of elements from i on. `start` must not change what it is combined
/// with.
template <class T, class Step, class Combine>
GRADUS_REGION_INLINE T reduce_row(Index n, T start, Step step, Combine combine) {
    constexpr Index lanes = virtual_lanes<T>, w = width<T>;
    constexpr int count = Lanes<T>::count;
    if (n <= w) {
        const Vector<T> none = splat<T>(start);
        return join_lanes<T, int(w / 2)>(first_lanes<T>(n, step(none, 0, Part<T>{n}), none), combine)[0];
    }
    Lanes<T> a = splat_lanes<T>(start);
    Index i = 0;
    for (; i + lanes <= n; i += lanes)
        for (int j = 0; j < count; ++j) a.v[j] = step(a.v[j], i + j * w, Whole<T>{});
    for (int j = 0; j < count; ++j, i += w) {
        if (i + w <= n)
            a.v[j] = step(a.v[j], i, Whole<T>{});
        else if (i < n)
            a.v[j] = first_lanes<T>(n - i, step(a.v[j], i, Part<T>{n - i}), a.v[j]);
    }
    for (int half = count / 2; half > 0; half /= 2)
        for (int j = 0; j < half; ++j) a.v[j] = combine(a.v[j], a.v[j + half]);
    return join_lanes<T, int(w / 2)>(a.v[0], combine)[0];
}

template <class T> struct SumStep {
    const T* x;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        return a + at.get(x + i);
    }
};
template <class T> struct DotStep {
    const T *x, *y;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        return fma(at.get(x + i), at.get(y + i), a);
    }
};
template <class T> struct MaxStep {
    const T* x;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        const Vector<T> v = at.get(x + i);
        return v > a ? v : a;
    }
};

template <class T> GRADUS_REGION_INLINE T row_sum(const T* x, Index n) {
    return reduce_row<T>(n, T(0), SumStep<T>{x}, Add{});
}
template <class T> GRADUS_REGION_INLINE T row_dot(const T* x, const T* y, Index n) {
    return reduce_row<T>(n, T(0), DotStep<T>{x, y}, Add{});
}
/// The largest element; NaN is passed over.
template <class T> GRADUS_REGION_INLINE T row_max(const T* x, Index n) {
    return reduce_row<T>(n, -T(__builtin_inff()), MaxStep<T>{x}, Max{});
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

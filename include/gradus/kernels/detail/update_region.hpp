/// Penalties, clipping, norms of columns and averages.
#ifdef GRADUS_REGION

template <class T> struct PenalizeBody {
    T* g;
    const T* w;
    T l1, l2;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> v = at.get(w + i), zero{};
        const Vector<T> sign = select<T>(v > zero, splat<T>(l1), select<T>(v < zero, splat<T>(-l1), zero));
        at.put(g + i, fma(splat<T>(l2), v, at.get(g + i)) + sign);
    }
};
template <class T> void penalize(T* g, const T* w, T l1, T l2, Index n) {
    each_vector<T>(n, PenalizeBody<T>{g, w, l1, l2});
}

template <class T> struct AbsoluteStep {
    const T* x;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        return a + absolute<T>(at.get(x + i));
    }
};
template <class T> T sum_absolute(const T* x, Index n) { return reduce_row<T>(n, T(0), AbsoluteStep<T>{x}, Add{}); }

template <class T> struct ClampBody {
    T* x;
    T limit;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> v = at.get(x + i), high = splat<T>(limit);
        at.put(x + i, select<T>(v > high, high, select<T>(v < -high, -high, v)));
    }
};
template <class T> void clamp(T* x, T limit, Index n) { each_vector<T>(n, ClampBody<T>{x, limit}); }

template <class T> struct AverageBody {
    T* a;
    const T* w;
    T share;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> before = at.get(a + i);
        at.put(a + i, fma(splat<T>(share), at.get(w + i) - before, before));
    }
};
template <class T> void average(T* a, const T* w, T share, Index n) { each_vector<T>(n, AverageBody<T>{a, w, share}); }

/// Columns [i, i + width) of w [rows, stride]; squares are added in blocks of 64 rows.
template <class T> struct LimitBody {
    T* w;
    T limit;
    Index rows, stride;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        Vector<T> squares{};
        for (Index r = 0; r < rows;) {
            Vector<T> part{};
            for (const Index end = rows < r + 64 ? rows : r + 64; r < end; ++r) {
                const Vector<T> v = at.get(w + r * stride + i);
                part = fma(v, v, part);
            }
            squares += part;
        }
        const Vector<T> norm = square_root(squares), most = splat<T>(limit);
        const Vector<T> s = select<T>(norm > most, most / (norm + splat<T>(T(1e-7))), splat<T>(T(1)));
        for (Index r = 0; r < rows; ++r) at.put(w + r * stride + i, at.get(w + r * stride + i) * s);
    }
};
template <class T> void limit_columns(T* w, T limit, Index rows, Index columns, Index stride) {
    const LimitBody<T> body{w, limit, rows, stride};
    Index i = 0;
    for (; i + width<T> <= columns; i += width<T>) body(i, Whole<T>{});
    if (i < columns) body(i, Part<T>{columns - i});
}

template <class T> inline constexpr UpdateTable<T> update_table = {&penalize<T>, &sum_absolute<T>, &clamp<T>,
                                                                   &average<T>, &limit_columns<T>};

#endif

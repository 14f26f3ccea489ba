/// Means over time.
#ifdef GRADUS_REGION

GRADUS_REGION_INLINE Index unmasked_steps(const unsigned char* mask, Index time) {
    if (!mask) return time;
    Index count = 0;
    for (Index t = 0; t < time; ++t) count += mask[t] != 0;
    return count;
}

template <class T, int N>
GRADUS_REGION_INLINE void mean_columns(T* y, const T* x, const unsigned char* mask, Index time, Index dim, T count) {
    Vector<T> sum[N];
    for (int v = 0; v < N; ++v) sum[v] = Vector<T>{};
    for (Index t = 0; t < time; ++t) {
        if (mask && !mask[t]) continue;
        for (int v = 0; v < N; ++v) sum[v] = sum[v] + load<T>(x + t * dim + v * width<T>);
    }
    for (int v = 0; v < N; ++v) store<T>(y + v * width<T>, sum[v] / splat<T>(count));
}

/// y [dim] of one sample x [time, dim]: one chain of additions over time.
template <class T> void mean_over_time(T* y, const T* x, const unsigned char* mask, Index time, Index dim) {
    const Index steps = unmasked_steps(mask, time);
    const T count = T(steps > 0 ? steps : 1);
    Index d = 0;
    for (; d + 4 * width<T> <= dim; d += 4 * width<T>) mean_columns<T, 4>(y + d, x + d, mask, time, dim, count);
    for (; d + width<T> <= dim; d += width<T>) mean_columns<T, 1>(y + d, x + d, mask, time, dim, count);
    if (d < dim) {
        Vector<T> sum = {};
        for (Index t = 0; t < time; ++t)
            if (!mask || mask[t]) sum = sum + load_part<T>(x + t * dim + d, dim - d);
        store_part<T>(y + d, sum / splat<T>(count), dim - d);
    }
}

template <class T> struct SpreadMeanBody {
    T* dx;
    const T* dy;
    T count;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        x.put(dx + i, x.get(dy + i) / splat<T>(count));
    }
};
template <class T> struct CopyBody {
    T* y;
    const T* x;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A a) const {
        a.put(y + i, x ? a.get(x + i) : Vector<T>{});
    }
};

template <class T> void spread_over_time(T* dx, const T* dy, const unsigned char* mask, Index time, Index dim) {
    const Index steps = unmasked_steps(mask, time);
    const T* done = nullptr;
    for (Index t = 0; t < time; ++t) {
        T* to = dx + t * dim;
        if (mask && !mask[t]) {
            each_vector<T>(dim, CopyBody<T>{to, nullptr});
        } else if (done) {
            each_vector<T>(dim, CopyBody<T>{to, done});
        } else {
            each_vector<T>(dim, SpreadMeanBody<T>{to, dy, T(steps)});
            done = to;
        }
    }
}

template <class T> inline constexpr PoolTable<T> pool_table = {&mean_over_time<T>, &spread_over_time<T>};

#endif

/// Cross-entropies and their gradients.
#ifdef GRADUS_REGION

template <class T> struct Some {
    Index rest;
    GRADUS_REGION_INLINE Vector<T> get(const T* p) const {
        return rest >= width<T> ? load<T>(p) : load_part<T>(p, rest);
    }
    GRADUS_REGION_INLINE void put(T* p, Vector<T> v) const {
        if (rest >= width<T>)
            store<T>(p, v);
        else
            store_part<T>(p, v, rest);
    }
};
/// Calls body(i, access) for each vector; each_vector without copies of a long body.
template <class T, class Body> GRADUS_REGION_INLINE void each_vector_rolled(Index n, Body body) {
    for (Index i = 0; i < n; i += width<T>) body(i, Some<T>{n - i});
}

/// Target t becomes keep t + share.
template <class T> struct Smoothing {
    T keep, share;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> t) const { return t * splat<T>(keep) + splat<T>(share); }
};
template <class T> GRADUS_REGION_INLINE Smoothing<T> smoothing_over(Index classes, T smoothing) {
    return {T(1) - smoothing, smoothing / T(classes)};
}

template <class T> struct BinaryProbabilities {
    T *loss, *dp;
    const T *p, *target;
    T epsilon;
    Smoothing<T> smooth;
    bool below_sigmoid;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> one = splat<T>(1), low = splat<T>(epsilon), high = splat<T>(1 - epsilon);
        const Vector<T> x = at.get(p + i), t = smooth(at.get(target + i));
        Vector<T> q = x < low ? low : x;
        q = q > high ? high : q;
        at.put(loss + i, -fma(t, vector_log<T>(q), (one - t) * vector_log<T>(one - q)));
        if (!dp) return;
        const Vector<T> d = (q - t) / (q * (one - q));
        at.put(dp + i, below_sigmoid ? x - t : (((x < low) | (x > high)) ? Vector<T>{} : d));
    }
};
template <class T>
void binary_probabilities(T* loss, T* dp, const T* p, const T* target, Index n, T epsilon, T smoothing) {
    each_vector_rolled<T>(n,
                          BinaryProbabilities<T>{loss, dp, p, target, epsilon, smoothing_over<T>(2, smoothing), false});
}
template <class T> void binary_outputs(T* loss, T* dz, const T* p, const T* target, Index n, T epsilon, T smoothing) {
    each_vector_rolled<T>(n,
                          BinaryProbabilities<T>{loss, dz, p, target, epsilon, smoothing_over<T>(2, smoothing), true});
}

template <class T> struct BinaryLogits {
    T *loss, *dz;
    const T *z, *target;
    Smoothing<T> smooth;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A at) const {
        const Vector<T> one = splat<T>(1), zero{};
        const Vector<T> x = at.get(z + i), t = smooth(at.get(target + i));
        const Vector<T> e = vector_exp<T>(-absolute<T>(x));
        const Vector<T> u = one + e;
        const Vector<T> log1p = vector_log<T>(u) + (e - (u - one)) / u;
        const Vector<T> positive = x <= zero ? zero : x;
        at.put(loss + i, (positive - x * t) + log1p);
        if (dz) at.put(dz + i, vector_sigmoid<T>(x) - t);
    }
};
template <class T> void binary_logits(T* loss, T* dz, const T* z, const T* target, Index n, T smoothing) {
    each_vector_rolled<T>(n, BinaryLogits<T>{loss, dz, z, target, smoothing_over<T>(2, smoothing)});
}

template <class T> struct NegativeLog {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return -vector_log<T>(v); }
};
template <class T> GRADUS_REGION_INLINE T not_a_number() { return T(__builtin_nanf("")); }

/// Rows first leave the probability in `loss`, then all logarithms are taken at once.
template <class T> void sparse_probabilities(T* loss, T* dp, const T* p, const std::int32_t* target, Index rows,
                                             Index classes, T epsilon) {
    for (Index r = 0; r < rows; ++r, p += classes) {
        const Index t = target[r];
        const bool valid = t >= 0 && t < classes;
        const T total = row_sum<T>(p, classes), at_target = valid ? p[t] : not_a_number<T>();
        const T q = at_target / total;
        const bool clipped = q < epsilon || q > 1 - epsilon;
        loss[r] = q < epsilon ? epsilon : q > 1 - epsilon ? 1 - epsilon : q;
        if (!dp) continue;
        const T d = valid && !clipped ? 1 / total : T(0);
        for (Index c = 0; c < classes; ++c) dp[c] = d;
        if (valid && !clipped) dp[t] -= 1 / at_target;
        dp += classes;
    }
    map_array<T>(loss, loss, rows, NegativeLog<T>{});
}

template <class T> struct SumExpStep {
    const T* x;
    T shift;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        return a + softmax_term<T>(at.get(x + i) - splat<T>(shift));
    }
};
/// Sum of exp(x - shift); the terms go to e where it is not null. The same bits either way.
template <class T> GRADUS_REGION_INLINE T sum_exp(T* e, const T* x, T shift, Index n) {
    if (!e) return reduce_row<T>(n, T(0), SumExpStep<T>{x, shift}, Add{});
    exp_row<T>(e, x, shift, n);
    return row_sum<T>(e, n);
}

template <class T>
void sparse_logits(T* loss, T* dz, const T* z, const std::int32_t* target, Index rows, Index classes) {
    for (Index r = 0; r < rows; ++r, z += classes) {
        const Index t = target[r];
        const bool valid = t >= 0 && t < classes;
        const T shift = row_max<T>(z, classes), at_target = valid ? z[t] : not_a_number<T>();
        const T total = sum_exp<T>(dz, z, shift, classes);
        const Vector<T> log_total = vector_log<T>(splat<T>(total));
        loss[r] = log_total[0] - (at_target - shift);
        if (!dz) continue;
        map_array<T>(dz, dz, classes, DivideBy<T>{total});
        if (valid) dz[t] -= 1;
        dz += classes;
    }
}

template <class T>
void sparse_outputs(T* loss, T* dz, const T* p, const std::int32_t* target, Index rows, Index classes, T epsilon) {
    for (Index r = 0; r < rows; ++r, p += classes) {
        const Index t = target[r];
        const bool valid = t >= 0 && t < classes;
        const T q = valid ? p[t] : not_a_number<T>();
        loss[r] = q < epsilon ? epsilon : q;
        if (!dz) continue;
        for (Index c = 0; c < classes; ++c) dz[c] = p[c];
        if (valid) dz[t] -= 1;
        dz += classes;
    }
    map_array<T>(loss, loss, rows, NegativeLog<T>{});
}

/// The sum of smoothed targets whose p / total lies within the bounds, or is NaN.
template <class T> struct TargetStep {
    const T *p, *target;
    Smoothing<T> smooth;
    T total, low, high;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        const Vector<T> q = at.get(p + i) / splat<T>(total);
        return a + (((q < splat<T>(low)) | (q > splat<T>(high))) ? Vector<T>{} : smooth(at.get(target + i)));
    }
};
template <class T> struct CategoricalStep {
    const T *p, *target;
    Smoothing<T> smooth;
    T total, low, high;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        const Vector<T> l = splat<T>(low), h = splat<T>(high);
        Vector<T> q = at.get(p + i) / splat<T>(total);
        q = q < l ? l : q;
        q = q > h ? h : q;
        return a - smooth(at.get(target + i)) * vector_log<T>(q);
    }
};
template <class T> struct CategoricalSlope {
    Smoothing<T> smooth;
    T total, low, high, weight;
    bool below_softmax;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> x, Vector<T> target) const {
        const Vector<T> t = smooth(target), w = splat<T>(weight);
        if (below_softmax) return w * x - t;
        const Vector<T> q = x / splat<T>(total), common = w / splat<T>(total);
        return ((q < splat<T>(low)) | (q > splat<T>(high))) ? common : common - t / x;
    }
};
template <class T> void categorical_probabilities(T* loss, T* dp, const T* p, const T* target, Index rows,
                                                  Index classes, T epsilon, T smoothing, bool below_softmax) {
    const Smoothing<T> smooth = smoothing_over<T>(classes, smoothing);
    const T infinity = T(__builtin_inff()), high = below_softmax ? infinity : 1 - epsilon;
    for (Index r = 0; r < rows; ++r, p += classes, target += classes) {
        const T total = below_softmax ? T(1) : row_sum<T>(p, classes);
        loss[r] = reduce_row<T>(classes, T(0), CategoricalStep<T>{p, target, smooth, total, epsilon, high}, Add{});
        if (!dp) continue;
        const T low = below_softmax ? -infinity : epsilon;
        const T weight = reduce_row<T>(classes, T(0), TargetStep<T>{p, target, smooth, total, low, high}, Add{});
        map_arrays<T>(dp, p, target, classes, CategoricalSlope<T>{smooth, total, low, high, weight, below_softmax});
        dp += classes;
    }
}

/// Classes without a target do not count, whatever their logit: it may be -infinity.
template <class T> struct TargetDotStep {
    const T *z, *target;
    Smoothing<T> smooth;
    T shift;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        const Vector<T> t = smooth(at.get(target + i));
        return t == Vector<T>{} ? a : fma(t, at.get(z + i) - splat<T>(shift), a);
    }
};
template <class T> struct TargetSumStep {
    const T* target;
    Smoothing<T> smooth;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> a, Index i, A at) const {
        return a + smooth(at.get(target + i));
    }
};
template <class T> struct LogitsSlope {
    Smoothing<T> smooth;
    T total, weight;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> e, Vector<T> target) const {
        return splat<T>(weight) * (e / splat<T>(total)) - smooth(target);
    }
};
template <class T>
void categorical_logits(T* loss, T* dz, const T* z, const T* target, Index rows, Index classes, T smoothing) {
    const Smoothing<T> smooth = smoothing_over<T>(classes, smoothing);
    for (Index r = 0; r < rows; ++r, z += classes, target += classes) {
        const T shift = row_max<T>(z, classes),
                weight = reduce_row<T>(classes, T(0), TargetSumStep<T>{target, smooth}, Add{});
        const T dot = reduce_row<T>(classes, T(0), TargetDotStep<T>{z, target, smooth, shift}, Add{});
        const T total = sum_exp<T>(dz, z, shift, classes);
        const Vector<T> log_total = vector_log<T>(splat<T>(total));
        loss[r] = weight * log_total[0] - dot;
        if (!dz) continue;
        map_arrays<T>(dz, dz, target, classes, LogitsSlope<T>{smooth, total, weight});
        dz += classes;
    }
}

template <class T> inline constexpr BinaryCrossentropyTable<T> binary_crossentropy_table = {
    &binary_probabilities<T>, &binary_logits<T>, &binary_outputs<T>};
template <class T> inline constexpr SparseCrossentropyTable<T> sparse_crossentropy_table = {
    &sparse_probabilities<T>, &sparse_logits<T>, &sparse_outputs<T>};
template <class T> inline constexpr CategoricalCrossentropyTable<T> categorical_crossentropy_table = {
    &categorical_probabilities<T>, &categorical_logits<T>};

#endif

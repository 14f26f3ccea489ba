/// Updates of parameters and moments. Each element goes through the same operations wherever it stands.
#ifdef GRADUS_REGION

/// No fused multiply-add here: the step's scalars have the same bits on every set.
inline double power(double base, Index exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2) {
        if (exponent % 2) result = result * base;
        base = base * base;
    }
    return result;
}

template <class T>
AdamStep<T> adam_scalars(double rate, double beta1, double beta2, double epsilon, Index t, double decay) {
    const double correction = square_root(1 - power(beta2, t)) / (1 - power(beta1, t));
    return {T(rate * correction), T(1 - beta1), T(1 - beta2), T(epsilon), T(rate * decay)};
}

/// Denormals become zero: moments of a row that is no longer used would decay into them and stay, each operation slow.
template <class T> GRADUS_REGION_INLINE Vector<T> without_denormals(Vector<T> x) {
    return zero_below<T>(x, sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022));
}

template <class T> struct AdamBody {
    T *w, *m, *v;
    const T* g;
    AdamStep<T> s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        const Vector<T> gradient = g ? zero_below<T>(x.get(g + i), least_squared_gradient<T>) : Vector<T>{};
        Vector<T> first = x.get(m + i), second = x.get(v + i);
        first = zero_below<T>(fma(gradient - first, splat<T>(s.one_minus_beta1), first), least_moment<T>);
        second = without_denormals<T>(fma(gradient * gradient - second, splat<T>(s.one_minus_beta2), second));
        x.put(m + i, first);
        x.put(v + i, second);
        Vector<T> kept = x.get(w + i);
        if (s.decay != 0) kept = fma(kept, splat<T>(-s.decay), kept);
        x.put(w + i, kept - first * splat<T>(s.rate) / (square_root(second) + splat<T>(s.epsilon)));
    }
};

template <class T> struct MomentumBody {
    T *w, *velocity;
    const T* g;
    MomentumStep<T> s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        const Vector<T> gradient = g ? x.get(g + i) : Vector<T>{};
        const Vector<T> before = x.get(velocity + i), rate = splat<T>(s.rate), keep = splat<T>(s.momentum);
        if (s.form == MomentumForm::averaged) {
            const Vector<T> mean = without_denormals<T>(fma(gradient - before, splat<T>(s.one_minus_momentum), before));
            x.put(velocity + i, mean);
            x.put(w + i, fma(mean, -rate, x.get(w + i)));
        } else {
            const Vector<T> step = gradient * rate;
            const Vector<T> speed = without_denormals<T>(fma(before, keep, -step));
            x.put(velocity + i, speed);
            x.put(w + i, x.get(w + i) + (s.form == MomentumForm::nesterov ? fma(speed, keep, -step) : speed));
        }
    }
};

template <class T> struct RmspropBody {
    T *w, *v, *velocity, *mean;
    const T* g;
    RmspropStep<T> s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        const Vector<T> gradient = g ? zero_below<T>(x.get(g + i), least_squared_gradient<T>) : Vector<T>{};
        const Vector<T> fresh = splat<T>(s.one_minus_rho);
        Vector<T> second = x.get(v + i);
        second = without_denormals<T>(fma(gradient * gradient - second, fresh, second));
        x.put(v + i, second);
        if (mean) {
            Vector<T> first = x.get(mean + i);
            first = without_denormals<T>(fma(gradient - first, fresh, first));
            x.put(mean + i, first);
            second = fma(-first, first, second);
            second = select<T>(second < Vector<T>{}, Vector<T>{}, second);
        }
        Vector<T> step = gradient * splat<T>(s.rate) / square_root(second + splat<T>(s.epsilon));
        if (velocity) {
            step = without_denormals<T>(fma(x.get(velocity + i), splat<T>(s.momentum), step));
            x.put(velocity + i, step);
        }
        x.put(w + i, x.get(w + i) - step);
    }
};

template <class T> struct SgdBody {
    T* w;
    const T* g;
    T rate;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        x.put(w + i, fma(x.get(g + i), splat<T>(-rate), x.get(w + i)));
    }
};

template <class T> void adam_flat(T* w, T* m, T* v, const T* g, AdamStep<T> s, Index n) {
    each_vector<T>(n, AdamBody<T>{w, m, v, g, s});
}
template <class T> void momentum_flat(T* w, T* velocity, const T* g, MomentumStep<T> s, Index n) {
    each_vector<T>(n, MomentumBody<T>{w, velocity, g, s});
}
template <class T> void rmsprop_flat(T* w, T* v, T* velocity, T* mean, const T* g, RmspropStep<T> s, Index n) {
    each_vector<T>(n, RmspropBody<T>{w, v, velocity, mean, g, s});
}
template <class T> void sgd_flat(T* w, const T* g, T rate, Index n) { each_vector<T>(n, SgdBody<T>{w, g, rate}); }

/// Rows first to last of a parameter [.., dim] with the gradients of the sorted `rows` [count], through update(offset,
/// gradient, elements): spans of rows whose gradient is spread into a buffer, or none where no row of the span has one.
template <class T, class Update> GRADUS_REGION_INLINE void
spread_rows(const T* drows, const int* rows, Index count, Index first, Index last, Index dim, Update update) {
    constexpr Index capacity = 4096;
    T buffer[capacity];
    Index at = 0;
    for (Index high = count; at < high;) {
        const Index middle = (at + high) / 2;
        if (rows[middle] < first)
            at = middle + 1;
        else
            high = middle;
    }
    const Index span = dim < capacity ? capacity / dim : 1;
    for (Index r = first; r < last; r += span) {
        const Index end = r + span < last ? r + span : last;
        if (at == count || rows[at] >= end) {
            update(r * dim, (const T*)nullptr, (end - r) * dim);
        } else if (dim > capacity) {
            update(r * dim, drows + at++ * dim, dim);
        } else {
            for (Index i = 0; i < (end - r) * dim; ++i) buffer[i] = 0;
            for (; at < count && rows[at] < end; ++at) {
                T* to = buffer + (rows[at] - r) * dim;
                for (Index i = 0; i < dim; ++i) to[i] = drows[at * dim + i];
            }
            update(r * dim, (const T*)buffer, (end - r) * dim);
        }
    }
}

template <class T> struct AdamSpan {
    T *w, *m, *v;
    AdamStep<T> s;
    GRADUS_REGION_INLINE void operator()(Index at, const T* g, Index n) const {
        adam_flat<T>(w + at, m + at, v + at, g, s, n);
    }
};
template <class T> struct MomentumSpan {
    T *w, *velocity;
    MomentumStep<T> s;
    GRADUS_REGION_INLINE void operator()(Index at, const T* g, Index n) const {
        momentum_flat<T>(w + at, velocity + at, g, s, n);
    }
};
template <class T> struct RmspropSpan {
    T *w, *v, *velocity, *mean;
    RmspropStep<T> s;
    GRADUS_REGION_INLINE void operator()(Index at, const T* g, Index n) const {
        rmsprop_flat<T>(w + at, v + at, velocity ? velocity + at : nullptr, mean ? mean + at : nullptr, g, s, n);
    }
};

template <class T> void adam_rows(T* w, T* m, T* v, const T* drows, const int* rows, Index count, AdamStep<T> s,
                                  Index first, Index last, Index dim) {
    spread_rows<T>(drows, rows, count, first, last, dim, AdamSpan<T>{w, m, v, s});
}
template <class T> void momentum_rows(T* w, T* velocity, const T* drows, const int* rows, Index count,
                                      MomentumStep<T> s, Index first, Index last, Index dim) {
    spread_rows<T>(drows, rows, count, first, last, dim, MomentumSpan<T>{w, velocity, s});
}
template <class T> void rmsprop_rows(T* w, T* v, T* velocity, T* mean, const T* drows, const int* rows, Index count,
                                     RmspropStep<T> s, Index first, Index last, Index dim) {
    spread_rows<T>(drows, rows, count, first, last, dim, RmspropSpan<T>{w, v, velocity, mean, s});
}

template <class T> inline constexpr OptimizerTable<T> optimizer_table = {
    &adam_scalars<T>, &adam_flat<T>, &adam_rows<T>, &sgd_flat<T>, &momentum_flat<T>, &momentum_rows<T>};
template <class T> inline constexpr RmspropTable<T> rmsprop_table = {&rmsprop_flat<T>, &rmsprop_rows<T>};

#endif

/// Batch and layer normalisation. Columns are independent of each other; over rows, sums of a chunk are four chains,
/// and chunks follow each other in order, so that the shape alone decides the order of additions.
#ifdef GRADUS_REGION

/// Calls body(c, access) for each vector of columns.
template <class T, class Body> GRADUS_REGION_INLINE void each_columns(Index first, Index last, Body body) {
    Index c = first;
    for (; c + width<T> <= last; c += width<T>) body(c, Whole<T>{});
    if (c < last) body(c, Part<T>{last - c});
}

GRADUS_REGION_INLINE bool is_masked(const unsigned char* mask, Index span, Index row) {
    return mask && !mask[row / span];
}

/// The sum over rows: row r belongs to chain r % 4.
template <class T, class Step, class A> GRADUS_REGION_INLINE Vector<T> sum_rows(Index rows, Step step, A at) {
    Vector<T> s[4];
    for (int k = 0; k < 4; ++k) s[k] = Vector<T>{};
    Index r = 0;
    for (; r + 4 <= rows; r += 4)
        for (int k = 0; k < 4; ++k) s[k] = step(s[k], r + k, at);
    for (int k = 0; k < 3; ++k)
        if (r + k < rows) s[k] = step(s[k], r + k, at);
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/// sum + x, sum + (x - mean)^2, sum + a (x - mean), at one row of a column.
template <class T> struct AddRow {
    const T* x;
    Index cols;
    const unsigned char* mask;
    Index span, first;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index r, A at) const {
        return is_masked(mask, span, first + r) ? sum : sum + at.get(x + r * cols);
    }
};
template <class T> struct AddSquare {
    AddRow<T> row;
    Vector<T> mean;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index r, A at) const {
        const Vector<T> d = at.get(row.x + r * row.cols) - mean;
        return is_masked(row.mask, row.span, row.first + r) ? sum : fma(d, d, sum);
    }
};
template <class T> struct AddProduct {
    const T *a, *x;
    Index cols;
    Vector<T> mean;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index r, A at) const {
        return fma(at.get(a + r * cols), at.get(x + r * cols) - mean, sum);
    }
};

template <class T> struct ChunkMoments {
    const BatchTask<T>& t;
    Index first, rows;
    T* to;
    T count;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const AddRow<T> add{t.x + first * t.cols + c, t.cols, t.mask, t.span, first};
        const Vector<T> mean = sum_rows<T>(rows, add, at) / splat<T>(count);
        at.put(to + c, mean);
        at.put(to + t.cols + c, sum_rows<T>(rows, AddSquare<T>{add, mean}, at));
    }
};
/// Of the rows of one chunk: their number, means, and sums of squared distances from these.
template <class T> void batch_moments(const BatchTask<T>& t, Index first, Index last) {
    Index count = last - first;
    if (t.mask)
        for (Index r = first; r < last; ++r) count -= t.mask[r / t.span] == 0;
    const Index chunk = first / t.chunk;
    t.counts[chunk] = T(count);
    each_columns<T>(0, t.cols,
                    ChunkMoments<T>{t, first, last - first, t.partials + chunk * 2 * t.cols, T(count > 0 ? count : 1)});
}

template <class T> struct BatchStatistics {
    const BatchTask<T>& t;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        Vector<T> mean, variance;
        if (t.batch) {
            mean = variance = Vector<T>{};
            T n = 0;
            for (Index k = 0; k < t.chunks; ++k) { // Chan, Golub, LeVeque: two samples' moments into one's
                if (t.counts[k] == 0) continue;
                const T* p = t.partials + k * 2 * t.cols + c;
                const T total = n + t.counts[k], part = t.counts[k] / total;
                const Vector<T> d = at.get(p) - mean;
                variance = n == 0 ? at.get(p + t.cols) : variance + fma(d * d, splat<T>(n * part), at.get(p + t.cols));
                mean = fma(d, splat<T>(part), mean);
                n = total;
            }
            if (n > 0) {
                variance = variance / splat<T>(n);
                const Vector<T> momentum = splat<T>(t.momentum), rest = splat<T>(t.rest);
                at.put(t.moving_mean + c, fma(at.get(t.moving_mean + c), momentum, mean * rest));
                at.put(t.moving_variance + c, fma(at.get(t.moving_variance + c), momentum, variance * rest));
            }
        } else {
            mean = at.get(t.moving_mean + c);
            variance = at.get(t.moving_variance + c);
        }
        const Vector<T> inverse = splat<T>(1) / square_root(variance + splat<T>(t.epsilon));
        at.put(t.mean + c, mean);
        at.put(t.inverse + c, inverse);
        at.put(t.scale + c, t.gamma ? at.get(t.gamma + c) * inverse : inverse);
        at.put(t.offset + c, t.beta ? at.get(t.beta + c) : Vector<T>{});
    }
};
template <class T> void batch_statistics(const BatchTask<T>& t, Index first, Index last) {
    each_columns<T>(first, last, BatchStatistics<T>{t});
}

template <class T> struct NormalizeRow {
    const BatchTask<T>& t;
    T* y;
    const T* x;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        at.put(y + c, fma(at.get(x + c) - at.get(t.mean + c), at.get(t.scale + c), at.get(t.offset + c)));
    }
};
template <class T> void batch_normalize(const BatchTask<T>& t, Index first, Index last) {
    for (Index r = first; r < last; ++r)
        each_columns<T>(0, t.cols, NormalizeRow<T>{t, t.y + r * t.cols, t.x + r * t.cols});
}

template <class T> struct ChunkGradients {
    const BatchTask<T>& t;
    Index first, rows;
    T* to;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const T *dy = t.dy + first * t.cols + c, *x = t.x + first * t.cols + c;
        at.put(to + c, sum_rows<T>(rows, AddProduct<T>{dy, x, t.cols, at.get(t.mean + c)}, at));
        at.put(to + t.cols + c, sum_rows<T>(rows, AddRow<T>{dy, t.cols, nullptr, 1, 0}, at));
    }
};
/// Of one chunk: sums of dy (x - mean) and of dy.
template <class T> void batch_gradient_sums(const BatchTask<T>& t, Index first, Index last) {
    each_columns<T>(0, t.cols, ChunkGradients<T>{t, first, last - first, t.partials + first / t.chunk * 2 * t.cols});
}

template <class T, class A> GRADUS_REGION_INLINE Vector<T> sum_chunks(const T* p, Index chunks, Index stride, A at) {
    Vector<T> sum{};
    for (Index k = 0; k < chunks; ++k) sum = sum + at.get(p + k * stride);
    return sum;
}

/// Gradients of gamma and beta, and what dx needs of each column.
template <class T> struct BatchGradients {
    const BatchTask<T>& t;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const Vector<T> inverse = at.get(t.inverse + c);
        at.put(t.scale + c, t.gamma ? at.get(t.gamma + c) * inverse : inverse);
        if (!t.sums) return;
        const Vector<T> product = sum_chunks<T>(t.partials + c, t.chunks, 2 * t.cols, at) * inverse;
        const Vector<T> sum = sum_chunks<T>(t.partials + t.cols + c, t.chunks, 2 * t.cols, at);
        if (t.dgamma) at.put(t.dgamma + c, at.get(t.dgamma + c) + product);
        if (t.dbeta) at.put(t.dbeta + c, at.get(t.dbeta + c) + sum);
        at.put(t.offset + c, sum / splat<T>(t.total));
        at.put(t.slope + c, product * inverse / splat<T>(t.total));
    }
};
template <class T> void batch_gradients(const BatchTask<T>& t, Index first, Index last) {
    each_columns<T>(first, last, BatchGradients<T>{t});
}

template <class T> struct GradientRow {
    const BatchTask<T>& t;
    T* dx;
    const T *dy, *x;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const Vector<T> both = fma(at.get(x + c) - at.get(t.mean + c), at.get(t.slope + c), at.get(t.offset + c));
        at.put(dx + c, (at.get(dy + c) - both) * at.get(t.scale + c));
    }
};
/// dx = scale (dy - offset - (x - mean) slope) where the row belongs to the statistics, else scale dy.
template <class T> void batch_gradient(const BatchTask<T>& t, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
        T* dx = t.dx + r * t.cols;
        const T* dy = t.dy + r * t.cols;
        if (t.batch && !is_masked(t.mask, t.span, r))
            each_columns<T>(0, t.cols, GradientRow<T>{t, dx, dy, t.x + r * t.cols});
        else
            each_columns<T>(0, t.cols, MultiplyBody<T>{dx, dy, t.scale});
    }
}

template <class T> inline constexpr BatchTable<T> batch_table = {&batch_moments<T>,   &batch_statistics<T>,
                                                                 &batch_normalize<T>, &batch_gradient_sums<T>,
                                                                 &batch_gradients<T>, &batch_gradient<T>};

template <class T> struct SquareStep {
    const T* x;
    T mean;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index i, A at) const {
        const Vector<T> d = at.get(x + i) - splat<T>(mean);
        return fma(d, d, sum);
    }
};
template <class T> struct ScaleRow {
    T* y;
    const T *x, *gamma, *beta;
    T mean, inverse;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const Vector<T> scale = gamma ? at.get(gamma + c) * splat<T>(inverse) : splat<T>(inverse);
        at.put(y + c, fma(at.get(x + c) - splat<T>(mean), scale, beta ? at.get(beta + c) : Vector<T>{}));
    }
};
template <class T> void layer_forward(const LayerTask<T>& t, Index first, Index last) {
    for (Index r = first; r < last; ++r) {
        const T* x = t.x + r * t.cols;
        const T mean = row_sum<T>(x, t.cols) / T(t.cols);
        const T variance = reduce_row<T>(t.cols, T(0), SquareStep<T>{x, mean}, Add{}) / T(t.cols);
        const T inverse = T(1) / square_root(variance + t.epsilon);
        each_columns<T>(0, t.cols, ScaleRow<T>{t.y + r * t.cols, x, t.gamma, t.beta, mean, inverse});
        if (!t.statistics) continue;
        t.statistics[2 * r] = mean;
        t.statistics[2 * r + 1] = inverse;
    }
}

/// sum + dy gamma, and with `x` sum + dy gamma (x - mean).
template <class T> struct SlopeStep {
    const T *dy, *gamma, *x;
    T mean;
    template <class A> GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> sum, Index i, A at) const {
        const Vector<T> g = gamma ? at.get(dy + i) * at.get(gamma + i) : at.get(dy + i);
        return x ? fma(g, at.get(x + i) - splat<T>(mean), sum) : sum + g;
    }
};
template <class T> struct LayerGradientRow {
    const LayerTask<T>& t;
    T *dx, *partial;
    const T *dy, *x;
    T mean, inverse, offset, slope;
    bool start;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const Vector<T> d = at.get(dy + c), away = at.get(x + c) - splat<T>(mean);
        if (partial) {
            const Vector<T> product = start ? Vector<T>{} : at.get(partial + c),
                            sum = start ? Vector<T>{} : at.get(partial + t.cols + c);
            at.put(partial + c, fma(d, away * splat<T>(inverse), product));
            at.put(partial + t.cols + c, sum + d);
        }
        if (!dx) return;
        const Vector<T> g = t.gamma ? d * at.get(t.gamma + c) : d;
        at.put(dx + c, (g - fma(away, splat<T>(slope), splat<T>(offset))) * splat<T>(inverse));
    }
};
/// One chunk of rows: dx, and the chunk's sums of dy (x - mean) / deviation and of dy.
template <class T> void layer_backward(const LayerTask<T>& t, Index first, Index last) {
    T* partial = t.partials ? t.partials + first / t.chunk * 2 * t.cols : nullptr;
    for (Index r = first; r < last; ++r) {
        const T *dy = t.dy + r * t.cols, *x = t.x + r * t.cols;
        const T mean = t.statistics[2 * r], inverse = t.statistics[2 * r + 1];
        T offset = 0, slope = 0;
        if (t.dx) {
            offset = reduce_row<T>(t.cols, T(0), SlopeStep<T>{dy, t.gamma, nullptr, T(0)}, Add{}) / T(t.cols);
            slope =
                reduce_row<T>(t.cols, T(0), SlopeStep<T>{dy, t.gamma, x, mean}, Add{}) / T(t.cols) * inverse * inverse;
        }
        each_columns<T>(0, t.cols,
                        LayerGradientRow<T>{t, t.dx ? t.dx + r * t.cols : nullptr, partial, dy, x, mean, inverse,
                                            offset, slope, r == first});
    }
}

template <class T> struct AddChunks {
    const LayerTask<T>& t;
    template <class A> GRADUS_REGION_INLINE void operator()(Index c, A at) const {
        const Index stride = 2 * t.cols;
        if (t.dgamma) at.put(t.dgamma + c, at.get(t.dgamma + c) + sum_chunks<T>(t.partials + c, t.chunks, stride, at));
        if (t.dbeta)
            at.put(t.dbeta + c, at.get(t.dbeta + c) + sum_chunks<T>(t.partials + t.cols + c, t.chunks, stride, at));
    }
};
template <class T> void layer_gradients(const LayerTask<T>& t, Index first, Index last) {
    each_columns<T>(first, last, AddChunks<T>{t});
}

template <class T>
inline constexpr LayerTable<T> layer_table = {&layer_forward<T>, &layer_backward<T>, &layer_gradients<T>};

#endif

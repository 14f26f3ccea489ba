/// Batch normalisation (statistics of columns over rows) and layer normalisation (statistics of each row).
///
/// Statistics are means and sums of squared distances from them, in chunks of rows whose size follows from the shape;
/// chunks are merged in order. So columns far from zero keep their digits, and bits do not depend on threads.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/reduce.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/elementwise.hpp>

#include <algorithm>

GRADUS_BEGIN
namespace kernels {

/// x [rows, cols] and what both directions of its batch normalisation read.
template <class T> struct BatchNorm {
    Index rows = 0, cols = 0;
    const T *gamma = nullptr, *beta = nullptr; ///< [cols]; null: 1 and 0
    const std::uint8_t* mask = nullptr; ///< [rows / span]; a step of 0 does not count in statistics; null: all count
    Index span = 1;                     ///< rows of a step
    T epsilon = T(1e-3);
    bool batch = true; ///< statistics of x; false: the moving ones
};

namespace detail {

/// What the region's functions work on: rows or columns [first, last).
template <class T> struct BatchTask {
    Index rows, cols, chunk, chunks;
    const T *x, *dy, *gamma, *beta;
    T *y, *dx, *dgamma, *dbeta;
    T *mean, *inverse, *moving_mean, *moving_variance;
    T *partials, *counts, *scale, *offset, *slope;
    const std::uint8_t* mask;
    Index span;
    T momentum, rest, epsilon, total;
    bool batch, sums;
};
template <class T> struct LayerTask {
    Index rows, cols, chunk, chunks;
    const T *x, *dy, *gamma, *beta;
    T *y, *dx, *dgamma, *dbeta, *statistics, *partials;
    T epsilon;
};
template <class T> struct BatchTable {
    void (*moments)(const BatchTask<T>& t, Index first, Index last);
    void (*statistics)(const BatchTask<T>& t, Index first, Index last);
    void (*normalize)(const BatchTask<T>& t, Index first, Index last);
    void (*gradient_sums)(const BatchTask<T>& t, Index first, Index last);
    void (*gradients)(const BatchTask<T>& t, Index first, Index last);
    void (*gradient)(const BatchTask<T>& t, Index first, Index last);
};
template <class T> struct LayerTable {
    void (*forward)(const LayerTask<T>& t, Index first, Index last);
    void (*backward)(const LayerTask<T>& t, Index first, Index last);
    void (*gradients)(const LayerTask<T>& t, Index first, Index last);
};

/// Rows whose statistics are computed together: about 32768 elements.
constexpr Index norm_chunk(Index cols) { return std::clamp<Index>(32768 / std::max<Index>(1, cols), 32, 4096); }
constexpr Index norm_chunks(Index rows, Index cols) { return cell_count(0, rows, norm_chunk(cols)); }
/// Columns in a cell of the work that merges chunks.
constexpr Index merge_grain(Index chunks, Index cols) {
    return chunks * cols <= 65536 ? std::max<Index>(1, cols) : 256;
}

inline Index steps_in(const std::uint8_t* mask, Index rows, Index span) {
    return mask ? span * (rows / span - std::count(mask, mask + rows / span, std::uint8_t{0})) : rows;
}

} // namespace detail

/// Elements of T that both normalisations need as workspace; grows with the rows.
constexpr Index normalization_workspace(Index rows, Index cols) {
    const Index chunks = detail::norm_chunks(rows, cols);
    return chunks * (2 * cols + 1) + 3 * cols;
}

} // namespace kernels
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/normalization_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void batch_normalization_forward(T* y, T* statistics, T* moving_mean, T* moving_variance, const T* x,
                                                    const BatchNorm<T>& n, double momentum, T*) {
    auto mean = array(statistics, n.cols), inverse = array(statistics + n.cols, n.cols);
    auto old_mean = array(moving_mean, n.cols), old_variance = array(moving_variance, n.cols);
    const auto row = [&](Index r) { return array(x + r * n.cols, n.cols); };
    const auto counts = [&](Index r) { return !n.mask || n.mask[r / n.span]; };
    if (n.batch) {
        const Index count = detail::steps_in(n.mask, n.rows, n.span);
        mean.setZero();
        for (int pass = 0; pass < 2; ++pass) { // the second one corrects the first
            inverse.setZero();
            for (Index r = 0; r < n.rows; ++r)
                if (counts(r)) inverse += (row(r) - mean) / T(count);
            mean += inverse;
        }
        inverse.setZero();
        for (Index r = 0; r < n.rows; ++r)
            if (counts(r)) inverse += (row(r) - mean).square() / T(count);
        if (count > 0) {
            old_mean = old_mean * T(momentum) + mean * T(1 - momentum);
            old_variance = old_variance * T(momentum) + inverse * T(1 - momentum);
        }
    } else {
        mean = old_mean;
        inverse = old_variance;
    }
    inverse = (inverse + n.epsilon).sqrt().inverse();
    for (Index r = 0; r < n.rows; ++r) {
        auto to = array(y + r * n.cols, n.cols);
        to = (row(r) - mean) * inverse;
        if (n.gamma) to *= array(n.gamma, n.cols);
        if (n.beta) to += array(n.beta, n.cols);
    }
}

template <class T> void batch_normalization_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x,
                                                     const T* statistics, const BatchNorm<T>& n, T* workspace) {
    const auto mean = array(statistics, n.cols), inverse = array(statistics + n.cols, n.cols);
    auto product = array(workspace, n.cols), sum = array(workspace + n.cols, n.cols);
    product.setZero();
    sum.setZero();
    for (Index r = 0; r < n.rows; ++r) {
        product += array(dy + r * n.cols, n.cols) * (array(x + r * n.cols, n.cols) - mean) * inverse;
        sum += array(dy + r * n.cols, n.cols);
    }
    if (dgamma) array(dgamma, n.cols) += product;
    if (dbeta) array(dbeta, n.cols) += sum;
    const T count = T(detail::steps_in(n.mask, n.rows, n.span));
    for (Index r = 0; dx && r < n.rows; ++r) {
        auto to = array(dx + r * n.cols, n.cols);
        to = array(dy + r * n.cols, n.cols);
        if (n.batch && (!n.mask || n.mask[r / n.span]))
            to -= (sum + (array(x + r * n.cols, n.cols) - mean) * inverse * product) / count;
        to *= inverse;
        if (n.gamma) to *= array(n.gamma, n.cols);
    }
}

template <class T> void layer_normalization_forward(T* y, T* statistics, const T* x, const T* gamma, const T* beta,
                                                    Index rows, Index cols, T epsilon) {
    for (Index r = 0; r < rows && cols > 0; ++r) {
        const auto from = array(x + r * cols, cols);
        auto to = array(y + r * cols, cols);
        const T mean = from.mean(), inverse = 1 / std::sqrt((from - mean).square().mean() + epsilon);
        to = (from - mean) * inverse;
        if (gamma) to *= array(gamma, cols);
        if (beta) to += array(beta, cols);
        if (!statistics) continue;
        statistics[2 * r] = mean;
        statistics[2 * r + 1] = inverse;
    }
}

template <class T> void layer_normalization_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x,
                                                     const T* statistics, const T* gamma, Index rows, Index cols, T*) {
    for (Index r = 0; r < rows && cols > 0; ++r) {
        const T mean = statistics[2 * r], inverse = statistics[2 * r + 1];
        const auto d = array(dy + r * cols, cols), from = array(x + r * cols, cols);
        if (dgamma) array(dgamma, cols) += d * (from - mean) * inverse;
        if (dbeta) array(dbeta, cols) += d;
        if (!dx) continue;
        auto to = array(dx + r * cols, cols);
        if (gamma)
            to = d * array(gamma, cols);
        else
            to = d;
        const T sum = to.mean(), product = (to * (from - mean) * inverse).mean();
        to = (to - sum - (from - mean) * inverse * product) * inverse;
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::batch_normalization_backward;
using ref::batch_normalization_forward;
using ref::layer_normalization_backward;
using ref::layer_normalization_forward;

#else

/// y = gamma (x - m) / sqrt(v + epsilon) + beta; m and v are, with `batch`, mean and (biased) variance of each column
/// over the rows that count, which the moving ones then approach: moving = momentum moving + (1 - momentum) m; without
/// it they are the moving ones. Where no row counts, m and v are 0 and the moving ones stay. `statistics` [2, cols]
/// receives m and 1 / sqrt(v + epsilon). y may be x. The value of a row that does not count is not read for statistics:
/// a NaN there stays there.
template <class T> void batch_normalization_forward(T* y, T* statistics, T* moving_mean, T* moving_variance, const T* x,
                                                    const BatchNorm<T>& n, double momentum, T* workspace) {
    const auto& table = GRADUS_DISPATCH(batch_table<T>);
    detail::BatchTask<T> t{};
    t.rows = n.rows;
    t.cols = n.cols;
    t.chunk = detail::norm_chunk(n.cols);
    t.chunks = n.batch ? detail::norm_chunks(n.rows, n.cols) : 0;
    t.x = x;
    t.y = y;
    t.gamma = n.gamma;
    t.beta = n.beta;
    t.mean = statistics;
    t.inverse = statistics + n.cols;
    t.moving_mean = moving_mean;
    t.moving_variance = moving_variance;
    t.scale = workspace;
    t.offset = workspace + n.cols;
    t.partials = workspace + 3 * n.cols;
    t.counts = t.partials + 2 * n.cols * t.chunks;
    t.mask = n.mask;
    t.span = n.span;
    t.momentum = T(momentum);
    t.rest = T(1 - momentum);
    t.epsilon = n.epsilon;
    t.batch = n.batch;
    if (n.batch) parallel_for(0, n.rows, t.chunk, [&](Index first, Index last) { table.moments(t, first, last); });
    parallel_for(0, n.cols, detail::merge_grain(t.chunks, n.cols),
                 [&](Index c, Index end) { table.statistics(t, c, end); });
    parallel_for(0, n.rows, t.chunk, [&](Index first, Index last) { table.normalize(t, first, last); });
}

/// From the statistics of forward: dgamma += sum of dy (x - m) / sqrt(v + epsilon), dbeta += sum of dy, and dx, where m
/// and v depend on x with `batch`. dx may be dy; null outputs are left out.
template <class T> void batch_normalization_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x,
                                                     const T* statistics, const BatchNorm<T>& n, T* workspace) {
    const auto& table = GRADUS_DISPATCH(batch_table<T>);
    detail::BatchTask<T> t{};
    t.rows = n.rows;
    t.cols = n.cols;
    t.chunk = detail::norm_chunk(n.cols);
    t.chunks = detail::norm_chunks(n.rows, n.cols);
    t.x = x;
    t.dy = dy;
    t.dx = dx;
    t.dgamma = dgamma;
    t.dbeta = dbeta;
    t.gamma = n.gamma;
    t.mean = const_cast<T*>(statistics);
    t.inverse = t.mean + n.cols;
    t.scale = workspace;
    t.offset = workspace + n.cols;
    t.slope = workspace + 2 * n.cols;
    t.partials = workspace + 3 * n.cols;
    t.mask = n.mask;
    t.span = n.span;
    t.batch = n.batch;
    t.total = T(detail::steps_in(n.mask, n.rows, n.span));
    t.sums = dgamma || dbeta || n.batch;
    if (t.sums) parallel_for(0, n.rows, t.chunk, [&](Index first, Index last) { table.gradient_sums(t, first, last); });
    parallel_for(0, n.cols, detail::merge_grain(t.chunks, n.cols),
                 [&](Index c, Index end) { table.gradients(t, c, end); });
    if (dx) parallel_for(0, n.rows, t.chunk, [&](Index first, Index last) { table.gradient(t, first, last); });
}

/// y = gamma (x - m) / sqrt(v + epsilon) + beta, m and v being mean and (biased) variance of each row. `statistics`
/// [rows, 2], where it is not null, receives m and 1 / sqrt(v + epsilon). gamma and beta [cols] may be null: 1 and 0. y
/// may be x.
template <class T> void layer_normalization_forward(T* y, T* statistics, const T* x, const T* gamma, const T* beta,
                                                    Index rows, Index cols, T epsilon) {
    const auto& table = GRADUS_DISPATCH(layer_table<T>);
    detail::LayerTask<T> t{};
    t.cols = cols;
    t.x = x;
    t.y = y;
    t.gamma = gamma;
    t.beta = beta;
    t.statistics = statistics;
    t.epsilon = epsilon;
    parallel_for(0, cols > 0 ? rows : 0, detail::norm_chunk(cols),
                 [&](Index first, Index last) { table.forward(t, first, last); });
}

/// From the statistics of forward: dgamma += sum over rows of dy (x - m) / sqrt(v + epsilon), dbeta += sum of dy, and
/// dx. dx may be dy; null outputs are left out.
template <class T> void layer_normalization_backward(T* dx, T* dgamma, T* dbeta, const T* dy, const T* x,
                                                     const T* statistics, const T* gamma, Index rows, Index cols,
                                                     T* workspace) {
    const auto& table = GRADUS_DISPATCH(layer_table<T>);
    detail::LayerTask<T> t{};
    t.cols = cols;
    t.chunk = detail::norm_chunk(cols);
    t.chunks = detail::norm_chunks(rows, cols);
    t.x = x;
    t.dy = dy;
    t.dx = dx;
    t.dgamma = dgamma;
    t.dbeta = dbeta;
    t.gamma = gamma;
    t.statistics = const_cast<T*>(statistics);
    t.partials = dgamma || dbeta ? workspace : nullptr;
    parallel_for(0, cols > 0 ? rows : 0, t.chunk, [&](Index first, Index last) { table.backward(t, first, last); });
    if (t.partials)
        parallel_for(0, cols, detail::merge_grain(t.chunks, cols),
                     [&](Index c, Index end) { table.gradients(t, c, end); });
}

#endif

} // namespace kernels
GRADUS_END

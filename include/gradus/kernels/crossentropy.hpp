/// Binary, categorical and sparse categorical cross-entropy: the loss of each sample, and its gradient.
///
/// `smoothing` s makes a target t (1 - s) t + s / C, C = 2 for binary ones, as Keras's label_smoothing. Losses are
/// neither averaged nor weighted; gradients are of the single sample's loss. `dp` may be null, and may be p's memory
/// (the targets' not). Labels outside [0, C) give a loss of NaN; data are checked where they enter.
#pragma once
#include <gradus/kernels/softmax.hpp>

#include <cmath>
#include <limits>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct BinaryCrossentropyTable {
    void (*probabilities)(T* loss, T* dp, const T* p, const T* target, Index n, T epsilon, T smoothing);
    void (*logits)(T* loss, T* dz, const T* z, const T* target, Index n, T smoothing);
    void (*outputs)(T* loss, T* dz, const T* p, const T* target, Index n, T epsilon, T smoothing);
};

template <class T> struct CategoricalCrossentropyTable {
    void (*probabilities)(T* loss, T* dp, const T* p, const T* target, Index rows, Index classes, T epsilon,
                          T smoothing, bool below_softmax);
    void (*logits)(T* loss, T* dz, const T* z, const T* target, Index rows, Index classes, T smoothing);
};

template <class T> struct SparseCrossentropyTable {
    using Labels = const std::int32_t;
    void (*probabilities)(T* loss, T* dp, const T* p, Labels* target, Index rows, Index classes, T epsilon);
    void (*logits)(T* loss, T* dz, const T* z, Labels* target, Index rows, Index classes);
    void (*outputs)(T* loss, T* dz, const T* p, Labels* target, Index rows, Index classes, T epsilon);
};

inline constexpr Index crossentropy_grain = 4096;

} // namespace kernels::detail
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/crossentropy_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T> void binary_crossentropy(T* loss, T* dp, const T* p, const T* target, Index n, bool from_logits,
                                            T epsilon = T(1e-7), T smoothing = 0) {
    for (Index i = 0; i < n; ++i) {
        const T x = p[i], t = target[i] * (1 - smoothing) + smoothing / 2;
        if (from_logits) {
            loss[i] = (x > 0 ? x : T(0)) - x * t + std::log1p(std::exp(-std::abs(x))) + (x - x);
            if (dp) dp[i] = (x >= 0 ? T(1) : std::exp(x)) / (1 + std::exp(-std::abs(x))) - t;
        } else {
            const T q = x < epsilon ? epsilon : x > 1 - epsilon ? 1 - epsilon : x;
            loss[i] = -(t * std::log(q) + (1 - t) * std::log(1 - q));
            if (dp) dp[i] = q < x || q > x ? T(0) : (q - t) / (q * (1 - q));
        }
    }
}

template <class T> void sigmoid_binary_crossentropy(T* loss, T* dz, const T* p, const T* target, Index n,
                                                    T epsilon = T(1e-7), T smoothing = 0) {
    for (Index i = 0; i < n; ++i) {
        const T x = p[i], t = target[i] * (1 - smoothing) + smoothing / 2;
        const T q = x < epsilon ? epsilon : x > 1 - epsilon ? 1 - epsilon : x;
        loss[i] = -(t * std::log(q) + (1 - t) * std::log(1 - q));
        if (dz) dz[i] = x - t;
    }
}

template <class T> void sparse_categorical_crossentropy(T* loss, T* dp, const T* p, const std::int32_t* target,
                                                        Index rows, Index classes, bool from_logits,
                                                        T epsilon = T(1e-7)) {
    for (Index r = 0; r < rows; ++r) {
        const Index t = target[r];
        const bool valid = t >= 0 && t < classes;
        const auto x = array(p + r * classes, classes);
        if (from_logits) {
            const T at = valid ? x[t] : std::numeric_limits<T>::quiet_NaN(), shift = classes > 0 ? x.maxCoeff() : T(0);
            T total = 0;
            for (Index c = 0; c < classes; ++c) total += std::exp(x[c] - shift);
            loss[r] = std::log(total) - (at - shift);
            if (dp) {
                auto d = array(dp + r * classes, classes);
                for (Index c = 0; c < classes; ++c) d[c] = std::exp(x[c] - shift) / total;
                if (valid) d[t] -= 1;
            }
        } else {
            const T total = x.sum(), at = valid ? x[t] : std::numeric_limits<T>::quiet_NaN(), q = at / total;
            const bool clipped = q < epsilon || q > 1 - epsilon;
            loss[r] = -std::log(q < epsilon ? epsilon : q > 1 - epsilon ? 1 - epsilon : q);
            if (dp) {
                auto d = array(dp + r * classes, classes);
                d.setConstant(valid && !clipped ? 1 / total : T(0));
                if (valid && !clipped) d[t] -= 1 / at;
            }
        }
    }
}

template <class T> void softmax_sparse_crossentropy(T* loss, T* dz, const T* p, const std::int32_t* target, Index rows,
                                                    Index classes, T epsilon = T(1e-7)) {
    for (Index r = 0; r < rows; ++r) {
        const Index t = target[r];
        const bool valid = t >= 0 && t < classes;
        const T q = valid ? p[r * classes + t] : std::numeric_limits<T>::quiet_NaN();
        loss[r] = -std::log(q < epsilon ? epsilon : q);
        if (!dz) continue;
        for (Index c = 0; c < classes; ++c) dz[r * classes + c] = p[r * classes + c] - (valid && c == t ? T(1) : T(0));
    }
}

template <class T> void categorical_crossentropy(T* loss, T* dp, const T* p, const T* target, Index rows, Index classes,
                                                 bool from_logits, T epsilon = T(1e-7), T smoothing = 0) {
    for (Index r = 0; r < rows; ++r) {
        const auto x = array(p + r * classes, classes);
        const ArrayOf<T> t = array(target + r * classes, classes) * (1 - smoothing) + smoothing / T(classes);
        T value = 0, total = 0, weight = 0;
        if (from_logits) {
            const T shift = x.maxCoeff();
            for (Index c = 0; c < classes; ++c) total += std::exp(x[c] - shift);
            for (Index c = 0; c < classes; ++c) value += t[c] == 0 ? T(0) : t[c] * (std::log(total) - (x[c] - shift));
            if (dp)
                for (Index c = 0; c < classes; ++c)
                    dp[r * classes + c] = t.sum() * (std::exp(x[c] - shift) / total) - t[c];
        } else {
            total = x.sum();
            const auto clipped = [&](Index c) { return x[c] / total < epsilon || x[c] / total > 1 - epsilon; };
            for (Index c = 0; c < classes; ++c) {
                const T q = x[c] / total;
                value -= t[c] * std::log(q < epsilon ? epsilon : q > 1 - epsilon ? 1 - epsilon : q);
                weight += clipped(c) ? T(0) : t[c];
            }
            for (Index c = 0; c < classes && dp; ++c)
                dp[r * classes + c] = weight / total - (clipped(c) ? T(0) : t[c] / x[c]);
        }
        loss[r] = value;
    }
}

template <class T> void softmax_categorical_crossentropy(T* loss, T* dz, const T* p, const T* target, Index rows,
                                                         Index classes, T epsilon = T(1e-7), T smoothing = 0) {
    for (Index r = 0; r < rows; ++r) {
        const auto x = array(p + r * classes, classes);
        const ArrayOf<T> t = array(target + r * classes, classes) * (1 - smoothing) + smoothing / T(classes);
        T value = 0;
        for (Index c = 0; c < classes; ++c) value -= t[c] * std::log(x[c] < epsilon ? epsilon : x[c]);
        loss[r] = value;
        if (dz) array(dz + r * classes, classes) = x * t.sum() - t;
    }
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::binary_crossentropy;
using ref::categorical_crossentropy;
using ref::sigmoid_binary_crossentropy;
using ref::softmax_categorical_crossentropy;
using ref::softmax_sparse_crossentropy;
using ref::sparse_categorical_crossentropy;

#else

/// From probabilities, as Keras: q = p clipped to [epsilon, 1 - epsilon], loss = -t log q - (1 - t) log(1 - q),
/// dp = (q - t) / (q (1 - q)), and zero where p was clipped. From logits z: loss = max(z, 0) - z t + log(1 +
/// exp(-|z|)), dz = sigmoid(z) - t. loss, dp, p, target [n]; targets may be any numbers in [0, 1].
template <class T> void binary_crossentropy(T* loss, T* dp, const T* p, const T* target, Index n, bool from_logits,
                                            T epsilon = T(1e-7), T smoothing = 0) {
    const auto& table = GRADUS_DISPATCH(binary_crossentropy_table<T>);
    parallel_for(0, n, detail::crossentropy_grain, [&](Index i, Index end) {
        T* const d = dp ? dp + i : nullptr;
        if (from_logits)
            table.logits(loss + i, d, p + i, target + i, end - i, smoothing);
        else
            table.probabilities(loss + i, d, p + i, target + i, end - i, epsilon, smoothing);
    });
}

/// The same loss of p = sigmoid(z), clipped, with the gradient below the sigmoid, which never vanishes: dz = p - t.
template <class T> void sigmoid_binary_crossentropy(T* loss, T* dz, const T* p, const T* target, Index n,
                                                    T epsilon = T(1e-7), T smoothing = 0) {
    const auto& table = GRADUS_DISPATCH(binary_crossentropy_table<T>);
    parallel_for(0, n, detail::crossentropy_grain, [&](Index i, Index end) {
        table.outputs(loss + i, dz ? dz + i : nullptr, p + i, target + i, end - i, epsilon, smoothing);
    });
}

/// From probabilities, as Keras: q = p[r, t] / s with s the row's sum, clipped to [epsilon, 1 - epsilon], loss = -log
/// q, dp[r, c] = 1/s - [c = t] / p[r, t], and zero where q was clipped. From logits z: loss = log sum exp z - z[t], dz
/// = softmax(z) - [c = t]. loss [rows], dp and p [rows, C], target [rows].
template <class T> void sparse_categorical_crossentropy(T* loss, T* dp, const T* p, const std::int32_t* target,
                                                        Index rows, Index classes, bool from_logits,
                                                        T epsilon = T(1e-7)) {
    const auto& table = GRADUS_DISPATCH(sparse_crossentropy_table<T>);
    parallel_for(0, rows, detail::row_grain(classes), [&](Index r, Index end) {
        T* const d = dp ? dp + r * classes : nullptr;
        if (from_logits)
            table.logits(loss + r, d, p + r * classes, target + r, end - r, classes);
        else
            table.probabilities(loss + r, d, p + r * classes, target + r, end - r, classes, epsilon);
    });
}

/// The loss -log max(p[r, t], epsilon) of p = softmax(z), with the gradient below the softmax: dz = p - [c = t].
template <class T> void softmax_sparse_crossentropy(T* loss, T* dz, const T* p, const std::int32_t* target, Index rows,
                                                    Index classes, T epsilon = T(1e-7)) {
    const auto& table = GRADUS_DISPATCH(sparse_crossentropy_table<T>);
    parallel_for(0, rows, detail::row_grain(classes), [&](Index r, Index end) {
        table.outputs(loss + r, dz ? dz + r * classes : nullptr, p + r * classes, target + r, end - r, classes,
                      epsilon);
    });
}

/// From probabilities, as Keras: q = p[r, c] / s with s the row's sum, clipped to [epsilon, 1 - epsilon], loss = -sum
/// over c of t log q, with the derivative of just that, q being constant where it was clipped. From logits z: loss =
/// sum over c of t (log sum exp z - z[c]), dz = softmax(z) sum of t - t; a class of target 0 may have a logit of
/// -infinity. loss [rows], dp, p and target [rows, C].
template <class T> void categorical_crossentropy(T* loss, T* dp, const T* p, const T* target, Index rows, Index classes,
                                                 bool from_logits, T epsilon = T(1e-7), T smoothing = 0) {
    const auto& table = GRADUS_DISPATCH(categorical_crossentropy_table<T>);
    parallel_for(0, rows, detail::row_grain(classes), [&](Index r, Index end) {
        const Index i = r * classes;
        T* const d = dp ? dp + i : nullptr;
        if (from_logits)
            table.logits(loss + r, d, p + i, target + i, end - r, classes, smoothing);
        else
            table.probabilities(loss + r, d, p + i, target + i, end - r, classes, epsilon, smoothing, false);
    });
}

/// The loss -sum over c of t log max(p, epsilon) of p = softmax(z), with the gradient below the softmax: dz = p sum of
/// t - t.
template <class T> void softmax_categorical_crossentropy(T* loss, T* dz, const T* p, const T* target, Index rows,
                                                         Index classes, T epsilon = T(1e-7), T smoothing = 0) {
    const auto& table = GRADUS_DISPATCH(categorical_crossentropy_table<T>);
    parallel_for(0, rows, detail::row_grain(classes), [&](Index r, Index end) {
        const Index i = r * classes;
        table.probabilities(loss + r, dz ? dz + i : nullptr, p + i, target + i, end - r, classes, epsilon, smoothing,
                            true);
    });
}

#endif

} // namespace kernels
GRADUS_END

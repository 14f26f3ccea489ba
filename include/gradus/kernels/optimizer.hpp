/// One update of a block of parameters: SGD, with or without momentum, Adam and RMSprop.
///
/// Where a gradient may be null it is zero, and the bits are those of a gradient of zeros. A parameter whose gradient
/// is sparse by rows is updated in all rows, with the bits of the dense update. Moments that become denormal are set to
/// zero: they are far below what reaches a parameter, and rows that are no longer used would carry them, slowly, for
/// ever; Adam's first moment already below 2^-100 (double: 2^-900), or the learning rate would make it one: a unit that
/// no longer has gradients slowed some sixty steps on its way there. To Adam and RMSprop a gradient whose square would
/// be denormal (below 2^-63; double: 2^-511) is zero.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/simd.hpp>
#include <gradus/kernels/detail/vanishing.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

GRADUS_BEGIN
namespace kernels {

/// The scalars of one Adam step; adam_step makes them.
template <class T> struct AdamStep {
    T rate = 0;            ///< learning rate * sqrt(1 - beta2^t) / (1 - beta1^t)
    T one_minus_beta1 = 0; ///< computed in double and rounded: in float 1 - 0.999 is off by 1e-5
    T one_minus_beta2 = 0;
    T epsilon = 0;
    T decay = 0; ///< learning rate * decoupled weight decay
};

/// What a velocity holds, and how it moves the parameters.
enum class MomentumForm { classical, nesterov, averaged };

/// The scalars of one step with momentum.
template <class T> struct MomentumStep {
    T rate = 0;
    T momentum = 0;
    MomentumForm form = MomentumForm::classical;
    T one_minus_momentum = 0; ///< of the averaged form
};

/// The scalars of one RMSprop step.
template <class T> struct RmspropStep {
    T rate = 0;
    T one_minus_rho = 0;
    T momentum = 0;
    T epsilon = 0;
};

namespace detail {

template <class T> struct OptimizerTable {
    AdamStep<T> (*adam_step)(double rate, double beta1, double beta2, double epsilon, Index t, double decay);
    void (*adam)(T* w, T* m, T* v, const T* g, AdamStep<T> s, Index n);
    void (*adam_rows)(T* w, T* m, T* v, const T* drows, const std::int32_t* rows, Index count, AdamStep<T> s,
                      Index first, Index last, Index dim);
    void (*sgd)(T* w, const T* g, T rate, Index n);
    void (*momentum)(T* w, T* velocity, const T* g, MomentumStep<T> s, Index n);
    void (*momentum_rows)(T* w, T* velocity, const T* drows, const std::int32_t* rows, Index count, MomentumStep<T> s,
                          Index first, Index last, Index dim);
};

template <class T> struct RmspropTable {
    void (*rmsprop)(T* w, T* v, T* velocity, T* mean, const T* g, RmspropStep<T> s, Index n);
    void (*rmsprop_rows)(T* w, T* v, T* velocity, T* mean, const T* drows, const std::int32_t* rows, Index count,
                         RmspropStep<T> s, Index first, Index last, Index dim);
};

inline constexpr Index optimizer_grain = 16384;
constexpr Index optimizer_grain_rows(Index dim) {
    return std::max<Index>(1, optimizer_grain / std::max<Index>(1, dim));
}

} // namespace detail
} // namespace kernels
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/optimizer_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

namespace ref {

template <class T>
AdamStep<T> adam_step(double rate, double beta1, double beta2, double epsilon, Index t, double decay = 0) {
    const double power = static_cast<double>(t);
    const double correction = std::sqrt(1 - std::pow(beta2, power)) / (1 - std::pow(beta1, power));
    return {T(rate * correction), T(1 - beta1), T(1 - beta2), T(epsilon), T(rate * decay)};
}

/// x, or zero where x is denormal.
template <class T> T without_denormals(T x) { return zero_below(x, std::numeric_limits<T>::min()); }

template <class T> void adam_update(T* w, T* m, T* v, const T* g, AdamStep<T> s, Index n) {
    for (Index i = 0; i < n; ++i) {
        const T gradient = g ? zero_below(g[i], detail::least_squared_gradient<T>) : T(0);
        m[i] = zero_below(m[i] + (gradient - m[i]) * s.one_minus_beta1, detail::least_moment<T>);
        v[i] = without_denormals(v[i] + (gradient * gradient - v[i]) * s.one_minus_beta2);
        if (s.decay != 0) w[i] -= w[i] * s.decay;
        w[i] -= m[i] * s.rate / (std::sqrt(v[i]) + s.epsilon);
    }
}

template <class T> void sgd_update(T* w, const T* g, T rate, Index n) { array(w, n) -= rate * array(g, n); }

template <class T> void momentum_update(T* w, T* velocity, const T* g, MomentumStep<T> s, Index n) {
    for (Index i = 0; i < n; ++i) {
        const T gradient = g ? g[i] : T(0);
        if (s.form == MomentumForm::averaged) {
            velocity[i] = without_denormals(velocity[i] + (gradient - velocity[i]) * s.one_minus_momentum);
            w[i] -= s.rate * velocity[i];
        } else {
            const T step = s.rate * gradient;
            velocity[i] = without_denormals(s.momentum * velocity[i] - step);
            w[i] += s.form == MomentumForm::nesterov ? s.momentum * velocity[i] - step : velocity[i];
        }
    }
}

template <class T> void rmsprop_update(T* w, T* v, T* velocity, T* mean, const T* g, RmspropStep<T> s, Index n) {
    for (Index i = 0; i < n; ++i) {
        const T gradient = g ? zero_below(g[i], detail::least_squared_gradient<T>) : T(0);
        v[i] = without_denormals(v[i] + (gradient * gradient - v[i]) * s.one_minus_rho);
        T variance = v[i];
        if (mean) {
            mean[i] = without_denormals(mean[i] + (gradient - mean[i]) * s.one_minus_rho);
            variance -= mean[i] * mean[i];
            if (variance < 0) variance = 0;
        }
        const T step = s.rate * gradient / std::sqrt(variance + s.epsilon);
        if (velocity) velocity[i] = without_denormals(s.momentum * velocity[i] + step);
        w[i] -= velocity ? velocity[i] : step;
    }
}

/// update(offset, gradient or null) for each row of a parameter [vocabulary, dim].
template <class T, class Update>
void each_row(const T* drows, const std::int32_t* rows, Index count, Index vocabulary, Index dim, Update update) {
    for (Index r = 0, at = 0; r < vocabulary; ++r) {
        const bool has = at < count && rows[at] == r;
        update(r * dim, has ? drows + at * dim : nullptr);
        at += has;
    }
}

} // namespace ref

/// The scalars of Adam's step t = 1, 2, ...: computed in double, with the same bits from every compiler and on every
/// set. `decay` is the decoupled weight decay.
template <class T>
AdamStep<T> adam_step(double rate, double beta1, double beta2, double epsilon, Index t, double decay = 0) {
#if GRADUS_EIGEN_KERNELS
    return ref::adam_step<T>(rate, beta1, beta2, epsilon, t, decay);
#else
    return GRADUS_DISPATCH(optimizer_table<T>).adam_step(rate, beta1, beta2, epsilon, t, decay);
#endif
}

/// Kingma and Ba 2015 in Keras's form, epsilon added to the square root before its correction (PyTorch: after):
///
///     m += (g - m)(1 - beta1);   v += (g^2 - v)(1 - beta2);   w -= decay w;   w -= rate m / (sqrt(v) + epsilon)
///
/// All [n]; g may be null: zero.
template <class T> void adam_update(T* w, T* m, T* v, const T* g, AdamStep<T> s, Index n) {
#if GRADUS_EIGEN_KERNELS
    ref::adam_update(w, m, v, g, s, n);
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, n, detail::optimizer_grain,
                 [&](Index i, Index end) { kernels.adam(w + i, m + i, v + i, g ? g + i : nullptr, s, end - i); });
#endif
}

/// adam_update of w, m, v [V, dim] whose gradient is drows [count, dim] in the ascending `rows` [count] and zero
/// elsewhere.
template <class T> void adam_update_rows(T* w, T* m, T* v, const T* drows, const std::int32_t* rows, Index count,
                                         AdamStep<T> s, Index vocabulary, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::each_row(drows, rows, count, vocabulary, dim,
                  [&](Index at, const T* g) { ref::adam_update(w + at, m + at, v + at, g, s, dim); });
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, dim > 0 ? vocabulary : 0, detail::optimizer_grain_rows(dim),
                 [&](Index first, Index last) { kernels.adam_rows(w, m, v, drows, rows, count, s, first, last, dim); });
#endif
}

/// w -= rate g. All [n].
template <class T> void sgd_update(T* w, const T* g, T rate, Index n) {
#if GRADUS_EIGEN_KERNELS
    ref::sgd_update(w, g, rate, n);
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, n, detail::optimizer_grain, [&](Index i, Index end) { kernels.sgd(w + i, g + i, rate, end - i); });
#endif
}

/// sgd_update of the rows of w [V, dim] that have a gradient, drows [count, dim].
template <class T>
void sgd_update_rows(T* w, const T* drows, const std::int32_t* rows, Index count, T rate, Index dim) {
#if GRADUS_EIGEN_KERNELS
    for (Index r = 0; r < count; ++r) ref::sgd_update(w + rows[r] * dim, drows + r * dim, rate, dim);
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, count, detail::optimizer_grain_rows(dim), [&](Index first, Index last) {
        for (Index r = first; r < last; ++r) kernels.sgd(w + rows[r] * dim, drows + r * dim, rate, dim);
    });
#endif
}

/// velocity = momentum velocity - rate g;   w += velocity, or with Nesterov w += momentum velocity - rate g. As Keras;
/// PyTorch keeps the velocity without the rate. Averaged: velocity += (g - velocity)(1 - momentum);   w -= rate
/// velocity. All [n]; g may be null: zero.
template <class T> void momentum_update(T* w, T* velocity, const T* g, MomentumStep<T> s, Index n) {
#if GRADUS_EIGEN_KERNELS
    ref::momentum_update(w, velocity, g, s, n);
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, n, detail::optimizer_grain,
                 [&](Index i, Index end) { kernels.momentum(w + i, velocity + i, g ? g + i : nullptr, s, end - i); });
#endif
}

/// momentum_update of w and velocity [V, dim] whose gradient is drows [count, dim] in the ascending `rows` and zero
/// elsewhere.
template <class T> void momentum_update_rows(T* w, T* velocity, const T* drows, const std::int32_t* rows, Index count,
                                             MomentumStep<T> s, Index vocabulary, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::each_row(drows, rows, count, vocabulary, dim,
                  [&](Index at, const T* g) { ref::momentum_update(w + at, velocity + at, g, s, dim); });
#else
    const auto& kernels = GRADUS_DISPATCH(optimizer_table<T>);
    parallel_for(0, dim > 0 ? vocabulary : 0, detail::optimizer_grain_rows(dim), [&](Index first, Index last) {
        kernels.momentum_rows(w, velocity, drows, rows, count, s, first, last, dim);
    });
#endif
}

/// Hinton's RMSprop in Keras's form, epsilon under the root (PyTorch: beside it):
///
///     v += (g^2 - v)(1 - rho);   mean += (g - mean)(1 - rho);   step = rate g / sqrt(max(0, v - mean^2) + epsilon)
///     velocity = momentum velocity + step;   w -= velocity
///
/// `mean` (centered) and `velocity` may be null: without the former v stands for v - mean^2, without the latter step
/// for velocity. All [n]; g may be null: zero.
template <class T> void rmsprop_update(T* w, T* v, T* velocity, T* mean, const T* g, RmspropStep<T> s, Index n) {
#if GRADUS_EIGEN_KERNELS
    ref::rmsprop_update(w, v, velocity, mean, g, s, n);
#else
    const auto& kernels = GRADUS_DISPATCH(rmsprop_table<T>);
    parallel_for(0, n, detail::optimizer_grain, [&](Index i, Index end) {
        kernels.rmsprop(w + i, v + i, velocity ? velocity + i : nullptr, mean ? mean + i : nullptr, g ? g + i : nullptr,
                        s, end - i);
    });
#endif
}

/// rmsprop_update of w and its moments [V, dim] whose gradient is drows [count, dim] in the ascending `rows` and zero
/// elsewhere.
template <class T> void rmsprop_update_rows(T* w, T* v, T* velocity, T* mean, const T* drows, const std::int32_t* rows,
                                            Index count, RmspropStep<T> s, Index vocabulary, Index dim) {
#if GRADUS_EIGEN_KERNELS
    ref::each_row(drows, rows, count, vocabulary, dim, [&](Index at, const T* g) {
        ref::rmsprop_update(w + at, v + at, velocity ? velocity + at : nullptr, mean ? mean + at : nullptr, g, s, dim);
    });
#else
    const auto& kernels = GRADUS_DISPATCH(rmsprop_table<T>);
    parallel_for(0, dim > 0 ? vocabulary : 0, detail::optimizer_grain_rows(dim), [&](Index first, Index last) {
        kernels.rmsprop_rows(w, v, velocity, mean, drows, rows, count, s, first, last, dim);
    });
#endif
}

} // namespace kernels
GRADUS_END

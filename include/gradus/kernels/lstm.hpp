/// Long short-term memory over a batch of sequences, forward and backward through time.
///
///     z_t = bias + (h_{t-1} * recurrent_mask) R + (x_t * input_mask) W          [B, 4U], gates in the order i f c o
///     i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o);  g = tanh(z_c)
///     c_t = f * c_{t-1} + i * g;   h_t = o * tanh(c_t)
///
/// Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. Weights, gate order and masks are
/// Keras's; PyTorch orders i f g o, stores W and R transposed, and has two biases. As in Keras, go_backwards reads the
/// sequence from its end and y is in the order of processing.
///
/// Gradients of h and c below 2^-80 (double: 2^-700) are taken for zero.
///
/// With another precision than float32 both products round their operands, and so do backward's; see bfloat16.hpp.
///
/// A masked step of a row (mask 0) copies h and c of the step before, and so y; it costs these copies, and takes part
/// in no product. Rows are cut into blocks that run through all steps on their own.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/detail/math.hpp>
#include <gradus/kernels/detail/recurrent.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/detail/vanishing.hpp>

#include <algorithm>
#include <cmath>

GRADUS_BEGIN
namespace kernels {

/// Arguments of lstm_forward. "or null" is said where a pointer may be.
template <class T> struct LSTMForward {
    Index batch = 0, time = 0, features = 0, units = 0; ///< B, T, D, U; zero is allowed
    bool go_backwards = false;                          ///< step s reads x at time T-1-s
    const T* x = nullptr;                               ///< [B, T, D]
    const T* kernel = nullptr;                          ///< W [D, 4U]
    const T* recurrent_kernel = nullptr;                ///< R [U, 4U]
    const T* bias = nullptr;                            ///< [4U] or null: zero
    const std::uint8_t* mask = nullptr;                 ///< [B, T] or null: all steps are real
    const T* h0 = nullptr;                              ///< [B, U] or null: zero
    const T* c0 = nullptr;                              ///< [B, U] or null: zero
    const T* input_mask = nullptr;                      ///< [B, D] or null: dropout, one mask for all gates and steps
    const T* recurrent_mask = nullptr;                  ///< [B, U] or null: dropout of h on its way into R only
    T* y = nullptr;                  ///< [B, T, U] or null: h of every step, in the order of processing
    T* h = nullptr;                  ///< [B, U] or null: h of the last step; may be h0
    T* c = nullptr;                  ///< [B, U] or null: c of the last step; may be c0
    T* saved = nullptr;              ///< lstm_saved() elements or null: no backward follows
    T* workspace = nullptr;          ///< lstm_forward_workspace() elements
    ProductPrecision precision = {}; ///< of the operands of products, backward's the same
};

/// Arguments of lstm_backward. Sizes, weights, masks, precision and instruction set are those of the forward call,
/// `saved` what it wrote (it is not changed).
template <class T> struct LSTMBackward {
    Index batch = 0, time = 0, features = 0, units = 0;
    bool go_backwards = false;
    const T* kernel = nullptr;           ///< [D, 4U]
    const T* recurrent_kernel = nullptr; ///< [U, 4U]
    const std::uint8_t* mask = nullptr;  ///< [B, T] or null
    const T* input_mask = nullptr;       ///< [B, D] or null
    const T* recurrent_mask = nullptr;   ///< [B, U] or null
    const T* saved = nullptr;
    const T* dy = nullptr;          ///< [B, T, U] or null: zero
    const T* dh = nullptr;          ///< [B, U] or null: zero; gradient of the last h
    const T* dc = nullptr;          ///< [B, U] or null: zero; gradient of the last c
    T* dx = nullptr;                ///< [B, T, D] or null; overwritten
    T* dkernel = nullptr;           ///< [D, 4U] or null; accumulated
    T* drecurrent_kernel = nullptr; ///< [U, 4U] or null; accumulated
    T* dbias = nullptr;             ///< [4U] or null; accumulated
    T* dh0 = nullptr;               ///< [B, U] or null; overwritten; may be dh
    T* dc0 = nullptr;               ///< [B, U] or null; overwritten; may be dc
    T* workspace = nullptr;         ///< lstm_backward_workspace() elements
    ProductPrecision precision = {};
};

namespace detail {

/// Rows of gate gradients that are gathered before they are multiplied into weight and input gradients: half of a first
/// cache of 32 KiB for each group of units.
inline constexpr Index lstm_chunk = 64;
static_assert(lstm_chunk >= recurrent_max_rows, "a step's rows fit a chunk");

template <class T> struct LSTMTable {
    void (*pack_forward)(T* packed, const T* kernel, const T* recurrent, const T* bias, Index features, Index units,
                         const RecurrentFormat<T>* format);
    void (*forward)(const LSTMForward<T>& a, const T* packed, Index first, Index last, T* space,
                    const RecurrentFormat<T>* format);
    void (*pack_backward)(T* packed, const T* kernel, const T* recurrent, Index features, Index units,
                          const RecurrentFormat<T>* format);
    void (*backward)(const LSTMBackward<T>& a, const T* packed, Index first, Index last, T* dweights, T* dbias,
                     T* space, const RecurrentFormat<T>* format);
    void (*add_gradients)(const LSTMBackward<T>& a, const T* dweights, const T* dbias, Index block_stride, Index blocks,
                          Index first, Index last);
};

} // namespace detail
} // namespace kernels
GRADUS_END

#define GRADUS_REGION_FILE <gradus/kernels/detail/lstm_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

GRADUS_BEGIN
namespace kernels {

/// Elements of `saved`. Grows with each size, as the two below, which any number of steps can use.
constexpr Index lstm_saved(Index batch, Index time, Index features, Index units) {
    const Index padded = detail::recurrent_padded(units);
    return time * batch * (6 * padded + detail::recurrent_even(features)) + batch * padded;
}

/// Elements of the forward workspace. A row of the vector kernel takes 5 padded U and 2 even D of them, of the
/// reference up to 7 U + D.
constexpr Index lstm_forward_workspace(Index batch, Index features, Index units) {
    const Index padded = detail::recurrent_padded(units), even = detail::recurrent_even(features);
    return 4 * padded * (padded + even + 1) + batch * (7 * padded + 2 * even) +
           16 * (detail::recurrent_blocks(batch) + 1);
}

/// Elements of the backward workspace. A row takes 3 padded U beside its block's, of the reference 6 U.
constexpr Index lstm_backward_workspace(Index batch, Index features, Index units) {
    const Index padded = detail::recurrent_padded(units), inputs = padded + detail::recurrent_even(features);
    const Index packed = 4 * padded * ((features + 63) / 64 * 64 + (padded + 63) / 64 * 64);
    const Index per_block = 4 * padded * (inputs + 1) + detail::lstm_chunk * (4 * padded + inputs) + 32;
    return packed + detail::recurrent_blocks(batch) * per_block + batch * 6 * padded + 16;
}

namespace ref {

/// One step after the other, whole batch at a time. `saved` holds gates [T, B, 4U], c [T+1, B, U] and the masked inputs
/// of the products [T, B, U+D].
template <class T> void lstm_forward(const LSTMForward<T>& a) {
    const Index B = a.batch, D = a.features, U = a.units, S = a.time;
    if (B == 0 || U == 0) return;
    T* h_now = a.workspace;
    T* c_now = h_now + B * U;
    T* z_now = c_now + B * U;
    T* in_now = z_now + B * 4 * U;
    T* saved_c = a.saved ? a.saved + S * B * 4 * U : nullptr;
    T* saved_in = a.saved ? saved_c + (S + 1) * B * U : nullptr;
    auto h = array(h_now, B * U);
    auto c = array(c_now, B * U);
    if (a.h0)
        h = array(a.h0, B * U);
    else
        h.setZero();
    if (a.c0)
        c = array(a.c0, B * U);
    else
        c.setZero();
    if (saved_c) array(saved_c, B * U) = c;
    T* copy = in_now + B * (U + D);
    const auto kernel = matrix(round_weights(a.kernel, D * 4 * U, copy, a.precision), D, 4 * U);
    const auto recurrent = matrix(round_weights(a.recurrent_kernel, U * 4 * U, copy, a.precision), U, 4 * U);
    for (Index s = 0; s < S; ++s) {
        const Index t = a.go_backwards ? S - 1 - s : s;
        T* z_step = a.saved ? a.saved + s * B * 4 * U : z_now;
        T* in_step = a.saved ? saved_in + s * B * (U + D) : in_now;
        auto in = matrix(in_step, B, U + D);
        in.leftCols(U) = matrix(h_now, B, U);
        in.rightCols(D) = matrix(a.x + t * D, B, D, S * D);
        if (a.recurrent_mask) in.leftCols(U).array() *= matrix(a.recurrent_mask, B, U).array();
        if (a.input_mask) in.rightCols(D).array() *= matrix(a.input_mask, B, D).array();
        for (Index b = 0; a.mask && b < B; ++b)
            if (!a.mask[b * S + t]) in.row(b).setZero(); // whatever a masked step holds
        round_operands(in_step, B * (U + D), a.precision);
        auto z = matrix(z_step, B, 4 * U);
        z.noalias() = in.leftCols(U) * recurrent;
        z.noalias() += in.rightCols(D) * kernel;
        if (a.bias) z.rowwise() += matrix(a.bias, 1, 4 * U).row(0);
        for (Index b = 0; b < B; ++b) {
            if (!a.mask || a.mask[b * S + t]) {
                for (Index u = 0; u < U; ++u) {
                    T* gate = z_step + b * 4 * U + u;
                    for (Index k : {0, 1, 3}) gate[k * U] = T(1) / (T(1) + std::exp(-gate[k * U]));
                    gate[2 * U] = std::tanh(gate[2 * U]);
                    T& cell = c_now[b * U + u];
                    cell = gate[U] * cell + gate[0] * gate[2 * U];
                    h_now[b * U + u] = gate[3 * U] * std::tanh(cell);
                }
            }
            if (a.y) array(a.y + (b * S + s) * U, U) = array(h_now + b * U, U);
        }
        if (saved_c) array(saved_c + (s + 1) * B * U, B * U) = c;
    }
    if (a.h) array(a.h, B * U) = h;
    if (a.c) array(a.c, B * U) = c;
}

template <class T> void lstm_backward(const LSTMBackward<T>& a) {
    const Index B = a.batch, D = a.features, U = a.units, S = a.time;
    if (B == 0) return;
    T* dh_now = a.workspace;
    T* dc_now = dh_now + B * U;
    T* dz_now = dc_now + B * U;
    const T* saved_c = a.saved + S * B * 4 * U;
    const T* saved_in = saved_c + (S + 1) * B * U;
    auto dh = array(dh_now, B * U);
    auto dc = array(dc_now, B * U);
    if (a.dh)
        dh = array(a.dh, B * U);
    else
        dh.setZero();
    if (a.dc)
        dc = array(a.dc, B * U);
    else
        dc.setZero();
    T* copy = dz_now + B * 4 * U;
    const auto kernel = matrix(a.dx ? round_weights(a.kernel, D * 4 * U, copy, a.precision) : a.kernel, D, 4 * U);
    const auto recurrent = matrix(round_weights(a.recurrent_kernel, U * 4 * U, copy, a.precision), U, 4 * U);
    auto dz = matrix(dz_now, B, 4 * U);
    for (Index s = S - 1; s >= 0; --s) {
        const Index t = a.go_backwards ? S - 1 - s : s;
        const T* gates = a.saved + s * B * 4 * U;
        for (Index b = 0; b < B; ++b) {
            if (a.dy) array(dh_now + b * U, U) += array(a.dy + (b * S + s) * U, U);
            if (a.mask && !a.mask[b * S + t]) {
                dz.row(b).setZero();
                continue;
            }
            for (Index u = 0; u < U; ++u) {
                const T* gate = gates + b * 4 * U + u;
                T* out = dz_now + b * 4 * U + u;
                const T i = gate[0], f = gate[U], g = gate[2 * U], o = gate[3 * U];
                const T tanh_c = std::tanh(saved_c[((s + 1) * B + b) * U + u]);
                const T dh_u = zero_below(dh_now[b * U + u], detail::least_gradient<T>);
                const T dc_u =
                    zero_below(dc_now[b * U + u], detail::least_gradient<T>) + dh_u * o * (T(1) - tanh_c * tanh_c);
                out[0] = dc_u * g * i * (T(1) - i);
                out[U] = dc_u * saved_c[(s * B + b) * U + u] * f * (T(1) - f);
                out[2 * U] = dc_u * i * (T(1) - g * g);
                out[3 * U] = dh_u * tanh_c * o * (T(1) - o);
                dc_now[b * U + u] = dc_u * f;
                dh_now[b * U + u] = 0;
            }
        }
        if (a.dbias) matrix(a.dbias, 1, 4 * U) += dz.colwise().sum();
        round_operands(dz_now, B * 4 * U, a.precision);
        const auto in = matrix(saved_in + s * B * (U + D), B, U + D);
        if (a.drecurrent_kernel) matrix(a.drecurrent_kernel, U, 4 * U).noalias() += in.leftCols(U).transpose() * dz;
        if (a.dkernel) matrix(a.dkernel, D, 4 * U).noalias() += in.rightCols(D).transpose() * dz;
        if (a.dx) {
            auto dx = matrix(a.dx + t * D, B, D, S * D);
            dx.noalias() = dz * kernel.transpose();
            if (a.input_mask) dx.array() *= matrix(a.input_mask, B, D).array();
        }
        auto into_h = matrix(dh_now, B, U);
        if (a.recurrent_mask) {
            for (Index b = 0; b < B; ++b)
                into_h.row(b).array() +=
                    (dz.row(b) * recurrent.transpose()).array() * array(a.recurrent_mask + b * U, U).transpose();
        } else {
            into_h.noalias() += dz * recurrent.transpose();
        }
    }
    if (a.dh0) array(a.dh0, B * U) = dh;
    if (a.dc0) array(a.dc0, B * U) = dc;
}

} // namespace ref

/// Runs all steps; see LSTMForward.
template <class T> void lstm_forward(const LSTMForward<T>& a) {
#if GRADUS_EIGEN_KERNELS
    ref::lstm_forward(a);
#else
    if (a.batch == 0 || a.units == 0) return;
    const auto& kernels = GRADUS_DISPATCH(lstm_table<T>);
    const Index padded = detail::recurrent_padded(a.units), rows = detail::recurrent_block_rows(a.batch);
    T* packed = detail::recurrent_aligned(a.workspace);
    const Index even = detail::recurrent_even(a.features), per_row = 5 * padded + 2 * even;
    const auto* format = detail::recurrent_format<T>(a.precision);
    T* space = packed + 4 * padded * (padded + even + 1);
    kernels.pack_forward(packed, a.kernel, a.recurrent_kernel, a.bias, a.features, a.units, format);
    parallel_for(0, a.batch, rows, [&](Index first, Index last) {
        T* mine = detail::recurrent_aligned(space + first * per_row + first / rows * 16);
        kernels.forward(a, packed, first, last, mine, format);
    });
#endif
}

/// Gradients of all steps; see LSTMBackward.
template <class T> void lstm_backward(const LSTMBackward<T>& a) {
#if GRADUS_EIGEN_KERNELS
    ref::lstm_backward(a);
#else
    if (a.units == 0 && a.dx) std::fill_n(a.dx, a.batch * a.time * a.features, T(0));
    if (a.batch == 0 || a.units == 0) return;
    const auto& kernels = GRADUS_DISPATCH(lstm_table<T>);
    const Index padded = detail::recurrent_padded(a.units), rows = detail::recurrent_block_rows(a.batch);
    const Index inputs = padded + detail::recurrent_even(a.features), weights = 4 * padded * inputs;
    const auto* format = detail::recurrent_format<T>(a.precision);
    T* packed = detail::recurrent_aligned(a.workspace);
    T* space = packed + 4 * padded * ((a.features + 63) / 64 * 64 + (padded + 63) / 64 * 64);
    const Index per_block = weights + 4 * padded + detail::lstm_chunk * (4 * padded + inputs) + rows * 3 * padded + 16;
    kernels.pack_backward(packed, a.dx ? a.kernel : nullptr, a.recurrent_kernel, a.features, a.units, format);
    parallel_for(0, a.batch, rows, [&](Index first, Index last) {
        T* mine = space + first / rows * per_block;
        kernels.backward(a, packed, first, last, mine, mine + weights, mine + weights + 4 * padded, format);
    });
    const Index blocks = (a.batch + rows - 1) / rows;
    const Index grain = std::max<Index>(1, 16384 / (4 * padded * blocks));
    parallel_for(0, a.units + a.features + 1, grain, [&](Index first, Index last) {
        kernels.add_gradients(a, space, space + weights, per_block, blocks, first, last);
    });
#endif
}

} // namespace kernels
GRADUS_END

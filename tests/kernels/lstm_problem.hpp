// One call of the LSTM kernel, forward and backward, with everything that it needs.
#pragma once
#include <gradus/core/tensor.hpp>
#include <gradus/kernels/lstm.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace lstm_problem {

using namespace gradus;
using namespace gradus::kernels;

struct Case {
    Index batch, time, features, units;
    bool go_backwards = false, mask = false, dropout = false, state = false, sequence = true;
};

/// Everything a forward and a backward call needs, `shift` elements away from the allocator's alignment.
template <class T> struct Problem {
    Case k;
    std::uint32_t state = 12345;
    Index shift = 0;
    ProductPrecision precision = {};
    std::vector<T> x, w, r, b, h0, c0, xm, rm, wy, wh, wc;
    std::vector<std::uint8_t> mask;
    std::vector<T> y, h, c, saved, forward_space, backward_space, dx, dw, dr, db, dh0, dc0;

    double next() {
        state = state * 1664525u + 1013904223u;
        return double(state >> 8) / double(1 << 24) * 2 - 1;
    }
    void fill(std::vector<T>& v, Index n, double scale) {
        v.assign(std::size_t(n + shift), T(0));
        for (Index i = 0; i < n; ++i) v[std::size_t(i + shift)] = T(next() * scale);
    }
    void poison(std::vector<T>& v, Index n) { v.assign(std::size_t(n + shift), std::numeric_limits<T>::quiet_NaN()); }
    T* at(std::vector<T>& v) { return v.data() + shift; }

    explicit Problem(const Case& c_, Index shift_ = 0, std::uint32_t seed = 12345) : k(c_), state(seed), shift(shift_) {
        const Index B = k.batch, S = k.time, D = k.features, U = k.units;
        fill(x, B * S * D, 1);
        fill(w, D * 4 * U, 1 / std::sqrt(double(D + 1)));
        fill(r, U * 4 * U, 1 / std::sqrt(double(U + 1)));
        fill(b, 4 * U, 0.5);
        fill(h0, B * U, 0.5);
        fill(c0, B * U, 1);
        fill(wy, B * S * U, 1);
        fill(wh, B * U, 1);
        fill(wc, B * U, 1);
        fill(xm, B * D, 1);
        fill(rm, B * U, 1);
        for (auto& v : xm) v = v > T(-0.4) ? T(1.25) : T(0);
        for (auto& v : rm) v = v > T(-0.4) ? T(1.25) : T(0);
        mask.assign(std::size_t(B * S), 1);
        for (auto& m : mask) m = next() > -0.4;
        for (Index row = 0; row < B; ++row)
            for (Index t = 0; t < S; ++t) {
                auto& m = mask[std::size_t(row * S + t)];
                if (row % 5 == 1) m = 0;
                if (row % 5 == 2) m = t < S / 2;
                if (row % 5 == 3) m = t >= S / 2;
            }
        poison(y, B * S * U);
        poison(h, B * U);
        poison(c, B * U);
        poison(saved, lstm_saved(B, S, D, U));
        poison(forward_space, lstm_forward_workspace(B, D, U));
        poison(backward_space, lstm_backward_workspace(B, D, U));
        poison(dx, B * S * D);
        poison(dh0, B * U);
        poison(dc0, B * U);
        fill(dw, D * 4 * U, 1);
        fill(dr, U * 4 * U, 1);
        fill(db, 4 * U, 1);
    }

    LSTMForward<T> forward() {
        LSTMForward<T> a;
        a.batch = k.batch, a.time = k.time, a.features = k.features, a.units = k.units;
        a.go_backwards = k.go_backwards;
        a.x = at(x), a.kernel = at(w), a.recurrent_kernel = at(r), a.bias = at(b);
        if (k.mask) a.mask = mask.data();
        if (k.state) a.h0 = at(h0), a.c0 = at(c0);
        if (k.dropout) a.input_mask = at(xm), a.recurrent_mask = at(rm);
        if (k.sequence) a.y = at(y);
        a.h = at(h), a.c = at(c), a.saved = at(saved), a.workspace = at(forward_space);
        a.precision = precision;
        return a;
    }
    LSTMBackward<T> backward() {
        LSTMBackward<T> a;
        a.batch = k.batch, a.time = k.time, a.features = k.features, a.units = k.units;
        a.go_backwards = k.go_backwards;
        a.kernel = at(w), a.recurrent_kernel = at(r), a.saved = at(saved);
        if (k.mask) a.mask = mask.data();
        if (k.dropout) a.input_mask = at(xm), a.recurrent_mask = at(rm);
        if (k.sequence) a.dy = at(wy);
        a.dh = at(wh), a.dc = at(wc);
        a.dx = at(dx), a.dkernel = at(dw), a.drecurrent_kernel = at(dr), a.dbias = at(db);
        a.dh0 = at(dh0), a.dc0 = at(dc0), a.workspace = at(backward_space);
        a.precision = precision;
        return a;
    }
    /// The scalar whose gradients backward computes.
    double objective() {
        double sum = 0;
        if (k.sequence)
            for (std::size_t i = 0; i < y.size(); ++i) sum += double(y[i]) * double(wy[i]);
        for (std::size_t i = 0; i < h.size(); ++i) sum += double(h[i]) * double(wh[i]) + double(c[i]) * double(wc[i]);
        return sum;
    }
};

/// From element `shift` on.
template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b, Index shift) {
    const auto n = std::size_t(shift);
    return a.size() == b.size() &&
           (a.size() == n || std::memcmp(a.data() + n, b.data() + n, (a.size() - n) * sizeof(T)) == 0);
}

/// What forward and backward write.
template <class T> std::vector<std::vector<T>*> results(Problem<T>& p) {
    std::vector<std::vector<T>*> all{&p.h, &p.c, &p.dx, &p.dw, &p.dr, &p.db, &p.dh0, &p.dc0};
    if (p.k.sequence) all.push_back(&p.y);
    return all;
}
template <class T> bool same_bits(Problem<T>& p, Problem<T>& q) {
    const auto a = results(p), b = results(q);
    for (std::size_t r = 0; r < a.size(); ++r)
        if (!same(*a[r], *b[r], p.shift)) return false;
    return true;
}
template <class T> std::uint64_t hash_of(const std::vector<std::vector<T>*>& arrays) {
    std::uint64_t hash = 14695981039346656037u;
    for (const auto* v : arrays)
        for (std::size_t i = 0; i < v->size() * sizeof(T); ++i)
            hash = (hash ^ reinterpret_cast<const unsigned char*>(v->data())[i]) * 1099511628211u;
    return hash;
}

} // namespace lstm_problem

/// Bidirectional: a recurrent layer that reads the sequence from both ends.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/recurrent.hpp>

#include <algorithm>

GRADUS_BEGIN

/// How the outputs of both directions become one.
enum class Merge : std::uint8_t { concat, sum, mul, ave };
inline std::span<const std::string_view> enum_names(Merge) {
    static constexpr std::string_view names[] = {"concat", "sum", "mul", "ave"};
    return names;
}

struct BidirectionalOptions {
    Merge merge_mode = Merge::concat;
};

/// y = merge(f(x), b(x)), b being a copy of the recurrent layer f with go_backwards turned around and parameters of its
/// own: x [B, T, D] -> y [B, 2U] (concat) or [B, U]; with return_sequences [B, T, 2U] or [B, T, U], b's steps in order
/// of time and masked steps zero. Then, where the layer returns states, f's and b's. Optional inputs after x: f's and
/// b's initial states. As Keras's Bidirectional (whose merge_mode None is two layers here). Parameters are named
/// forward.… and backward.….
template <class T = float> class Bidirectional : public Layer<Bidirectional, T> {
public:
    Bidirectional() = default;
    /// Throws ValueError where the layer is not recurrent.
    explicit Bidirectional(const LayerHandle<T>& layer, const BidirectionalOptions& options = {})
        : o_(options), forward_(layer) {
        const auto& given = recurrent(forward_);
        detail::IdentityMap renewed;
        detail::renew_identities(*forward_, renewed);
        backward_ = LayerHandle<T>(given.reversed());
    }

    std::string_view kind() const override { return "bidirectional"; }
    void fields(Fields& f) override {
        LayerSlot<T> forward(forward_), backward(backward_);
        f("layer", forward);
        f("backward_layer", backward);
        f("merge_mode", o_.merge_mode);
    }

    void build(Build& b) override {
        const Recurrent& layer = recurrent(forward_);
        (void)recurrent(backward_);
        sequences_ = layer.return_sequences();
        states_ = layer.states();
        b.require_values(0, 3, 3, "[batch, time, features]");
        const auto ins = [&](int first) {
            std::vector<Build::In> list{b.in(0)};
            for (int i = 0; i < states_; ++i) list.push_back(b.in(first + i));
            return list;
        };
        f_ = b.child(*forward_, ins(1), "forward");
        b_ = b.child(*backward_, ins(1 + states_), "backward");
        const SymbolicShape shape = b.of(f_).outs()[0].shape;
        b.require(shape == b.of(b_).outs()[0].shape, "a forward and a backward layer of the same units and options");
        SymbolicShape merged = shape;
        if (o_.merge_mode == Merge::concat) merged.back() = merged.back() + merged.back();
        b.out(0, merged);
        b.mask(0, sequences_ ? build::Mask::pass : build::Mask::stop);
        for (int i = 0; layer.return_state() && i < 2 * states_; ++i) b.out(1 + i, {shape[0], shape.back()});

        const auto needs = [&](build::Needs n) {
            return b.of(f_).needs() == n || b.of(f_).needs() == build::Needs::both;
        };
        b.backward_needs(needs(build::Needs::input) ? build::Needs::input : build::Needs::neither);
        const bool keep = o_.merge_mode == Merge::mul || needs(build::Needs::output);
        for (auto& y : ys_) y = keep ? b.kept<T>(shape) : Kept<T>{{}, b.scratch<T>(shape)};
        for (auto& dy : dys_) dy = b.scratch<T>(shape);
        dx_ = b.scratch<T>(b.in(0).shape);
    }

    void forward(Run<T>& r) const override {
        const AnyView x(r.x(0), r.mask(0));
        const View<T> yf = r[ys_[0]], yb = r[ys_[1]];
        r.forward(f_, 0, {x, in(r, 0, 0), in(r, 0, 1)}, {yf, out(r, 0, 0), out(r, 0, 1)});
        r.forward(b_, 0, {x, in(r, 1, 0), in(r, 1, 1)}, {yb, out(r, 1, 0), out(r, 1, 1)});
        const View<T> y = r.y(0);
        const Index units = yf.shape()[-1];
        each_step(r, yf.shape(), [&](Index f, Index b, bool masked) {
            const T *p = yf.data() + f * units, *q = yb.data() + b * units;
            T* to = y.data() + f * (y.shape()[-1]);
            if (masked) return void(std::fill_n(to, y.shape()[-1], T(0)));
            switch (o_.merge_mode) {
            case Merge::concat: std::copy_n(q, units, std::copy_n(p, units, to)); break;
            case Merge::sum:
                for (Index u = 0; u < units; ++u) to[u] = p[u] + q[u];
                break;
            case Merge::mul:
                for (Index u = 0; u < units; ++u) to[u] = p[u] * q[u];
                break;
            case Merge::ave:
                for (Index u = 0; u < units; ++u) to[u] = (p[u] + q[u]) / 2;
                break;
            }
        });
    }

    void backward(Run<T>& r) const override {
        const AnyView x(r.x(0), r.mask(0));
        const View<T> yf = r[ys_[0]], yb = r[ys_[1]], dx = r.dx(0);
        const View<const T> dy = r.dy(0);
        View<T> df, db;
        if (!dy.empty()) {
            df = r[dys_[0]];
            db = r[dys_[1]];
            const Index units = df.shape()[-1];
            each_step(r, df.shape(), [&](Index f, Index b, bool masked) {
                T *p = df.data() + f * units, *q = db.data() + b * units;
                const T *from = dy.data() + f * dy.shape()[-1], *yp = yf.data() + f * units,
                        *yq = yb.data() + b * units;
                if (masked) return std::fill_n(p, units, T(0)), void(std::fill_n(q, units, T(0)));
                switch (o_.merge_mode) {
                case Merge::concat: std::copy_n(from, units, p), std::copy_n(from + units, units, q); break;
                case Merge::sum: std::copy_n(from, units, p), std::copy_n(from, units, q); break;
                case Merge::mul:
                    for (Index u = 0; u < units; ++u) p[u] = from[u] * yq[u], q[u] = from[u] * yp[u];
                    break;
                case Merge::ave:
                    for (Index u = 0; u < units; ++u) p[u] = q[u] = from[u] / 2;
                    break;
                }
            });
        }
        const View<T> second = dx.empty() ? View<T>() : r[dx_];
        r.backward(f_, 0, {x, in(r, 0, 0), in(r, 0, 1)}, {yf, out(r, 0, 0), out(r, 0, 1)},
                   {df, r.dy(position(0, 0)), r.dy(position(0, 1))}, {dx, r.dx(position(0, 0)), r.dx(position(0, 1))});
        r.backward(b_, 0, {x, in(r, 1, 0), in(r, 1, 1)}, {yb, out(r, 1, 0), out(r, 1, 1)},
                   {db, r.dy(position(1, 0)), r.dy(position(1, 1))},
                   {second, r.dx(position(1, 0)), r.dx(position(1, 1))});
        if (!dx.empty()) kernels::accumulate(dx.data(), second.data(), dx.size());
    }

private:
    static const Recurrent& recurrent(const LayerHandle<T>& layer) {
        const auto* r = layer ? dynamic_cast<const Recurrent*>(&*layer) : nullptr;
        if (!r)
            throw_value_error("bidirectional: expects a recurrent layer (one that derives from Recurrent), got " +
                              (layer ? std::string(layer->kind()) : "none"));
        return *r;
    }
    /// The wrapper's input or output that holds a state of a direction; -1 where the layer has fewer.
    int position(int direction, int i) const { return i < states_ ? 1 + direction * states_ + i : -1; }
    AnyView in(Run<T>& r, int direction, int i) const { return r.x(position(direction, i)); }
    AnyView out(Run<T>& r, int direction, int i) const { return r.y(position(direction, i)); }
    /// Calls f(row of forward's y, row of backward's y, masked) for each step, or, without return_sequences, each
    /// sample.
    template <class F> void each_step(Run<T>& r, const Shape& s, const F& f) const {
        const auto mask = r.mask(0);
        const Index time = sequences_ ? s[1] : 1;
        parallel_for(
            0, s[0], std::max<Index>(1, 16384 / std::max<Index>(1, time * s[-1])), [&](Index first, Index last) {
                for (Index b = first; b < last; ++b)
                    for (Index t = 0; t < time; ++t)
                        f(b * time + t, b * time + time - 1 - t, sequences_ && !mask.empty() && !mask[b * time + t]);
            });
    }

    BidirectionalOptions o_;
    LayerHandle<T> forward_, backward_;
    bool sequences_ = false;
    int states_ = 0;
    Child f_, b_;
    Kept<T> ys_[2];
    Scratch<T> dys_[2], dx_;
};

template <LayerType L> Bidirectional(const L&) -> Bidirectional<typename L::scalar>;
template <LayerType L> Bidirectional(const L&, const BidirectionalOptions&) -> Bidirectional<typename L::scalar>;

GRADUS_END

/// Run: what a layer reads and writes in forward and backward. Frame: the resolved memory behind it.
#pragma once
#include <gradus/core/random.hpp>
#include <gradus/core/segment.hpp>
#include <gradus/core/view.hpp>
#include <gradus/kernels/activation_kind.hpp>
#include <gradus/kernels/precision.hpp>
#include <gradus/layers/handles.hpp>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

GRADUS_BEGIN

class LayerBase;

/// One place's memory, resolved to views by the executor when a plan is made or a symbol's value changes.
struct Frame {
    /// A buffer with one entry per time of a child.
    struct Buffer {
        AnyView view;
        Index stride = 0; ///< bytes between entries
    };
    /// A row-sparse gradient: the sorted unique ids, and for each id of this place's input its position among them.
    struct Rows {
        std::span<const std::int32_t> ids, positions;
    };

    const LayerBase* layer = nullptr;
    std::vector<AnyView> x, y, dy, dx; // masks travel in the views
    std::vector<AnyView> params, grads, states, old, next;
    std::vector<std::uint8_t*> unwritten; // per gradient, where it is dense: whether it holds nothing yet
    std::vector<Rows> rows;               // per parameter
    std::vector<Buffer> saved, scratch_forward, scratch_backward;
    std::vector<Frame> children;
    Index times = 1, time = 0;
    std::uint64_t place = 0; ///< where in the graph: part of the random key
    bool inference = false;  ///< a wrapper's child that never trains, whatever the wrapper does
};

/// What holds for a whole pass.
struct Pass {
    bool training = false;                             ///< dropout, running means
    bool backward = false;                             ///< which scratch is current
    bool below_activation = false;                     ///< this place: see Run::below_activation
    activation::Kind passes_over = activation::linear; ///< this place: see Run::passes_over
    ProductPrecision precision = {};
    std::uint64_t seed = 0;
    std::uint32_t update = 0, micro = 0, first_row = 0;
};

/// A layer's window on its memory. Nothing here allocates or throws.
template <class T> class Run {
public:
    Run(Frame& frame, const Pass& pass) : frame_(&frame), pass_(pass) {}

    View<const T> x(int i) const { return at(frame_->x, i).template as<const T>(); }
    View<const std::int32_t> ids(int i) const { return at(frame_->x, i).template as<const std::int32_t>(); }
    template <class U> View<const U> x_as(int i) const { return at(frame_->x, i).template as<const U>(); }
    /// u8 [B, T]; empty where input i has none.
    View<const std::uint8_t> mask(int i) const { return at(frame_->x, i).mask_view(); }
    View<T> y(int i) const { return at(frame_->y, i).template as<T>(); }
    template <class U> View<U> y_as(int i) const { return at(frame_->y, i).template as<U>(); }
    /// Where output i's mask is written, for layers that declared Mask::make.
    View<std::uint8_t> out_mask(int i) const {
        const AnyView& v = at(frame_->y, i);
        return v.mask ? View<std::uint8_t>(v.mask, v.mask_shape) : View<std::uint8_t>();
    }
    /// Empty: nobody used output i; read it as zero.
    View<const T> dy(int i) const { return at(frame_->dy, i).template as<const T>(); }
    /// Empty: nobody asks; else overwritten.
    View<T> dx(int i) const { return at(frame_->dx, i).template as<T>(); }

    View<const T> operator[](Param p) const { return at(frame_->params, p.i).template as<const T>(); }
    /// Empty: the parameter is frozen; else accumulate. A row-sparse parameter's gradient has one row for each of
    /// rows(p). To be asked before any parallel_for, not inside: the first time it makes a dense gradient zero.
    View<T> grad(Param p) const {
        const View<T> g = at(frame_->grads, p.i).template as<T>();
        if (overwrites(p)) std::fill(g.begin(), g.end(), T(0));
        return g;
    }
    /// Saves a layer reading zeros only to add to them: whether grad(p) holds nothing yet, so that what is written next
    /// must replace it, all of it. To be asked before grad(p), which otherwise makes it zero; it says yes once.
    bool overwrites(Param p) const {
        if (p.i < 0 || p.i >= static_cast<int>(frame_->unwritten.size())) return false;
        std::uint8_t* const flag = frame_->unwritten[static_cast<std::size_t>(p.i)];
        return flag && std::exchange(*flag, std::uint8_t(0));
    }
    /// Row-sparse: the sorted unique ids of this step.
    std::span<const std::int32_t> rows(Param p) const { return frame_->rows[static_cast<std::size_t>(p.i)].ids; }
    /// Row-sparse: for each id of this place's input, in order, its position in rows(p).
    std::span<const std::int32_t> positions(Param p) const {
        return frame_->rows[static_cast<std::size_t>(p.i)].positions;
    }
    template <class U> View<U> operator[](State<U> s) const { return at(frame_->states, s.i).template as<U>(); }
    template <class U> View<U> operator[](Saved<U> s) const { return entry<U>(frame_->saved, s.i); }
    template <class U> View<U> operator[](Scratch<U> s) const {
        return entry<U>(pass_.backward ? frame_->scratch_backward : frame_->scratch_forward, s.i);
    }
    template <class U> View<U> operator[](const Kept<U>& k) const {
        const View<U> saved = (*this)[k.saved];
        return saved.empty() ? (*this)[k.scratch] : saved;
    }
    template <class U> View<const U> old(Carry<U> c) const { return at(frame_->old, c.i).template as<const U>(); }
    template <class U> View<U> next(Carry<U> c) const { return at(frame_->next, c.i).template as<U>(); }

    /// Dropout drops, running means run; says nothing of whether backward follows.
    bool training() const { return pass_.training; }
    /// In backward: dy is already the gradient below the layer's final activation, which its reader passed over.
    bool below_activation() const { return pass_.below_activation; }
    /// The activation that input 0 ends with, where dx(0) must be the gradient below it, for this layer said that it
    /// can give that; else linear. Also in forward, for losses that compute their gradient there.
    activation::Kind passes_over() const { return pass_.passes_over; }
    /// What this pass's products are to be computed in: the last argument of kernels::matmul.
    ProductPrecision precision() const { return pass_.precision; }
    /// The stream of this place, purpose and step; rows are samples of the batch.
    Random random(Purpose purpose) const {
        return Random(pass_.seed, frame_->place, purpose, pass_.update, pass_.micro, pass_.first_row);
    }

    /// Runs an inner layer on views of the caller's choice. Masks travel in the views.
    void forward(Child c, Index time, std::initializer_list<AnyView> x, std::initializer_list<AnyView> y) const;
    void backward(Child c, Index time, std::initializer_list<AnyView> x, std::initializer_list<AnyView> y,
                  std::initializer_list<AnyView> dy, std::initializer_list<AnyView> dx) const;

private:
    /// An inner layer's pass: nobody passes over activations inside.
    Pass pass_of(const Frame& child) const {
        Pass pass = pass_;
        pass.training = pass.training && !child.inference;
        pass.below_activation = false;
        pass.passes_over = activation::linear;
        return pass;
    }
    static const AnyView& at(const std::vector<AnyView>& list, int i) {
        return i >= 0 && i < static_cast<int>(list.size()) ? list[static_cast<std::size_t>(i)] : absent;
    }
    template <class U> View<U> entry(const std::vector<Frame::Buffer>& list, int i) const {
        if (i < 0 || i >= static_cast<int>(list.size())) return {};
        const Frame::Buffer& b = list[static_cast<std::size_t>(i)];
        if (!b.view.data) return {};
        return {reinterpret_cast<U*>(static_cast<std::byte*>(b.view.data) + b.stride * frame_->time), b.view.shape};
    }

    static inline const AnyView absent{};

    Frame* frame_;
    Pass pass_;
};

GRADUS_END

/// TimeDistributed: a layer on every step of a sequence.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/layers/layer.hpp>

GRADUS_BEGIN

/// y[b, t] = layer(x[b, t]): x [B, T, ...] -> y [B, T, ...]. The layer runs once, on [B T, ...]: what it makes of a row
/// must not depend on the others. A mask [B, T] passes; the layer itself sees none. As Keras's TimeDistributed, which
/// calls the layer step by step: a batch normalisation in it takes statistics of one step there, of all steps here,
/// masked ones too; a Dropout draws for every step, as there. Parameters are named as the wrapper's own. Throws
/// ValueError where there is no layer, ShapeError for less than three axes and for a layer with more than one output or
/// whose output has not one row for each of its input's.
template <class T = float> class TimeDistributed : public Layer<TimeDistributed, T> {
public:
    TimeDistributed() = default;
    explicit TimeDistributed(const LayerHandle<T>& layer) : layer_(layer) {}

    std::string_view kind() const override { return "time_distributed"; }
    void fields(Fields& f) override {
        LayerSlot<T> slot(layer_);
        f("layer", slot);
    }

    void build(Build& b) override {
        if (!layer_) throw_value_error(b.context() + ": expects a layer, got none");
        Build::In in = b.in(0);
        b.require(in.present && in.shape.size() >= 3, "[batch, time, ...]");
        const Dim batch = in.shape[0], time = in.shape[1];
        in.shape.erase(in.shape.begin());
        in.shape[0] = batch * time;
        in.has_mask = false;
        dtype_ = in.dtype;
        child_ = b.child(*layer_, {in}, "");
        const Build& inner = b.of(child_);
        b.require(inner.outs().size() == 1 && inner.outs()[0].dtype == b.scalar(), "a layer with one output of values");
        SymbolicShape y = inner.outs()[0].shape;
        b.require(!y.empty() && y[0] == in.shape[0] && static_cast<Index>(y.size()) < Shape::max_rank,
                  "a layer with one row of output for each row of input");
        y[0] = time;
        y.insert(y.begin(), batch);
        b.out(0, y);
        b.mask(0, build::Mask::pass);
        if (inner.is_in_place()) b.in_place();
        b.backward_needs(inner.needs());
        for (const auto& ids : inner.id_inputs()) b.ids(ids.input, ids.below);
        if (inner.is_detached(0)) b.detached(0);
    }
    void forward(Run<T>& r) const override { r.forward(child_, 0, {input(r)}, {folded(r.y(0))}); }
    void backward(Run<T>& r) const override {
        r.backward(child_, 0, {input(r)}, {folded(r.y(0))}, {folded(r.dy(0))}, {folded(r.dx(0))});
    }

private:
    /// Values or ids.
    AnyView input(Run<T>& r) const {
        AnyView v = folded(r.x(0));
        v.dtype = dtype_;
        return v;
    }
    static AnyView folded(AnyView v) {
        if (v.empty()) return v;
        Shape s{v.shape[0] * v.shape[1]};
        for (Index i = 2; i < v.shape.rank(); ++i) s.push_back(v.shape[i]);
        v.shape = s;
        return v;
    }

    LayerHandle<T> layer_;
    Child child_;
    Dtype dtype_ = dtype_of<T>();
};

template <LayerType L> TimeDistributed(const L&) -> TimeDistributed<typename L::scalar>;

GRADUS_END

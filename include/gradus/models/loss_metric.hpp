/// LossMetric: a loss that is reported beside the model's own, `.metrics = {MAE()}`.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/rounded.hpp>
#include <gradus/core/storage.hpp>
#include <gradus/losses/loss.hpp>
#include <gradus/metrics/metric.hpp>

#include <optional>

GRADUS_BEGIN

/// The weighted mean of a loss over all samples, or all unmasked steps, since `reset`: as Keras's metric of the same
/// name. Its key in logs is the loss's kind. The loss takes predictions and targets as they are; ShapeError where it
/// refuses them, ValueError where it has parameters, states or layers of its own, which a metric has no place for.
///
/// The first batch, and a larger one or one of another length, allocates what the loss asks for; others nothing.
template <class T = float> class LossMetric : public Metric<T> {
public:
    LossMetric() = default;
    explicit LossMetric(LossHandle<T> loss, std::string name = {}) : loss_(std::move(loss)), name_(std::move(name)) {}
    LossMetric(const LossMetric& o) : loss_(o.loss_), name_(o.name_), sum_(o.sum_), total_(o.total_) {}

    std::string_view kind() const override { return "loss_metric"; }
    std::string name() const override { return name_.empty() && loss_ ? std::string(loss_->kind()) : name_; }
    void fields(Fields& f) override {
        LossSlot<T> loss(loss_);
        f("loss", loss);
        f("name", name_);
    }
    void state(Fields& f) override {
        f("sum", sum_);
        f("total", total_);
    }
    void reset(Index) override { sum_ = total_ = 0; }
    void update(const AnyView& target, View<const T> prediction, View<const T> weight = {},
                View<const std::uint8_t> mask = {}) override {
        if (!loss_) throw_value_error("loss_metric: expects a loss, got none");
        const FloatScope mode;
        if (!fits(target, prediction.shape(), !mask.empty())) build(target, prediction.shape(), !mask.empty());
        const View<T> values = place(target, prediction, mask);
        Run<T> run(frame_, Pass{});
        static_cast<const LossOf<T>&>(*loss_).forward(run);
        const bool masked = mask.size() == values.size() && values.rank() >= 2;
        const std::string_view who = name_.empty() ? loss_->kind() : std::string_view(name_);
        const detail::RowWeights<T> weights(who, values.size(), weight, masked ? mask : View<const std::uint8_t>());
        for (Index i = 0; i < values.size(); ++i) {
            const double w = weights(i);
            if (w == 0) continue;
            sum_ += rounded(w * static_cast<double>(values[i]));
            total_ += w;
        }
    }
    double result() const override { return total_ == 0 ? 0 : sum_ / total_; }
    std::unique_ptr<Metric<T>> clone() const override { return std::make_unique<LossMetric>(*this); }

private:
    /// The batch is a symbol; axis 1 becomes one when its size first changes; others are numbers.
    SymbolicShape symbolic(const Shape& s, Index steps) const {
        SymbolicShape r;
        for (Index i = 0; i < s.rank(); ++i)
            r.push_back(i == 0 ? dim::batch() : i == 1 && time_varies_ && s[i] == steps ? dim::time() : Dim(s[i]));
        return r;
    }
    bool fits(const AnyView& target, const Shape& prediction, bool masked) const {
        if (!build_ || target.dtype != build_->in(1).dtype || masked != build_->in(0).has_mask) return false;
        return fits(prediction, prediction_) && fits(target.shape, target_);
    }
    bool fits(const Shape& now, const Shape& built) const {
        if (now.rank() != built.rank()) return false;
        for (Index i = 1; i < now.rank(); ++i)
            if (now[i] != built[i] && !(i == 1 && time_varies_)) return false;
        return true;
    }
    void build(const AnyView& target, const Shape& prediction, bool masked) {
        time_varies_ = build_ && prediction.rank() >= 3 && prediction_.rank() == prediction.rank() &&
                       prediction[1] != prediction_[1];
        const Index steps = prediction.rank() > 1 ? prediction[1] : 0;
        build_.reset();
        Build b({{symbolic(prediction, steps), dtype_of<T>(), masked}, {symbolic(target.shape, steps), target.dtype}},
                dtype_of<T>(), name());
        loss_->build(b);
        if (!b.params().empty() || !b.states().empty() || !b.carries().empty() || !b.children().empty())
            throw_value_error(name() + ": expects a loss without parameters, states and inner layers to be a metric");
        prediction_ = prediction;
        target_ = target.shape;
        frame_ = Frame{};
        frame_.layer = &*loss_;
        frame_.x.resize(2);
        frame_.y.resize(b.outs().size());
        frame_.dx.resize(2);
        frame_.dy.resize(b.outs().size());
        frame_.saved.resize(b.saved_buffers().size());
        frame_.scratch_forward.resize(b.scratch_buffers().size());
        frame_.scratch_backward.resize(b.scratch_buffers().size());
        build_.emplace(std::move(b));
    }
    /// Memory for this batch; the view of the losses.
    View<T> place(const AnyView& target, View<const T> prediction, View<const std::uint8_t> mask) {
        extents_.set("batch", prediction.rank() > 0 ? prediction.shape()[0] : 0);
        if (time_varies_) extents_.set("time", prediction.shape()[1]);
        Index bytes = 0;
        for (int pass : {0, 1}) { // sizes, then places
            if (pass == 1 && memory_.bytes() < bytes) memory_ = AlignedBuffer(bytes);
            Index at = 0;
            const auto take = [&](const Shape& shape, Dtype dtype) {
                const AnyView view(pass ? memory_.data() + at : nullptr, shape, dtype);
                at += align_up(view.bytes());
                return view;
            };
            for (std::size_t i = 0; i < frame_.y.size(); ++i)
                frame_.y[i] = take(evaluate(build_->outs()[i].shape, extents_), build_->outs()[i].dtype);
            for (std::size_t i = 0; i < frame_.scratch_forward.size(); ++i)
                frame_.scratch_forward[i].view =
                    take(build_->scratch_buffers()[i].evaluate(extents_), build_->scratch_buffers()[i].dtype);
            bytes = at;
        }
        frame_.x[0] = AnyView(prediction, mask);
        frame_.x[1] = target;
        return frame_.y[0].template as<T>();
    }

    LossHandle<T> loss_;
    std::string name_;
    double sum_ = 0, total_ = 0;
    std::optional<Build> build_;
    bool time_varies_ = false;
    Shape prediction_, target_;
    Extents extents_;
    Frame frame_;
    AlignedBuffer memory_;
};

/// How MetricHandle takes a loss.
template <class T, LossType L> std::unique_ptr<Metric<T>> make_metric(std::type_identity<T>, const L& loss) {
    return std::make_unique<LossMetric<T>>(LossHandle<T>(loss));
}

GRADUS_END

/// Definitions of Build that need the layer interface. Included by layers/layer.hpp.
#pragma once
#include <gradus/layers/layer.hpp>

GRADUS_BEGIN

/// An inner layer: the copy that holds the handles, and what it declared.
struct Build::ChildSpec {
    std::unique_ptr<LayerBase> layer;
    Build build;
    std::string name;
    Dim times;
};

inline Build::Build(std::vector<In> inputs, Dtype scalar, std::string context, std::string origin)
    : context_(std::move(context)), origin_(std::move(origin)), scalar_(scalar), in_(std::move(inputs)) {}
inline Build::~Build() = default;
inline Build::Build(Build&&) noexcept = default;
inline Build& Build::operator=(Build&&) noexcept = default;

inline const Build::In& Build::in(int i) const {
    static const In absent{{}, Dtype::f32, false, false};
    if (i < 0) throw_value_error(context_ + ": has no input " + std::to_string(i));
    taken_ = std::max(taken_, i + 1);
    return i < inputs() ? in_[static_cast<std::size_t>(i)] : absent;
}

inline void Build::declare_out(int i, SymbolicShape shape, Dtype dtype) {
    if (static_cast<std::size_t>(i) >= outs_.size()) outs_.resize(static_cast<std::size_t>(i) + 1);
    outs_[static_cast<std::size_t>(i)].shape = std::move(shape);
    outs_[static_cast<std::size_t>(i)].dtype = dtype;
}

inline void Build::mask(int output, build::Mask m, int input) {
    if (static_cast<std::size_t>(output) >= outs_.size())
        throw_value_error(context_ + ": declares a mask for output " + std::to_string(output) + " before the output");
    Out& o = outs_[static_cast<std::size_t>(output)];
    const bool masked = in(input).has_mask;
    o.mask = m == build::Mask::pass && !masked ? build::Mask::stop : m;
    o.mask_input = input;
}

inline void Build::check() {
    if (outs_.empty()) throw_value_error(context_ + ": declares no output");
    int given = inputs();
    while (given > 0 && !in_[static_cast<std::size_t>(given) - 1].present) --given;
    if (given > taken_)
        throw_value_error(context_ + ": takes at most " + std::to_string(taken_) +
                          (taken_ == 1 ? " input" : " inputs") + ", got " + std::to_string(given));
    for (std::size_t o = 0; o < outs_.size(); ++o)
        if (outs_[o].mask == build::Mask::pass) check_mask(static_cast<int>(o));
}

inline void Build::check_mask(int output) {
    const Out& o = outs_[static_cast<std::size_t>(output)];
    const SymbolicShape& x = in_[static_cast<std::size_t>(o.mask_input)].shape;
    const std::size_t axes = std::min<std::size_t>(2, x.size());
    bool fits = o.shape.size() >= axes;
    for (std::size_t k = 0; fits && k < axes; ++k) fits = !Dim::never_equal(x[k], o.shape[k]);
    const std::string expectation = "the first two axes of input " + std::to_string(o.mask_input) + " " +
                                    gradus::to_string(x) + " in output " + std::to_string(output) + " " +
                                    gradus::to_string(o.shape) + ", to which its mask passes";
    if (!fits) throw_shape_error(context_ + ": expects " + expectation);
    for (std::size_t k = 0; k < axes; ++k)
        if (!(x[k] == o.shape[k])) equalities_.push_back({x[k], o.shape[k], expectation});
}

GRADUS_COLD inline void Build::require(bool condition, std::string_view expectation) const {
    if (condition) return;
    std::string got;
    for (const In& i : in_) {
        got += got.empty() ? "" : " and ";
        if (i.present && i.dtype != scalar_) got += std::string(name_of(i.dtype)) + " ";
        got += i.present ? gradus::to_string(i.shape) : std::string("none");
    }
    throw_shape_error(context_ + ": expects " + std::string(expectation) + ", got " + (got.empty() ? "no input" : got) +
                      (origin_.empty() ? "" : "; its input is " + origin_));
}

inline void Build::require_values(int i, Index min_rank, Index max_rank, std::string_view expectation) const {
    const In& x = in(i);
    const auto rank = static_cast<Index>(x.shape.size());
    require(x.present && x.dtype == scalar_ && rank >= min_rank && (max_rank == 0 || rank <= max_rank),
            of_input(expectation, i));
}

inline void Build::require_equal(const Dim& a, const Dim& b, std::string_view expectation, int input) {
    if (a == b) return;
    const std::string text = of_input(expectation, input);
    require(!Dim::never_equal(a, b), text);
    equalities_.push_back({a, b, text});
}

inline std::string Build::of_input(std::string_view expectation, int input) {
    return std::string(expectation) + (input > 0 ? " as input " + std::to_string(input) : "");
}

inline Shape Build::constant(const SymbolicShape& shape, std::string_view name) const {
    Shape s;
    for (const Dim& d : shape) {
        if (!d.is_constant())
            throw_shape_error(context_ + ": " + std::string(name) + " needs sizes known when the model is built, got " +
                              gradus::to_string(shape));
        s.push_back(d.constant());
    }
    return s;
}

inline Param Build::param(std::string_view name, const SymbolicShape& shape, const Initializer& initializer,
                          ParamOptions options) {
    params_.push_back({std::string(name), constant(shape, name), initializer, {}, options, nullptr, {}, false, {}});
    return {static_cast<int>(params_.size()) - 1};
}

inline Param Build::param(std::string_view name, const SymbolicShape& shape, std::shared_ptr<const Tensor<float>> value,
                          ParamOptions options) {
    const Shape s = constant(shape, name);
    if (value && value->shape() != s)
        throw_shape_error(context_ + ": " + std::string(name) + " expects given values of " + gradus::to_string(s) +
                          ", got " + gradus::to_string(value->shape()));
    params_.push_back({std::string(name), s, Initializer(), std::move(value), options, nullptr, {}, false, {}});
    return {static_cast<int>(params_.size()) - 1};
}

inline Param Build::alias(const LayerBase& owner, std::string_view name, bool transposed) {
    params_.push_back({std::string(name), {}, Initializer(), {}, {}, &owner, owner.identity(), transposed, {}});
    return {static_cast<int>(params_.size()) - 1};
}

inline Child Build::child(const LayerBase& layer, std::vector<In> inputs, std::string_view name, Dim times) {
    auto c = std::make_unique<ChildSpec>(ChildSpec{
        layer.copy(), Build(std::move(inputs), layer.dtype(), context_ + (name.empty() ? "" : "." + std::string(name))),
        std::string(name), std::move(times)});
    c->layer->build(c->build);
    c->build.check();
    children_.push_back(std::move(c));
    return {static_cast<int>(children_.size()) - 1};
}

inline const Build& Build::of(Child c) const { return children_[static_cast<std::size_t>(c.i)]->build; }

inline bool Build::is_detached(int input) const {
    for (int i : detached_)
        if (i == input) return true;
    return false;
}

GRADUS_END

/// Build: the record in which a layer, once per place of use, checks its inputs, declares outputs and asks for memory.
#pragma once
#include <gradus/core/dim.hpp>
#include <gradus/core/fields.hpp>
#include <gradus/initializers/initializer.hpp>
#include <gradus/layers/handles.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN

class LayerBase;
struct Identity;

namespace build {
/// What happens to the mask of an input: it travels on to an output, it ends here, or the layer writes a new one.
enum class Mask : std::uint8_t { stop, pass, make };
/// Which of its forward values a layer's backward reads; the plan frees the others early. Shapes stay: r.x(0).shape()
/// may be asked in backward under `neither`, too, and so may a mask.
enum class Needs : std::uint8_t { neither, input, output, both };
/// What the weights of a product multiply: the place's input, or what the layer itself computed (an LSTM's last h).
enum class Operand : std::uint8_t { input, own };
} // namespace build

/// How a parameter is treated beside its gradient.
struct ParamOptions {
    bool trainable = true;
    bool decay = true;
    double l1 = 0, l2 = 0, max_norm = 0;
    bool row_sparse = false;
};

/// The size of a buffer as a function of symbolic sizes, where a shape cannot say it: a kernel's workspace. Must be
/// monotone.
struct Sizer {
    std::vector<Dim> dims;
    std::function<Index(const Index*)> size;

    Index evaluate(const Extents& extents) const {
        Index values[Shape::max_rank] = {};
        for (std::size_t i = 0; i < dims.size(); ++i) values[i] = dims[i].evaluate(extents);
        return size(values);
    }
};

/// What `build` declares. A plain record; knows no graph and no memory.
class Build {
public:
    /// An input as the place sees it.
    struct In {
        SymbolicShape shape;
        Dtype dtype = Dtype::f32;
        bool has_mask = false;
        bool present = true;
    };
    struct Out {
        SymbolicShape shape;
        Dtype dtype = Dtype::f32;
        build::Mask mask = build::Mask::stop;
        int mask_input = 0;
    };
    struct ParamSpec {
        std::string name;
        Shape shape;
        Initializer initializer;
        std::shared_ptr<const Tensor<float>> value;
        ParamOptions options;
        const LayerBase* alias_of = nullptr;
        std::shared_ptr<Identity> alias_identity;
        bool transposed = false;
        struct Preset {
            Index first, last;
            double value;
        };
        std::vector<Preset> presets = {};
    };
    struct StateSpec {
        std::string name;
        Shape shape;
        Dtype dtype;
        double initial;
    };
    struct BufferSpec {
        SymbolicShape shape;
        Sizer sizer;
        Dtype dtype;
        std::string name;
        bool only_without_backward = false;
        Shape evaluate(const Extents& e) const {
            return sizer.size ? Shape{sizer.evaluate(e)} : gradus::evaluate(shape, e);
        }
    };
    struct IdsSpec {
        int input;
        Dim below;
    };
    struct Product {
        Dim multiply_adds;
        Param weights;
        build::Operand operand;
    };
    struct ChildSpec;
    struct Equality {
        Dim a, b;
        std::string expectation;
    };

    /// `context` names the place in errors ("lstm #2 \"encoder\""), `origin` where its input comes from ("dense #1").
    Build(std::vector<In> inputs, Dtype scalar, std::string context, std::string origin = {});
    ~Build();
    Build(Build&&) noexcept;
    Build& operator=(Build&&) noexcept;

    int inputs() const { return static_cast<int>(in_.size()); }
    /// Input i; an absent optional input has `present == false`. The layer takes the inputs up to the last one that it
    /// asks for here or names in `ids` or `detached`; more are an error.
    const In& in(int i) const;

    /// Declares output i, of the layer's scalar.
    void out(int i, SymbolicShape shape) { declare_out(i, std::move(shape), scalar_); }
    /// Declares output i of another element type: ids, flags.
    template <class U> void out_as(int i, SymbolicShape shape) { declare_out(i, std::move(shape), dtype_of<U>()); }
    /// Input i holds ids in [0, below): data are checked on entry; ids computed in the graph are clamped by their
    /// reader.
    void ids(int i, Dim below) {
        ids_.push_back({i, std::move(below)});
        taken_ = std::max(taken_, i + 1);
    }
    /// The mask of an output: [B, T], the output's first two axes. One that passes asks for an output whose first two
    /// axes are those of the input.
    void mask(int output, build::Mask m, int input = 0);

    /// Throws ShapeError "<place>: expects <expectation>, got <inputs' shapes>".
    void require(bool condition, std::string_view expectation) const;
    /// Throws ShapeError unless input i is there, of the layer's scalar, with at least (at most, where not 0) so many
    /// axes.
    void require_values(int i, Index min_rank, Index max_rank, std::string_view expectation) const;
    /// As require(a == b); what symbols leave undecided is checked again when a plan is made. An input other than 0
    /// that the sizes are of is named in the error.
    void require_equal(const Dim& a, const Dim& b, std::string_view expectation, int input = 0);

    /// A trained parameter of the layer's scalar. Every size must be known.
    Param param(std::string_view name, const SymbolicShape& shape, const Initializer& initializer,
                ParamOptions options = {});
    /// As param, starting from given values instead of an initializer.
    Param param(std::string_view name, const SymbolicShape& shape, std::shared_ptr<const Tensor<float>> value,
                ParamOptions options = {});
    /// Elements [first, last) start at a value, whatever the initializer gives them.
    void preset(Param p, Index first, Index last, double value) {
        params_[static_cast<std::size_t>(p.i)].presets.push_back({first, last, value});
    }
    /// Another layer's parameter, also read transposed (the reader transposes; the memory is the owner's).
    Param alias(const LayerBase& owner, std::string_view name, bool transposed = false);
    template <class U> State<U> state(std::string_view name, const SymbolicShape& shape, U initial) {
        states_.push_back({std::string(name), constant(shape, name), dtype_of<U>(), static_cast<double>(initial)});
        return {static_cast<int>(states_.size()) - 1};
    }
    template <class U> Carry<U> carry(std::string_view name, SymbolicShape shape) {
        carries_.push_back({std::move(shape), {}, dtype_of<U>(), std::string(name)});
        return {static_cast<int>(carries_.size()) - 1};
    }
    template <class U> Saved<U> saved(SymbolicShape shape) {
        return {add(saved_, {std::move(shape), {}, dtype_of<U>(), {}})};
    }
    template <class U> Saved<U> saved(Sizer sizer) { return {add(saved_, {{}, std::move(sizer), dtype_of<U>(), {}})}; }
    template <class U> Scratch<U> scratch(SymbolicShape shape) {
        return {add(scratch_, {std::move(shape), {}, dtype_of<U>(), {}})};
    }
    template <class U> Scratch<U> scratch(Sizer sizer) {
        return {add(scratch_, {{}, std::move(sizer), dtype_of<U>(), {}})};
    }
    template <class U> Kept<U> kept(const SymbolicShape& shape) {
        return {saved<U>(shape), {add(scratch_, {shape, {}, dtype_of<U>(), {}, true})}};
    }
    /// An inner layer on inputs of the wrapper's choice, built at once; its saved buffers have one entry per time.
    Child child(const LayerBase& layer, std::vector<In> inputs, std::string_view name, Dim times = 1);
    /// What an inner layer declared: its outputs' shapes.
    const Build& of(Child c) const;

    /// y may be x's memory, and dx dy's.
    void in_place() { in_place_ = true; }
    void backward_needs(build::Needs needs) { needs_ = needs; }
    /// For profiles: forward multiplies by a parameter, in so many multiply-adds. Backward takes as many again for the
    /// gradient of the parameter, where it is trained, and for that of the operand, where it is an input, if somebody
    /// asks. A child declares its own; work that is no product (activations, sums) is not counted.
    void product(Dim multiply_adds, Param weights, build::Operand operand = build::Operand::input) {
        products_.push_back({std::move(multiply_adds), weights, operand});
    }
    /// No gradient flows back to this input.
    void detached(int input) {
        detached_.push_back(input);
        taken_ = std::max(taken_, input + 1);
    }

    /// What holds for every layer, once its `build` is through: throws ValueError where it declared no output or was
    /// given more inputs than it takes, ShapeError where a mask passes to an output of other first axes.
    void check();

    // What the graph reads.
    const std::string& context() const { return context_; }
    Dtype scalar() const { return scalar_; }
    const std::vector<In>& ins() const { return in_; }
    const std::vector<Out>& outs() const { return outs_; }
    const std::vector<ParamSpec>& params() const { return params_; }
    const std::vector<StateSpec>& states() const { return states_; }
    const std::vector<BufferSpec>& carries() const { return carries_; }
    const std::vector<BufferSpec>& saved_buffers() const { return saved_; }
    const std::vector<BufferSpec>& scratch_buffers() const { return scratch_; }
    const std::vector<IdsSpec>& id_inputs() const { return ids_; }
    const std::vector<std::unique_ptr<ChildSpec>>& children() const { return children_; }
    const std::vector<Equality>& equalities() const { return equalities_; }
    const std::vector<Product>& products() const { return products_; }
    bool is_in_place() const { return in_place_; }
    build::Needs needs() const { return needs_; }
    bool is_detached(int input) const;

private:
    static std::string of_input(std::string_view expectation, int input);
    void declare_out(int i, SymbolicShape shape, Dtype dtype);
    void check_mask(int output);
    Shape constant(const SymbolicShape& shape, std::string_view name) const;
    static int add(std::vector<BufferSpec>& list, BufferSpec spec) {
        list.push_back(std::move(spec));
        return static_cast<int>(list.size()) - 1;
    }

    std::string context_, origin_;
    Dtype scalar_ = Dtype::f32;
    std::vector<In> in_;
    std::vector<Out> outs_;
    std::vector<ParamSpec> params_;
    std::vector<StateSpec> states_;
    std::vector<BufferSpec> carries_, saved_, scratch_;
    std::vector<IdsSpec> ids_;
    std::vector<std::unique_ptr<ChildSpec>> children_;
    std::vector<Equality> equalities_;
    std::vector<Product> products_;
    std::vector<int> detached_;
    mutable int taken_ = 0;
    build::Needs needs_ = build::Needs::both;
    bool in_place_ = false;
};

GRADUS_END

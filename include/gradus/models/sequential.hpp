/// Sequential: a model that is a list of layers.
#pragma once
#include <gradus/fwd.hpp>
#include <gradus/layers/layer.hpp>
#include <gradus/models/model.hpp>

#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN

namespace detail {
template <class... L> struct FirstScalar {
    using type = float;
};
template <class First, class... Rest> struct FirstScalar<First, Rest...> : FirstScalar<Rest...> {};
template <LayerType First, class... Rest> struct FirstScalar<First, Rest...> {
    using type = typename First::scalar;
};
template <class L>
concept StageType = LayerType<L> || std::derived_from<L, Preprocessor>;
} // namespace detail

/// A list of layers, each fed by the one before. Shapes come with the first data that fit, evaluate, train_on_batch or
/// forward takes, or from build(shape); predict, summary and save before that are a ValueError. A preprocessor
/// (TextVectorization) may stand in first place: then x are texts.
///
///     Sequential model{Embedding({.input_dim = 10000, .output_dim = 50}), LSTM({.units = 64}), Dense(1, sigmoid)};
///
/// The scalar is that of the first layer; layers of another scalar are converted. As in Keras, a layer object that is
/// listed twice is one layer with one set of parameters.
template <class T> class Sequential : public Model<T> {
public:
    Sequential() = default;
    template <detail::StageType... L>
        requires(sizeof...(L) > 0)
    explicit Sequential(const L&... stages) {
        (add(stages), ...);
    }

    /// Appends a layer; throws ValueError once shapes are known.
    template <detail::StageType L> void add(const L& stage) {
        if (this->is_built()) throw_value_error("sequential: add expects a model whose shapes are not known yet");
        if constexpr (std::derived_from<L, Preprocessor>) {
            if (!layers_.empty() || this->preprocessor())
                throw_value_error("sequential: " + std::string(stage.kind()) + " expects to be first, got place #" +
                                  std::to_string(layers_.size() + 1));
            this->set_preprocessor(std::make_shared<L>(stage));
        } else {
            layers_.emplace_back(stage);
        }
    }

    /// Fixes the shape of the input, batch axis included: build({dim::batch(), 20}), or build({dim::batch(),
    /// dim::time()}) for ids. The element type is the scalar's, or std::int32_t where the first layer reads ids.
    void build(const SymbolicShape& shape) {
        if (layers_.empty()) throw_value_error("sequential: expects at least one layer");
        if (this->is_built()) throw_value_error("sequential: build expects a model whose shapes are not known yet");
        const auto [in, outputs] = recorded(shape);
        this->set_graph({in}, outputs);
    }

    const std::vector<LayerHandle<T>>& layers() const { return layers_; }

protected:
    void build_for(const Columns& x) override {
        if (x.size() != 1) throw_shape_error("sequential: expects one input column, got " + std::to_string(x.size()));
        const AnyView& v = x[0].view();
        SymbolicShape shape{dim::batch()};
        for (Index i = 1; i < v.shape.rank(); ++i) shape.push_back(v.shape[i]);
        const SymbolicShape fixed = shape;
        const bool ids = v.dtype == Dtype::i32 && shape.size() >= 2 && !layers_.empty() && reads_ids(shape);
        if (ids) shape[1] = dim::time();
        try {
            build(shape);
        } catch (const ShapeError& e) {
            if (!ids || !fits(fixed)) throw;
            throw_shape_error(std::string(e.what()) +
                              "; lengths may differ from batch to batch unless the model is built for one: build({" +
                              "dim::batch(), " + fixed[1].to_string() + "})");
        }
    }

private:
    /// The input and the outputs of the layers, one after the other.
    std::pair<Node, std::vector<Node>> recorded(const SymbolicShape& shape) const {
        const Dtype dtype = reads_ids(shape) ? Dtype::i32 : dtype_of<T>();
        const Node in = input<T>(shape, dtype);
        Node x = in;
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            const LayerBase& layer = *layers_[i];
            std::string context = std::string(layer.kind()) + " #" + std::to_string(i + 1);
            if (!layer.name().empty()) context += " \"" + layer.name() + "\"";
            x = record(layer, std::vector<Node>{x}, context);
        }
        std::vector<Node> outputs;
        for (int i = 0; i < static_cast<int>(x.place()->build.outs().size()); ++i) outputs.push_back(x.output(i));
        return {in, outputs};
    }
    bool fits(const SymbolicShape& shape) const {
        try {
            (void)recorded(shape);
            return true;
        } catch (const Error&) { return false; }
    }
    /// Whether the first layer, given ids, would read them as such.
    bool reads_ids(const SymbolicShape& shape) const {
        const auto probe = layers_[0]->copy();
        Build b({{shape, Dtype::i32, false, true}}, dtype_of<T>(), std::string(probe->kind()) + " #1");
        try {
            probe->build(b);
        } catch (const ShapeError&) {
            return false; // the real build says what is wrong
        }
        return !b.id_inputs().empty();
    }

    std::vector<LayerHandle<T>> layers_;
};

template <detail::StageType... L> Sequential(const L&...) -> Sequential<typename detail::FirstScalar<L...>::type>;

GRADUS_END

/// Embedding: a trained vector for each id.
#pragma once
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/embedding.hpp>
#include <gradus/layers/layer.hpp>
#include <gradus/layers/regularizer.hpp>

#include <algorithm>
#include <limits>

GRADUS_BEGIN

struct EmbeddingOptions {
    Index input_dim = 0;  ///< V: ids are in [0, V)
    Index output_dim = 0; ///< D
    Initializer embeddings_initializer = initializers::random_uniform(-0.05, 0.05);
    Regularizer embeddings_regularizer = {};
    Constraint embeddings_constraint = {};
    bool mask_zero = false; ///< id 0 is padding: the output carries a mask
    bool trainable = true;
    Tensor<float> weights = {}; ///< start from this matrix [V, D] instead of the initializer
};

/// y[b, t] = E[x[b, t]]: ids x [B, T] (any axes) -> y [B, T, D], embeddings E [V, D].
/// Ids in data are checked before they enter; those computed in the graph are clamped to [0, V). ValueError for a plan
/// of more than 2^31 - 1 ids. The gradient of E is
/// sparse by rows, but with a regularizer: only ids of the step are updated, though optimizers treat the others as
/// zero, as Keras does. With mask_zero, x is [B, T].
template <class T = float> class Embedding : public Layer<Embedding, T> {
public:
    Embedding() = default;
    explicit Embedding(const EmbeddingOptions& options) : o_(options) {}

    std::string_view kind() const override { return "embedding"; }
    void fields(Fields& f) override {
        f("input_dim", o_.input_dim);
        f("output_dim", o_.output_dim);
        f("embeddings_initializer", o_.embeddings_initializer);
        f("embeddings_regularizer", o_.embeddings_regularizer);
        f("embeddings_constraint", o_.embeddings_constraint);
        f("mask_zero", o_.mask_zero);
        f("trainable", o_.trainable);
        f("weights", o_.weights);
    }

    void build(Build& b) override {
        if (o_.input_dim < 1 || o_.output_dim < 1)
            throw_value_error(b.context() + ": expects input_dim and output_dim of at least 1, got " +
                              std::to_string(o_.input_dim) + " and " + std::to_string(o_.output_dim));
        if (o_.input_dim > std::numeric_limits<std::int32_t>::max())
            throw_value_error(b.context() + ": input_dim expects at most 2^31 - 1, got " +
                              std::to_string(o_.input_dim));
        const auto& x = b.in(0);
        const auto rank = static_cast<Index>(x.shape.size());
        b.require(x.present && x.dtype == Dtype::i32 && rank >= 1 && rank < Shape::max_rank, "int32 ids [batch, ...]");
        b.require(!o_.mask_zero || rank == 2, "int32 ids [batch, time], for mask_zero");
        b.ids(0, o_.input_dim);
        SymbolicShape shape = x.shape;
        Dim n = 1;
        for (const Dim& d : shape) n = n * d;
        shape.emplace_back(o_.output_dim);
        b.out(0, shape);
        b.mask(0, o_.mask_zero ? build::Mask::make : build::Mask::pass);
        b.backward_needs(build::Needs::input);
        const ParamOptions options = regularized(b, o_.embeddings_regularizer, o_.embeddings_constraint,
                                                 {.trainable = o_.trainable, .row_sparse = true});
        const SymbolicShape table{o_.input_dim, o_.output_dim};
        embeddings_ = o_.weights.empty()
                          ? b.param("embeddings", table, o_.embeddings_initializer, options)
                          : b.param("embeddings", table, std::make_shared<const Tensor<float>>(o_.weights), options);
        const auto size = [v = o_.input_dim, where = b.context()](const Index* ids) {
            if (*ids > std::numeric_limits<std::int32_t>::max())
                throw_value_error(where + ": expects at most 2^31 - 1 ids in a batch, got " + std::to_string(*ids));
            return *ids + kernels::embedding_backward_workspace(*ids, v);
        };
        order_ = b.scratch<std::int32_t>(Sizer{{n}, size});
    }

    void forward(Run<T>& r) const override {
        const auto ids = r.ids(0);
        const auto given = r.mask(0);
        kernels::embedding_forward(r.y(0).data(), ids.data(), r[embeddings_].data(), ids.size(), o_.input_dim,
                                   o_.output_dim);
        if (!o_.mask_zero) return;
        const auto mask = r.out_mask(0);
        for (Index i = 0; i < mask.size(); ++i) mask[i] = ids[i] != 0 && (given.empty() || given[i]);
    }

    void backward(Run<T>& r) const override {
        const auto dy = r.dy(0);
        const auto g = r.grad(embeddings_);
        if (g.empty() || dy.empty()) return;
        const auto ids = r.ids(0);
        const Index n = ids.size();
        const auto sparse = r.positions(embeddings_);
        std::int32_t* clamped = r[order_].data();
        if (sparse.empty())
            for (Index i = 0; i < n; ++i)
                clamped[i] = std::clamp(ids[i], 0, static_cast<std::int32_t>(o_.input_dim - 1));
        kernels::embedding_backward(g.data(), dy.data(), sparse.empty() ? clamped : sparse.data(), n, o_.output_dim,
                                    g.shape()[0], clamped + n);
    }

private:
    EmbeddingOptions o_;
    Param embeddings_;
    Scratch<std::int32_t> order_;
};

GRADUS_END

/// Predictor: inference with memory of its own.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/fwd.hpp>
#include <gradus/models/model.hpp>

GRADUS_BEGIN

/// Bounds of a predictor's plan. `parallel` lets it use the process's threads; off, it stays on the caller's. Products
/// are in `precision`, whatever the model was compiled with.
struct PredictorOptions {
    Index batch = 1;
    bool parallel = false;
    ProductPrecision precision = {};
};

/// Runs a model's graph on its current parameters; allocates nothing once it has seen inputs of a size. Predictors of
/// one model may run at once, each in its own thread. It keeps graph and parameters alive; the model must not train
/// meanwhile. Texts go through the model's preprocessor, which allocates.
template <class T> class Predictor {
public:
    explicit Predictor(const Model<T>& model, const PredictorOptions& options = {})
        : graph_(model.graph()), table_(model.table()), preprocessor_(model.preprocessor()), options_(options),
          layout_(std::make_unique<GradientLayout>(*table_, Index(sizeof(T)), [](const Parameter&) { return true; })),
          workspace_(std::make_unique<Workspace<T>>(*graph_, *table_, *layout_, PlanOptions{})) {
        if (options.batch < 1)
            throw_value_error("predictor: batch expects at least 1, got " + std::to_string(options.batch));
        detail::check_precision<T>(options.precision, "predictor");
        pass_.precision = options.precision;
    }

    /// Computes output 0 of a batch of at most `batch` rows into `y`. Throws ShapeError or ValueError before anything
    /// runs.
    void operator()(const Columns& x, View<T> y) {
        run(x);
        const View<const T> out = output(0);
        if (y.size() != out.size())
            throw_shape_error("predictor: expects an output of " + to_string(out.shape()) + ", got " +
                              to_string(y.shape()));
        std::copy(out.begin(), out.end(), y.begin());
    }
    void operator()(const Columns& x, Tensor<T>& y) { (*this)(x, y.view()); }
    /// Runs the graph; `output` then shows the results until the next run.
    void run(const Columns& x) {
        const TraceSpan span("predict", "predict");
        bool texts = false;
        for (const Column& c : x) {
            if (c.rows() < 1 || c.rows() > options_.batch)
                throw_shape_error("predictor: expects 1 to " + std::to_string(options_.batch) +
                                  " rows (PredictorOptions::batch), got " + std::to_string(c.rows()));
            texts = texts || c.is_text();
        }
        if (!texts) return run_numbers(x);
        if (!preprocessor_ || x.size() != 1)
            throw_value_error("predictor: expects numbers, got texts, and a model without a TextVectorization");
        run_numbers(preprocessor_->apply(x[0].texts()));
    }
    /// Throws ValueError before the first run.
    View<const T> output(int i = 0) const {
        if (!ran_) throw_value_error("predictor: output expects run first");
        return detail::values_of<T>(workspace_->value(graph_->outputs().at(static_cast<std::size_t>(i))));
    }
    void reset_states() { workspace_->reset_states(); }

private:
    void run_numbers(const Columns& x) {
        Shape shapes[Columns::max_columns];
        for (std::size_t i = 0; i < x.size(); ++i) shapes[i] = x[i].view().shape;
        detail::bind_inputs(*graph_, shapes, x.size(), extents_, "predictor");
        for (std::size_t i = 0; i < x.size(); ++i) detail::check_input(*graph_, i, x[i].view(), true, "predictor");
        workspace_->set(extents_);
        ran_ = false;
        for (std::size_t i = 0; i < x.size(); ++i) copy_column(workspace_->value(graph_->inputs()[i]), x[i].view());
        const SerialScope serial(!options_.parallel);
        workspace_->forward(pass_, 0, workspace_->size());
        ran_ = true;
    }

    std::shared_ptr<const Graph> graph_;
    std::shared_ptr<ParameterTable> table_;
    std::shared_ptr<const Preprocessor> preprocessor_;
    PredictorOptions options_;
    std::unique_ptr<GradientLayout> layout_;
    std::unique_ptr<Workspace<T>> workspace_;
    Extents extents_;
    Pass pass_;
    bool ran_ = false;
};

GRADUS_END

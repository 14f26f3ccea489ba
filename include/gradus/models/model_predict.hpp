/// Definitions of Model: evaluate and predict. Included by models/model.hpp.
#pragma once
#include <gradus/models/model.hpp>

GRADUS_BEGIN

template <class T> Results Model<T>::evaluate(const Columns& x, const Columns& y, const EvaluateOptions& o) {
    const TraceSpan span("evaluate", "fit");
    require_compile("evaluate");
    check_rows(x, y, o.sample_weight, "evaluate");
    detail::check_batch_size(o.batch_size, "evaluate");
    Tensor<std::int32_t> tokens;
    std::optional<TensorDataset> made;
    building([&] {
        const Columns columns = prepared(x, tokens);
        if (!graph_) build_for(columns);
        if (pending_) compile_now();
        made = checked(columns, y, o.sample_weight, o.allow_nan, "evaluate");
    });
    const TensorDataset& data = *made;
    // A callback may evaluate while fit goes on with batches that it looks at one by one.
    struct Unchecked {
        bool& flag;
        bool before = std::exchange(flag, false);
        ~Unchecked() { flag = before; }
    } const unchecked{check_batches_};
    const auto rows = detail::row_range(0, data.size());
    ProgressBar bar(o.verbose, o.output, (data.size() + o.batch_size - 1) / o.batch_size);
    bar.begin(0, 0);
    run_rows(data, rows, o.batch_size, nullptr, bar);
    const std::span<const Log> all = logs(true, false);
    if (o.verbose != Verbose::silent) bar.end(all);
    Results r;
    for (const Log& l : all) r.add(l.name, l.value);
    return r;
}

template <class T> std::vector<Tensor<T>> Model<T>::predict_all(const Columns& x, const PredictOptions& o) const {
    const TraceSpan span("predict", "predict");
    require_content();
    check_rows(x, {}, {}, "predict");
    detail::check_batch_size(o.batch_size, "predict");
    Tensor<std::int32_t> tokens;
    const Columns columns = prepared(x, tokens);
    const std::lock_guard<std::mutex> lock(*mutex_);
    const Graph& g = *graph();
    initialize(seed_);
    const TensorDataset data = detail::make_dataset(columns, {}, {});
    {
        Extents first;
        Shape whole[Columns::max_columns];
        for (std::size_t i = 0; i < columns.size(); ++i) whole[i] = columns[i].view().shape;
        detail::bind_inputs(g, whole, columns.size(), first, "predict");
    }
    check(columns, false, o.allow_nan, "predict");
    Workspace<T>& w = inference_workspace(false);
    std::vector<Tensor<T>> results(g.outputs().size());
    Extents extents;
    Shape shapes[Columns::max_columns];
    const int last = compiled_ && &w == compiled_->inference.get() ? compiled_->first_loss : w.size();
    for (Index first = 0; first < data.size(); first += o.batch_size) {
        const Index n = std::min(o.batch_size, data.size() - first);
        for (std::size_t i = 0; i < columns.size(); ++i) {
            shapes[i] = columns[i].view().shape;
            shapes[i][0] = n;
        }
        detail::bind_inputs(g, shapes, columns.size(), extents, "predict");
        w.set(extents);
        const auto rows = detail::row_range(first, first + n);
        for (std::size_t i = 0; i < columns.size(); ++i) gather_rows(w.value(g.inputs()[i]), columns[i].view(), rows);
        w.forward(pass(false), 0, last);
        for (std::size_t k = 0; k < results.size(); ++k) {
            const AnyView y = w.value(g.outputs()[k]);
            const Index size = y.shape.size();
            if (first == 0) {
                Shape s = y.shape;
                if (s.rank()) s[0] = data.size();
                results[k] = Tensor<T>(s);
            }
            if (size) copy_column(View<T>(results[k].data() + first * (size / n), Shape{size}), y);
        }
    }
    return results;
}

GRADUS_END

/// Definitions of Model: fit, a loop over the public steps. Included by models/model.hpp.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/data/shuffle.hpp>
#include <gradus/models/model.hpp>
#include <gradus/models/prefetch.hpp>

#include <cmath>
#include <limits>

GRADUS_BEGIN

template <class T> void Model<T>::reset_metrics(Index rows) {
    for (auto& l : compiled_->losses) l.sum = l.count = 0;
    compiled_->penalties = {};
    compiled_->penalty_now = compiled_->penalty();
    for (auto& m : compiled_->metrics) {
        Index each = 1;
        const auto& shape = graph_->out(graph_->outputs()[static_cast<std::size_t>(m.output)]).shape;
        for (std::size_t i = 1; i < shape.size(); ++i) each *= std::max<Index>(1, shape[i].evaluate(scratch_extents_));
        m.metric->reset(rows * each);
    }
}

template <class T> void Model<T>::update_metrics(Workspace<T>& workspace, View<const T> weights) {
    const TraceSpan span("metrics", "metrics");
    for (auto& m : compiled_->metrics) {
        const Edge out = compiled_->graph.outputs()[static_cast<std::size_t>(m.output)];
        const AnyView prediction = workspace.value(out);
        for (const auto& l : compiled_->losses) {
            if (l.target != m.output) continue;
            auto mask = prediction.mask_view();
            if (prediction.shape.rank() < 3) mask = {};
            m.metric->update(workspace.value(l.target_input), prediction.template as<const T>(), weights, mask);
        }
    }
}

/// Loss, the losses of several outputs, and metrics; exact, or as the bar shows them while an epoch runs.
template <class T> std::span<const Log> Model<T>::logs(bool exact, bool validation) {
    std::size_t n = 0;
    double total = 0;
    const auto& losses = compiled_->losses;
    for (const auto& l : losses) total += l.count > 0 ? rounded(l.weight * (l.sum / l.count)) : 0;
    total += compiled_->penalties.mean();
    Log* out = logs_.data() + (validation ? logs_.size() / 2 : 0);
    out[n++] = {validation ? "val_loss" : "loss", total};
    if (losses.size() > 1)
        for (const auto& l : losses)
            out[n++] = {validation ? l.validation_name : l.name, l.count > 0 ? l.sum / l.count : 0};
    for (auto& m : compiled_->metrics)
        out[n++] = {validation ? m.validation_name : m.name, exact ? m.metric->result() : m.metric->running()};
    return {out, n};
}

/// Sets the symbols to what a batch of these rows needs.
template <class T> void Model<T>::bind_batch(const Dataset& data, std::span<const Index> rows) {
    const DatasetSpec& spec = data.spec();
    Shape shapes[Columns::max_columns];
    for (std::size_t i = 0; i < spec.inputs.size(); ++i)
        shapes[i] = detail::with_rows(spec.inputs[i].row, static_cast<Index>(rows.size()));
    detail::bind_inputs(compiled_->graph, shapes, spec.inputs.size(), scratch_extents_, "fit");
    data.extents(rows, scratch_extents_);
}

/// Gathers rows into the workspace; returns the batch's weights, empty where there are none.
template <class T>
View<const T> Model<T>::load_batch(Workspace<T>& workspace, const Dataset& data, std::span<const Index> rows) {
    const TraceSpan span("load batch", "input");
    const DatasetSpec& spec = data.spec();
    const Graph& g = compiled_->graph;
    bind_batch(data, rows);
    workspace.set(scratch_extents_);
    batch_inputs_.clear();
    batch_targets_.clear();
    for (const Edge& e : g.inputs()) batch_inputs_.push_back(workspace.value(e));
    batch_targets_.resize(spec.targets.size());
    for (const auto& l : compiled_->losses)
        if (l.target >= 0) batch_targets_[static_cast<std::size_t>(l.target)] = workspace.value(l.target_input);
    Batch batch{batch_inputs_, batch_targets_, {}};
    View<const T> weights;
    if (spec.has_weights) {
        const Shape shape = detail::with_rows(spec.weights.row, static_cast<Index>(rows.size()));
        if (weights_.size() < shape.size()) weights_ = Tensor<T>(shape);
        weights = View<const T>(weights_.data(), shape);
        batch.weights = AnyView(weights);
    }
    data.read(rows, batch);
    if (check_batches_) {
        Columns x, y;
        for (const AnyView& v : batch_inputs_) x.add(v);
        for (const AnyView& v : batch_targets_) y.add(v);
        const std::string_view verb = &workspace == compiled_->training.get() ? "fit" : "fit: validation data";
        check(x, false, batches_may_be_nan_, verb);
        check(y, true, batches_may_be_nan_, verb);
        if (spec.has_weights) check_sample_weight(Columns(batch.weights), batches_may_be_nan_, verb);
    }
    return weights;
}

/// Weights of the batch's losses by class of their targets, in the workspace.
template <class T>
View<const T> Model<T>::weigh_classes(Workspace<T>& workspace, const std::map<Index, double>& classes) {
    const auto& l = compiled_->losses[0];
    const Shape shape = gradus::evaluate(compiled_->graph.out(l.loss).shape, workspace.extents());
    const AnyView targets = workspace.value(l.target_input);
    const Index n = shape.size(), each = n ? targets.shape.size() / n : 1;
    const auto class_of = [&](const auto* t) {
        if (each == 1 && !(std::abs(static_cast<double>(*t)) < 0x1p62)) return std::numeric_limits<Index>::min(); // NaN
        return each == 1 ? static_cast<Index>(std::nearbyint(static_cast<double>(*t)))
                         : std::max_element(t, t + each) - t;
    };
    if (weights_.size() < n) weights_ = Tensor<T>(shape);
    for (Index i = 0; i < n; ++i) {
        const Index c = targets.dtype == Dtype::i32
                            ? class_of(static_cast<const std::int32_t*>(targets.data) + i * each)
                            : class_of(static_cast<const T*>(targets.data) + i * each);
        const auto found = classes.find(c);
        weights_[i] = found == classes.end() ? T(1) : static_cast<T>(found->second);
    }
    return {weights_.data(), shape};
}

/// Trains where there are options of fit, else evaluates.
template <class T> void Model<T>::run_rows(const Dataset& data, std::span<const Index> order, Index batch_size,
                                           const FitOptions* o, ProgressBar& bar) {
    bind_batch(data, order.first(std::min(order.size(), static_cast<std::size_t>(batch_size))));
    reset_metrics(static_cast<Index>(order.size()));
    Index batch = 0, update = 0;
    for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(batch_size)) {
        const TraceSpan span("step", "fit");
        const auto rows = order.subspan(first, std::min(static_cast<std::size_t>(batch_size), order.size() - first));
        // A callback may have frozen layers, which makes another workspace.
        Workspace<T>& workspace = o ? training_workspace() : inference_workspace(true);
        const View<const T> weights = load_batch(workspace, data, rows);
        workspace.forward(pass(o != nullptr), 0, workspace.size());
        run_losses(workspace, o && !o->class_weight.empty() ? weigh_classes(workspace, o->class_weight) : weights,
                   o != nullptr);
        update_metrics(workspace, weights);
        ++batch;
        if (o) {
            step_training_ = true;
            phase_ = Phase::seeded;
            backward();
            if (compiled_->is_full() || first + rows.size() == order.size()) step();
        }
        const std::span<const Log> now = logs(false, false);
        if (o && compiled_->accumulated == 0) {
            for (const CallbackHandle& c : o->callbacks) c->on_batch_end(*this, update, now);
            ++update;
        }
        bar.update(batch, now);
        if (o && stop_) break;
    }
}

template <class T> History Model<T>::fit(const Columns& x, const Columns& y, const FitOptions& o) {
    require_compile("fit");
    check_rows(x, y, o.sample_weight, "fit");
    check_fit_options(o);
    const auto rows = x[0].rows();
    const bool splits = !o.validation_data && o.validation_split > 0;
    const auto kept =
        splits ? static_cast<Index>(std::floor(static_cast<double>(rows) * (1 - o.validation_split))) : rows;
    if (kept == 0 || (splits && kept == rows))
        throw_value_error("fit: validation_split expects rows on both sides, got " + std::to_string(kept) +
                          " to train on of " + std::to_string(rows));
    Tensor<std::int32_t> tokens, validation_tokens;
    std::optional<TensorDataset> data, validation;
    building([&] {
        const Columns columns = prepared(x, tokens);
        if (!graph_) build_for(columns);
        if (pending_) compile_now();
        data = checked(columns, y, o.sample_weight, o.allow_nan, "fit");
        check_class_weight(o, false);
        if (!o.validation_data) return;
        const ValidationData& v = *o.validation_data;
        check_rows(v.x, v.y, v.sample_weight, "fit: validation_data");
        validation =
            checked(prepared(v.x, validation_tokens), v.y, v.sample_weight, o.allow_nan, "fit: validation_data");
    });
    check_batches_ = false;
    if (validation)
        return fit_rows(*data, detail::row_range(0, rows), *validation, detail::row_range(0, validation->size()), o);
    return fit_rows(*data, detail::row_range(0, kept), *data, detail::row_range(kept, rows), o);
}

template <class T> History Model<T>::fit(const Dataset& data, const FitOptions& o, const Dataset* validation) {
    require_compile("fit");
    check_fit_options(o);
    for (const Dataset* d : {&data, validation})
        if (d && d->size() == 0) throw_value_error("fit: expects at least one row, got an empty set");
    building([&] {
        Columns columns;
        for (const ColumnSpec& c : data.spec().inputs)
            columns.add(AnyView(nullptr, detail::with_rows(c.row, 1), c.dtype));
        if (!graph_) build_for(columns);
        if (pending_) compile_now();
        check_dataset(data, "fit");
        check_class_weight(o, data.spec().has_weights);
        if (validation) check_dataset(*validation, "fit: validation data");
    });
    check_batches_ = true;
    batches_may_be_nan_ = o.allow_nan;
    return fit_rows(data, detail::row_range(0, data.size()), validation ? *validation : data,
                    detail::row_range(0, validation ? validation->size() : 0), o);
}

template <class T> History Model<T>::fit_rows(const Dataset& data, std::vector<Index> order,
                                              const Dataset& validation_data, const std::vector<Index>& validation,
                                              const FitOptions& o) {
    compiled_->require_trained("fit");
    compiled_->drop_batches();
    const std::vector<Index> rows = order;
    std::vector<Index> shuffled(order.size());
    std::vector<Log> epoch_logs(logs_.size());
    History history;
    ProgressBar bar(o.verbose, o.output, (static_cast<Index>(order.size()) + o.batch_size - 1) / o.batch_size);
    ProgressBar silent(Verbose::silent, o.output, 0);
    const auto prefetch = o.prefetch ? detail::make_prefetch(*compiled_, dtype_of<T>()) : nullptr;
    const auto ahead = [&](const Dataset& from, std::span<const Index> batches, Index size) -> const Dataset& {
        return prefetch ? prefetch->begin(from, batches, size) : from;
    };
    stop_ = false;
    for (const auto& c : o.callbacks) c->on_train_begin(*this);
    for (Index epoch = o.initial_epoch; epoch < o.epochs && !stop_; ++epoch) {
        const TraceSpan span("epoch", "fit");
        for (const auto& c : o.callbacks) c->on_epoch_begin(*this, epoch);
        if (o.shuffle) {
            permutation(std::span<Index>(shuffled),
                        Random(seed_, 0, Purpose::shuffle, static_cast<std::uint32_t>(updates())));
            for (std::size_t i = 0; i < order.size(); ++i) order[i] = rows[static_cast<std::size_t>(shuffled[i])];
        }
        bar.begin(epoch, o.epochs);
        run_rows(ahead(data, order, o.batch_size), order, o.batch_size, &o, bar);
        std::size_t n = 0;
        for (const Log& l : logs(true, false)) epoch_logs[n++] = l;
        if (!validation.empty()) {
            const TraceSpan validates("validation", "fit");
            const Index size = o.validation_batch_size > 0 ? o.validation_batch_size : o.batch_size;
            run_rows(ahead(validation_data, validation, size), validation, size, nullptr, silent);
            for (const Log& l : logs(true, true)) epoch_logs[n++] = l;
        }
        const std::span<const Log> all(epoch_logs.data(), n);
        bar.end(all);
        for (const Log& l : all) history.add(l.name, l.value);
        for (const auto& c : o.callbacks) {
            const TraceSpan calls(c->kind(), "callback");
            c->on_epoch_end(*this, epoch, all);
        }
    }
    const EMAOptions& ema = compiled_->options().ema;
    if (ema.momentum > 0 && ema.overwrite && updates() > 0 && o.epochs > o.initial_epoch) compiled_->assign_averages();
    for (const auto& c : o.callbacks) c->on_train_end(*this);
    return history;
}

GRADUS_END

/// Definitions of Model: what data must be like before anything changes. Included by models/model.hpp.
#pragma once
#include <gradus/models/model.hpp>

#include <cmath>

GRADUS_BEGIN

template <class T>
void Model<T>::check_rows(const Columns& x, const Columns& y, const Columns& w, std::string_view verb) const {
    if (x.empty()) throw_value_error(std::string(verb) + ": expects data, got none");
    const Index n = x[0].rows();
    if (n == 0) throw_value_error(std::string(verb) + ": expects at least one row, got an empty set");
    const auto same = [&](const Columns& columns, const char* what) {
        for (const Column& c : columns)
            if (c.rows() != n)
                throw_shape_error(std::string(verb) + ": " + what + " expects " + std::to_string(n) + " rows, got " +
                                  std::to_string(c.rows()));
    };
    same(x, "x");
    same(y, "y");
    same(w, "sample_weight");
}

/// Values of columns: ids within their vocabulary, labels within their classes, no NaN unless allowed.
template <class T>
void Model<T>::check(const Columns& columns, bool targets, bool allow_nan, std::string_view verb) const {
    const Graph& g = compiled_ ? compiled_->graph : *graph();
    std::size_t k = 0;
    for (const Column& c : columns) {
        Edge e;
        if (!targets)
            e = g.inputs()[k];
        else
            for (const auto& l : compiled_->losses)
                if (l.target == static_cast<int>(k)) e = l.target_input;
        Index below = -1;
        for (const Graph::Entry& reader : g.entries())
            for (const auto& ids : reader.place->build.id_inputs())
                if (e.node >= 0 && reader.inputs[static_cast<std::size_t>(ids.input)] == e && ids.below.is_constant())
                    below = below < 0 ? ids.below.constant() : std::min(below, ids.below.constant());
        char name[64];
        std::snprintf(name, sizeof(name), "%.*s: %s #%d", static_cast<int>(verb.size()), verb.data(),
                      targets ? "target" : "input", static_cast<int>(++k));
        check_column(c.view(), name, below, allow_nan);
    }
}

/// Shapes of a dataset's columns against inputs and targets, before the first batch.
template <class T> void Model<T>::check_dataset(const Dataset& data) const {
    const DatasetSpec& spec = data.spec();
    const Graph& g = compiled_->graph;
    std::size_t wanted = 0;
    for (const auto& l : compiled_->losses) wanted += l.target >= 0;
    if (spec.targets.size() != wanted)
        throw_shape_error("model: expects " + std::to_string(wanted) + " target column(s), got " +
                          std::to_string(spec.targets.size()));
    const Index rows = std::min<Index>(2, data.size());
    Extents extents;
    Shape shapes[Columns::max_columns];
    for (std::size_t i = 0; i < spec.inputs.size() && i < Columns::max_columns; ++i)
        shapes[i] = detail::with_rows(spec.inputs[i].row, rows);
    bind(g, shapes, spec.inputs.size(), extents);
    const Index first[] = {0, 1};
    data.extents(std::span<const Index>(first, static_cast<std::size_t>(rows)), extents);
    for (const auto& l : compiled_->losses) {
        if (l.target < 0) continue;
        detail::check_shape(g.out(l.target_input).shape,
                            detail::with_rows(spec.targets[static_cast<std::size_t>(l.target)].row, rows), extents,
                            "target");
        if (spec.has_weights) compiled_->check_weights(l, detail::with_rows(spec.weights.row, rows), extents);
    }
}

/// Columns whose shapes and values fit the model, as a dataset.
template <class T> TensorDataset Model<T>::checked(const Columns& x, const Columns& y, const Columns& w, bool allow_nan,
                                                   std::string_view verb) const {
    TensorDataset data = detail::make_dataset(x, y, w);
    check_dataset(data);
    check(x, false, allow_nan, verb);
    check(y, true, allow_nan, verb);
    for (const Column& c : w) check_column(c.view(), std::string(verb) + ": sample_weight", -1, allow_nan);
    check_metrics(y, w);
    return data;
}

template <class T> void Model<T>::check_fit_options(const FitOptions& o) {
    for (const auto& [label, weight] : o.class_weight)
        if (!std::isfinite(weight))
            throw_value_error("fit: class_weight expects finite weights, got " + std::to_string(weight) +
                              " for class " + std::to_string(label));
    if (!o.class_weight.empty() && !o.sample_weight.empty())
        throw_value_error("fit: expects class_weight or sample_weight, got both");
    detail::check_batch_size(o.batch_size, "fit");
    if (o.epochs < 0) throw_value_error("fit: epochs expects at least 0, got " + std::to_string(o.epochs));
    if (o.validation_batch_size < 0)
        throw_value_error("fit: validation_batch_size expects at least 0, got " +
                          std::to_string(o.validation_batch_size));
    if (o.initial_epoch < 0)
        throw_value_error("fit: initial_epoch expects at least 0, got " + std::to_string(o.initial_epoch));
    if (!(o.validation_split >= 0 && o.validation_split < 1))
        throw_value_error("fit: validation_split expects a share from 0 to below 1, got " +
                          std::to_string(o.validation_split));
}

/// Targets and weights that a metric would refuse in the middle of an epoch. Steps that a mask may leave out are not
/// looked at.
template <class T> void Model<T>::check_metrics(const Columns& y, const Columns& weights) const {
    for (const auto& m : compiled_->metrics) {
        const auto column = static_cast<std::size_t>(m.output);
        if (graph_->out(graph_->outputs()[column]).mask != build::Mask::stop || column >= y.size()) continue;
        m.metric->check(y[column].view(), weights.empty() ? AnyView() : weights[0].view());
    }
}

GRADUS_END

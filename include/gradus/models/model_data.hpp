/// Definitions of Model: what data must be like before anything changes. Included by models/model.hpp.
#pragma once
#include <gradus/data/check_column.hpp>
#include <gradus/models/model.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

GRADUS_BEGIN

template <class T>
void Model<T>::check_rows(const Columns& x, const Columns& y, const Columns& w, std::string_view verb) const {
    if (x.empty()) throw_value_error(std::string(verb) + ": expects data, got none");
    const Index n = x[0].rows();
    if (n == 0) throw_value_error(std::string(verb) + ": expects at least one row, got an empty set");
    const auto same = [&](const Columns& columns, const char* what) {
        for (const Column& c : columns) {
            if (c.is_text() && &columns != &x)
                throw_value_error(std::string(verb) + ": " + what +
                                  " expects numbers, got texts; LabelEncoder turns names of classes into numbers");
            if (c.rows() != n)
                throw_shape_error(std::string(verb) + ": " + what + " expects " + std::to_string(n) + " rows, got " +
                                  std::to_string(c.rows()));
        }
    };
    same(x, "x");
    same(y, "y");
    same(w, "sample_weight");
}

/// Values of columns: ids within their vocabulary, targets within their range, no NaN or infinity unless allowed.
template <class T>
void Model<T>::check(const Columns& columns, bool targets, bool allow_nan, std::string_view verb) const {
    const Graph& g = compiled_ ? compiled_->graph : *graph();
    for (std::size_t k = 0; k < columns.size(); ++k) {
        const detail::CompiledLoss<T>* loss = nullptr;
        if (targets)
            for (const auto& l : compiled_->losses)
                if (l.target == static_cast<int>(k)) loss = &l;
        if (targets && !loss) continue;
        if (!loss) {
            detail::check_input(g, k, columns[k].view(), allow_nan, verb);
            continue;
        }
        detail::ColumnRule rule = detail::rule_of(g, loss->target_input, allow_nan);
        rule.called = "labels";
        rule.low = loss->low;
        rule.high = loss->high;
        detail::check_column(
            columns[k].view(), rule, [&] { return target_name(*loss, verb); },
            [&] {
                return std::string(rule.below == 1
                                       ? "the output has one unit, for which BinaryCrossentropy takes labels 0 and 1"
                                       : "");
            });
    }
}

template <class T> void Model<T>::check_sample_weight(const Columns& w, bool allow_nan, std::string_view verb) const {
    const detail::ColumnRule rule{.to = dtype_of<T>(), .allow_nan = allow_nan, .called = "weights", .low = 0};
    for (const Column& c : w)
        detail::check_column(c.view(), rule, [&] { return std::string(verb) + ": sample_weight"; });
}

/// "fit: binary_crossentropy: target of output "dense_1""
template <class T> std::string Model<T>::target_name(const detail::CompiledLoss<T>& l, std::string_view verb) {
    return std::string(verb) + ": " + l.kind + ": target of output \"" + l.output + "\"";
}

template <class T> void Model<T>::check_target_count(std::size_t found, std::string_view verb) const {
    std::size_t wanted = 0;
    for (const auto& l : compiled_->losses) wanted += l.target >= 0;
    if (found != wanted)
        throw_shape_error(std::string(verb) + ": expects " + std::to_string(wanted) + " target column(s), got " +
                          std::to_string(found));
}

template <class T> void Model<T>::check_target(const detail::CompiledLoss<T>& l, const Shape& found,
                                               const Extents& extents, std::string_view verb) const {
    const SymbolicShape& expected = compiled_->graph.out(l.target_input).shape;
    if (detail::fits_shape(expected, found, extents)) return;
    const Index axes = found.rank() - static_cast<Index>(expected.size());
    // [N, 1] where [N, 3] is expected are class numbers, too.
    const bool single = axes == 0 && found.rank() > 1 && found[-1] == 1;
    const Dim& classes = compiled_->graph.out(l.prediction).shape.back();
    const bool one_hot = axes == 1 && classes.is_constant() && found[-1] == classes.constant();
    const std::string& hint = axes > 0 ? l.hint_of_more_axes : l.hint_of_less_axes;
    const bool hints = !hint.empty() && (one_hot || axes == -1 || single);
    throw_shape_error(target_name(l, verb) + ": expects " + detail::expected_text(expected, found, extents) + ", got " +
                      to_string(found) + (hints ? "; " + hint : std::string()));
}

/// Shapes of a dataset's columns against inputs and targets, before the first batch.
template <class T> void Model<T>::check_dataset(const Dataset& data, std::string_view verb) const {
    const DatasetSpec& spec = data.spec();
    check_target_count(spec.targets.size(), verb);
    const Index rows = data.size();
    Extents extents;
    Shape shapes[Columns::max_columns];
    for (std::size_t i = 0; i < spec.inputs.size() && i < Columns::max_columns; ++i)
        shapes[i] = detail::with_rows(spec.inputs[i].row, rows);
    detail::bind_inputs(compiled_->graph, shapes, spec.inputs.size(), extents, verb);
    const Index first[] = {0, 1};
    data.extents(std::span<const Index>(first, static_cast<std::size_t>(std::min<Index>(2, rows))), extents);
    for (const auto& l : compiled_->losses) {
        if (l.target < 0) continue;
        check_target(l, detail::with_rows(spec.targets[static_cast<std::size_t>(l.target)].row, rows), extents, verb);
        if (spec.has_weights) compiled_->check_weights(l, detail::with_rows(spec.weights.row, rows), extents, verb);
    }
    for (std::size_t i = 0; i < spec.inputs.size(); ++i) shapes[i] = detail::with_rows(spec.inputs[i].row, 1);
    detail::bind_inputs(compiled_->graph, shapes, spec.inputs.size(), extents, verb);
    try_metrics(extents);
}

/// Metrics that do not fit the outputs refuse them here: a copy of each sees a batch of zeros, masked where there may
/// be a mask.
template <class T> void Model<T>::try_metrics(const Extents& extents) const {
    const Graph& g = compiled_->graph;
    for (const auto& m : compiled_->metrics) {
        const auto& l = *std::find_if(compiled_->losses.begin(), compiled_->losses.end(),
                                      [&](const auto& candidate) { return candidate.target == m.output; });
        const Build::Out &out = g.out(l.prediction), &target = g.out(l.target_input);
        const Tensor<T> prediction(gradus::evaluate(out.shape, extents));
        const Shape& shape = prediction.shape();
        const Shape target_shape = gradus::evaluate(target.shape, extents);
        std::vector<double> zeros(static_cast<std::size_t>(target_shape.size())); // wide enough for any type
        const bool masked = out.mask != build::Mask::stop && shape.rank() >= 3;
        const Tensor<std::uint8_t> mask(masked ? Shape{shape[0], shape[1]} : Shape{0});
        const auto metric = m.metric->clone();
        metric->reset(prediction.size());
        metric->update(AnyView(zeros.data(), target_shape, target.dtype), prediction.view(), {},
                       masked ? mask.view() : View<const std::uint8_t>());
    }
    compiled_->metrics_fit = true;
}

/// Classes that the loss knows, of the only output.
template <class T> void Model<T>::check_class_weight(const FitOptions& o, bool has_weights) const {
    if (o.class_weight.empty()) return;
    const auto& l = compiled_->losses[0];
    if (graph_->outputs().size() != 1 || l.target < 0)
        throw_value_error("fit: class_weight expects a model with one output and its loss, got " +
                          std::to_string(graph_->outputs().size()) + " outputs");
    if (has_weights) throw_value_error("fit: expects class_weight or a dataset with weights, got both");
    const SymbolicShape& p = compiled_->graph.out(l.prediction).shape;
    const Index units = !p.empty() && p.back().is_constant() ? p.back().constant() : 1;
    const Index classes = units > 1 ? units : l.low == 0 && l.high == 1 ? 2 : 0; // 0: targets are any numbers
    for (const auto& entry : o.class_weight)
        if (classes > 0 && (entry.first < 0 || entry.first >= classes))
            throw_value_error("fit: class_weight expects classes from 0 to " + std::to_string(classes - 1) + ", got " +
                              std::to_string(entry.first));
}

/// Columns whose shapes and values fit the model, as a dataset.
template <class T> TensorDataset Model<T>::checked(const Columns& x, const Columns& y, const Columns& w, bool allow_nan,
                                                   std::string_view verb) const {
    TensorDataset data = detail::make_dataset(x, y, w);
    check_dataset(data, verb);
    check(x, false, allow_nan, verb);
    check(y, true, allow_nan, verb);
    check_sample_weight(w, allow_nan, verb);
    check_metrics(y, w);
    return data;
}

template <class T> void Model<T>::check_fit_options(const FitOptions& o) {
    for (const auto& [label, weight] : o.class_weight)
        if (!(weight >= 0 && std::isfinite(weight)))
            throw_value_error("fit: class_weight expects finite weights of at least 0, got " +
                              detail::value_text(weight) + " for class " + std::to_string(label));
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

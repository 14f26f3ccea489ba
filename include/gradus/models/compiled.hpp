/// Compiled: what training a model needs: losses joined to the graph, metrics, an optimizer with what it keeps,
/// workspaces.
#pragma once
#include <gradus/graph/workspace.hpp>
#include <gradus/kernels/reduce.hpp>
#include <gradus/models/update.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// A loss on an output of the model (target column `target`), or one recorded with add_loss (target -1).
template <class T> struct CompiledLoss {
    std::string name, validation_name;
    std::string kind, output;                         ///< of the loss; of the output that it judges
    std::string hint_of_more_axes, hint_of_less_axes; ///< for errors of the target's shape
    double low = 0, high = 0;                         ///< what targets may be
    Edge prediction, target_input, loss;
    int target = -1;
    double weight = 1;
    double sum = 0, count = 0; ///< of the epoch
};

template <class T> struct CompiledMetric {
    std::string name, validation_name;
    int output;
    MetricHandle<T> metric;
};

/// Sum of weighted losses and their normaliser: what micro-batches and shards add up.
struct LossValue {
    double sum = 0, count = 0;
    double mean() const { return count > 0 ? sum / count : 0; }
};

template <class T> class Compiled : public Updater<T> {
public:
    struct Extra {
        Node node;
        double weight;
    };

    /// The model's parameters have their memory already; what only losses need gets it here. `frozen`: names that
    /// model.freeze was given.
    Compiled(const Graph& model, const std::vector<std::string>& output_names, CompileOptions<T> options,
             const std::vector<Extra>& extra, const std::vector<std::string>& frozen)
        : Updater<T>(options), options_(options), graph(model), seed(options.seed) {
        check_precision<T>(options.precision, "compile");
        first_loss = static_cast<int>(graph.entries().size());
        const std::size_t outputs = graph.outputs().size();
        const auto& losses_given = options.loss.list();
        if (losses_given.size() != outputs && !(losses_given.empty() && !extra.empty()))
            throw_value_error("compile: expects " + std::to_string(outputs) + " loss(es), one for each output, got " +
                              std::to_string(losses_given.size()));
        if (!options.loss_weights.empty() && options.loss_weights.size() != losses_given.size())
            throw_value_error("compile: loss_weights expects " + std::to_string(losses_given.size()) + " values, got " +
                              std::to_string(options.loss_weights.size()));
        for (std::size_t k = 0; k < losses_given.size(); ++k) {
            const int output = find_output(losses_given[k].first, static_cast<int>(k), output_names, "loss");
            const double weight = options.loss_weights.empty() ? 1 : options.loss_weights[k];
            for (const auto& l : losses)
                if (l.target == output)
                    throw_value_error("compile: expects one loss for each output, got two for \"" +
                                      output_names[static_cast<std::size_t>(output)] + "\"; add_loss joins any other");
            join(losses_given[k].second, output, weight, output_names[static_cast<std::size_t>(output)]);
        }
        int added = 0;
        for (const Extra& e : extra) {
            CompiledLoss<T> l;
            l.name = "added_loss" + (added ? "_" + std::to_string(added) : std::string());
            ++added;
            const std::size_t known = graph.entries().size();
            l.loss = graph.extend(e.node);
            for (std::size_t i = known; i < graph.entries().size(); ++i)
                if (graph.entries()[i].inputs.empty() && graph.entries()[i].place->layer->kind() == "input")
                    throw_value_error(
                        "compile: an added loss depends on an input that is not among the model's inputs");
            l.weight = e.weight;
            losses.push_back(std::move(l));
        }
        for (auto& l : losses) l.validation_name = "val_" + l.name;
        for (const Graph::Entry& e : graph.entries())
            if (e.place->layer->dtype() != dtype_of<T>())
                throw_value_error("compile: expects layers of " + std::string(name_of(dtype_of<T>())) + ", got " +
                                  e.name + " of " + std::string(name_of(e.place->layer->dtype())));
        table = ParameterTable(graph, options.seed);
        for (const auto& [output, metric] : options.metrics.list()) {
            if (output.empty() && outputs > 1)
                throw_value_error(
                    "compile: metrics of a model with several outputs are pairs of an output's name and a metric");
            const int at = find_output(output, 0, output_names, "metric");
            std::string name = (outputs > 1 ? output + "_" : "") + metric->name();
            if (std::none_of(losses.begin(), losses.end(), [&](const auto& l) { return l.target == at; }))
                throw_value_error("compile: metric \"" + name + "\" expects a loss on output \"" +
                                  output_names[static_cast<std::size_t>(at)] + "\", which gives it targets, got none");
            metrics.push_back({name, "val_" + name, at, metric});
        }
        check_names();
        freeze(frozen);
    }

    /// Trains all but what these names, those of the options and layers' own options freeze; see Updater::relayout.
    /// What the workspaces hold is dropped.
    void freeze(const std::vector<std::string>& frozen) {
        std::vector<bool> flags = covered(table, options_.frozen, "compile: frozen");
        const std::vector<bool> more = covered(table, frozen, "freeze");
        for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = flags[i] || more[i];
        this->relayout(table, flags);
        inference_layers = frozen_layers(table, flags);
        training.reset();
        inference.reset();
        accumulated = 0;
        group_weight_ = batch_weight_ = 0;
    }

    PlanOptions plan_options(bool differentiated) const {
        PlanOptions p;
        p.differentiated = differentiated;
        p.first_loss = first_loss;
        for (const auto& l : losses) p.losses.push_back(l.loss);
        p.accumulate = options_.accumulate;
        p.inference = inference_layers;
        return p;
    }

    /// Weights are one for each of the losses, or one for each sample.
    void check_weights(const CompiledLoss<T>& l, const Shape& weights, const Extents& extents,
                       std::string_view verb) const {
        const Shape losses_shape = gradus::evaluate(graph.out(l.loss).shape, extents);
        bool fits = weights.rank() >= 1 && weights.rank() <= std::max<Index>(1, losses_shape.rank());
        for (Index i = 0; fits && i < weights.rank(); ++i) fits = weights[i] == losses_shape[i];
        if (!fits)
            throw_shape_error(std::string(verb) + ": sample_weight: expects one weight for each of the losses " +
                              to_string(losses_shape) + " or for each sample, got " + to_string(weights));
    }

    /// Sum of the weighted losses of one loss, over what its mask leaves; seeds its gradient where `seeds` is set:
    /// d = loss weight * sample weight / number of unmasked losses. Where batches accumulate, each counts as much as it
    /// has unmasked losses, or, with several losses, rows: d is multiplied by that, and the update divides by the
    /// group's total.
    LossValue evaluate_loss(const CompiledLoss<T>& l, Workspace<T>& workspace, View<const T> weights, bool seeds) {
        const FloatScope mode;
        const View<T> values = workspace.value(l.loss).template as<T>();
        const Index n = values.size();
        const auto mask =
            l.prediction.node >= 0 ? workspace.value(l.prediction).mask_view() : View<const std::uint8_t>();
        const bool masked = !mask.empty() && mask.size() == n && values.rank() >= 2;
        const Index steps = weights.empty() || weights.size() == 0 ? 1 : n / weights.size();
        LossValue v;
        v.count = static_cast<double>(n);
        if (masked) {
            Index real = 0;
            for (Index i = 0; i < n; ++i) real += mask[i] != 0;
            v.count = static_cast<double>(real);
        }
        const View<T> d = seeds ? workspace.gradient(l.loss).template as<T>() : View<T>();
        double scale = v.count > 0 ? l.weight / v.count : 0;
        if (seeds && options_.accumulate > 1) {
            batch_weight_ = losses.size() == 1 || graph.inputs().empty()
                                ? v.count
                                : static_cast<double>(workspace.value(graph.inputs()[0]).shape[0]);
            scale = losses.size() == 1 ? l.weight : scale * batch_weight_;
        }
        if (!masked && weights.empty()) {
            v.sum = static_cast<double>(kernels::sum(values.data(), n));
            if (!d.empty()) std::fill(d.begin(), d.end(), static_cast<T>(scale));
            return v;
        }
        weighted_.resize(static_cast<std::size_t>(n));
        for (Index i = 0; i < n; ++i) {
            const T w = masked && !mask[i] ? T(0) : weights.empty() ? T(1) : weights[i / steps];
            // A masked loss may be NaN: it does not count at all.
            weighted_[static_cast<std::size_t>(i)] = w == T(0) ? T(0) : w * values[i];
            if (!d.empty()) d[i] = static_cast<T>(static_cast<double>(w) * scale);
        }
        v.sum = static_cast<double>(kernels::sum(weighted_.data(), n));
        return v;
    }

    /// Before a batch's backward from its losses: what no loss reads starts from zero, as other readers add to it.
    void clear_unread() {
        for (const Edge& e : graph.outputs()) {
            const AnyView d = training->gradient(e);
            if (!d.empty() && !training->plan().consumed_by_loss(e))
                std::memset(d.data, 0, static_cast<std::size_t>(d.bytes()));
        }
    }
    /// After a batch's backward: it belongs to the group whose gradients the next update takes.
    void add_batch() {
        ++accumulated;
        group_weight_ += std::exchange(batch_weight_, 0.0);
    }
    /// Gradients that no update took are dropped.
    void drop_batches() {
        if (training && accumulated > 0) training->zero_gradients();
        accumulated = 0;
        group_weight_ = batch_weight_ = 0;
    }
    /// Whether the group is full.
    bool is_full() const { return accumulated >= options_.accumulate; }
    void step() {
        this->update(*training, options_.accumulate > 1 ? group_weight_ : 1);
        accumulated = 0;
        group_weight_ = batch_weight_ = 0;
    }

    const CompileOptions<T>& options() const { return options_; }
    CompileOptions<T>& options() { return options_; }

private:
    CompileOptions<T> options_;

public:
    Graph graph;          ///< the model's, then what only losses need
    ParameterTable table; ///< of that graph: the model's own first
    int first_loss = 0;
    std::vector<CompiledLoss<T>> losses;
    std::vector<CompiledMetric<T>> metrics;
    bool metrics_fit = false;                      ///< they have seen a batch of these shapes
    std::vector<const Identity*> inference_layers; ///< frozen layers with state use it, but do not change it
    Index accumulated = 0;                         ///< batches since the last update
    double penalty_now = 0;                        ///< of the parameters' regularisation
    LossValue penalties;                           ///< of the epoch, by rows
    std::uint64_t seed = 0;
    std::unique_ptr<Workspace<T>> training, inference;

private:
    /// Logs and History tell their numbers apart by name.
    void check_names() const {
        std::vector<std::string_view> taken{"loss", "epoch"};
        if (losses.size() > 1)
            for (const auto& l : losses) taken.push_back(l.name);
        for (const auto& m : metrics) {
            if (m.name.empty() || m.name.starts_with("val_") ||
                std::find(taken.begin(), taken.end(), m.name) != taken.end())
                throw_value_error("compile: metrics expect names that nothing else has and that do not begin with "
                                  "\"val_\", got \"" +
                                  m.name + "\"; metrics take another with {.name = ...}");
            taken.push_back(m.name);
        }
    }
    static int find_output(const std::string& name, int otherwise, const std::vector<std::string>& names,
                           const char* what) {
        if (name.empty()) return otherwise;
        std::string known;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i] == name) return static_cast<int>(i);
            known += (i ? ", " : "") + names[i];
        }
        throw_value_error("compile: " + std::string(what) + " of \"" + name + "\" expects the name of an output (" +
                          known + ")");
    }
    void join(const LossHandle<T>& loss, int output, double weight, const std::string& output_name) {
        CompiledLoss<T> l;
        l.name = output_name + "_loss";
        l.kind = loss->kind();
        l.output = output_name;
        l.hint_of_more_axes = loss->target_hint(1);
        l.hint_of_less_axes = loss->target_hint(-1);
        const auto range = loss->target_range();
        l.low = range.low;
        l.high = range.high;
        l.target = output;
        l.weight = weight;
        l.prediction = graph.outputs()[static_cast<std::size_t>(output)];
        const Graph::Entry& entry = graph.at(l.prediction);
        const Build::Out& out = graph.out(l.prediction);
        const Build::In prediction{out.shape, out.dtype, out.mask != build::Mask::stop, true};
        const Build::In target = loss->target(prediction);
        const Node target_node = input<T>(target.shape, target.dtype);
        const Node prediction_node(entry.place, l.prediction.output);
        l.target_input = graph.extend(target_node);
        l.loss = graph.extend(record(*loss, std::vector<Node>{prediction_node, target_node}));
        losses.push_back(std::move(l));
    }

    std::vector<T> weighted_;
    double group_weight_ = 0, batch_weight_ = 0;
};

} // namespace detail
GRADUS_END

/// Definitions of Model: the public steps that training is made of. Included by models/model.hpp.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/models/model.hpp>

GRADUS_BEGIN

/// Texts go through the preprocessor; all else is taken as it is.
template <class T> Columns Model<T>::prepared(const Columns& x, Tensor<std::int32_t>& tokens) const {
    bool text = false;
    for (const Column& c : x) text = text || c.is_text();
    if (!text) {
        if (preprocessor_)
            throw_value_error("model: its " + std::string(preprocessor_->kind()) + " expects texts, got numbers");
        return x;
    }
    if (!preprocessor_ || x.size() != 1)
        throw_value_error("model: expects numbers, got texts; a TextVectorization in first place turns texts into ids");
    tokens = preprocessor_->apply(x[0].texts());
    return Columns(tokens);
}

template <class T> Pass Model<T>::pass(bool training) const {
    Pass p;
    p.training = training;
    p.seed = seed_;
    p.update = static_cast<std::uint32_t>(updates());
    if (const CompileOptions<T>* o = compile_options()) p.precision = o->precision;
    p.micro = compiled_ ? static_cast<std::uint32_t>(compiled_->accumulated) : 0;
    return p;
}

template <class T> Workspace<T>& Model<T>::training_workspace() {
    if (compiled_) {
        if (!compiled_->training) {
            PlanOptions o = compiled_->plan_options(true);
            if (input_gradients_) o.gradients_of = compiled_->graph.inputs();
            compiled_->training =
                std::make_unique<Workspace<T>>(compiled_->graph, compiled_->table, compiled_->layout, o);
        }
        return *compiled_->training;
    }
    if (!uncompiled_training_) {
        const std::vector<bool> frozen = detail::covered(*table(), frozen_, "freeze");
        uncompiled_layout_ = std::make_unique<GradientLayout>(*table(), Index(sizeof(T)), [&](const Parameter& p) {
            return !p.options.trainable || frozen[static_cast<std::size_t>(&p - table_->list().data())];
        });
        PlanOptions o;
        o.inference = detail::frozen_layers(*table_, frozen);
        o.differentiated = true;
        if (input_gradients_) o.gradients_of = graph_->inputs();
        uncompiled_training_ = std::make_unique<Workspace<T>>(*graph_, *table_, *uncompiled_layout_, o);
    }
    return *uncompiled_training_;
}

template <class T> Workspace<T>& Model<T>::inference_workspace(bool with_losses) const {
    if (compiled_ && (with_losses || compiled_->inference)) {
        if (!compiled_->inference)
            compiled_->inference = std::make_unique<Workspace<T>>(compiled_->graph, compiled_->table, compiled_->layout,
                                                                  compiled_->plan_options(false));
        return *compiled_->inference;
    }
    if (!plain_) {
        if (!no_gradients_)
            no_gradients_ =
                std::make_unique<GradientLayout>(*table(), Index(sizeof(T)), [](const Parameter&) { return true; });
        plain_ = std::make_unique<Workspace<T>>(*graph(), *table(), *no_gradients_, PlanOptions{});
    }
    return *plain_;
}

template <class T> void Model<T>::want_input_gradients(bool wanted) {
    input_gradients_ = wanted;
    if (compiled_) {
        compiled_->drop_batches();
        compiled_->training.reset();
    }
    uncompiled_training_.reset();
    phase_ = Phase::none;
}

template <class T> void Model<T>::load_inputs(const Columns& x, std::string_view verb) {
    const TraceSpan span("load batch", "input");
    Tensor<std::int32_t> tokens;
    const Columns columns = prepared(x, tokens);
    if (!graph_) build_for(columns);
    if (pending_) compile_now();
    initialize(seed_);
    Workspace<T>& w = training_workspace();
    const Graph& g = compiled_ ? compiled_->graph : *graph_;
    Shape shapes[Columns::max_columns];
    for (std::size_t i = 0; i < columns.size(); ++i) shapes[i] = columns[i].view().shape;
    detail::bind_inputs(g, shapes, columns.size(), scratch_extents_, verb);
    check(columns, false, true, verb);
    w.set(scratch_extents_);
    phase_ = Phase::none;
    for (std::size_t i = 0; i < columns.size(); ++i) copy_column(w.value(g.inputs()[i]), columns[i].view());
}

template <class T> void Model<T>::run_forward(bool training) {
    step_training_ = training;
    Workspace<T>& w = training_workspace();
    w.forward(pass(training), 0, compiled_ ? compiled_->first_loss : w.size());
    phase_ = Phase::forwarded;
}

template <class T> void Model<T>::forward(const Columns& x, bool training) {
    require_content();
    building([&] { load_inputs(x, "forward"); });
    run_forward(training);
}

template <class T> View<const T> Model<T>::output(int i) const {
    const Workspace<T>* w = compiled_ ? compiled_->training.get() : uncompiled_training_.get();
    if (!w || phase_ == Phase::none) throw_value_error("model: output expects forward first");
    return detail::values_of<T>(w->value(graph_->outputs().at(static_cast<std::size_t>(i))));
}

/// Shapes and values of a batch's targets and weights.
template <class T> void Model<T>::check_targets(const Columns& y, const Columns& sample_weight, const Extents& extents,
                                                std::string_view verb) const {
    const detail::Compiled<T>& c = *compiled_;
    check_target_count(y.size(), verb);
    for (const auto& l : c.losses) {
        if (l.target < 0) continue;
        check_target(l, y[static_cast<std::size_t>(l.target)].view().shape, extents, verb);
        if (!sample_weight.empty()) c.check_weights(l, sample_weight[0].view().shape, extents, verb);
    }
    check(y, true, true, verb);
    check_sample_weight(sample_weight, true, verb);
}

template <class T> double Model<T>::run_loss(const Columns& y, const Columns& sample_weight) {
    detail::Compiled<T>& c = *compiled_;
    Workspace<T>& w = *c.training;
    for (const auto& l : c.losses)
        if (l.target >= 0) copy_column(w.value(l.target_input), y[static_cast<std::size_t>(l.target)].view());
    View<const T> weights;
    if (!sample_weight.empty()) {
        const AnyView& from = sample_weight[0].view();
        if (weights_.size() < from.shape.size()) weights_ = Tensor<T>(from.shape);
        const View<T> to(weights_.data(), from.shape);
        copy_column(to, from);
        weights = to;
    }
    w.forward(pass(step_training_), c.first_loss, w.size());
    for (auto& l : c.losses) l.sum = l.count = 0;
    phase_ = Phase::seeded;
    return run_losses(w, weights, true);
}

template <class T> double Model<T>::loss(const Columns& y, const Columns& sample_weight) {
    detail::Compiled<T>& c = compiled("loss");
    if (!c.training || phase_ == Phase::none) throw_value_error("model: loss expects forward first");
    if (phase_ == Phase::used)
        throw_value_error("model: loss expects a new forward, got one that backward has used up");
    check_targets(y, sample_weight, c.training->extents(), "loss");
    return run_loss(y, sample_weight);
}

/// Adds every loss of the batch to its epoch's sums; returns the batch's weighted total.
template <class T> double Model<T>::run_losses(Workspace<T>& workspace, View<const T> weights, bool seed) {
    const TraceSpan span("loss", "loss");
    double total = 0;
    for (auto& l : compiled_->losses) {
        const detail::LossValue v =
            compiled_->evaluate_loss(l, workspace, l.target >= 0 ? weights : View<const T>(), seed);
        l.sum += v.sum;
        l.count += v.count;
        total += rounded(l.weight * v.mean());
    }
    detail::Compiled<T>& c = *compiled_;
    if (seed) c.penalty_now = c.penalty();
    const auto rows =
        c.graph.inputs().empty() ? 1.0 : static_cast<double>(workspace.value(c.graph.inputs()[0]).shape[0]);
    c.penalties.sum += rounded(rows * c.penalty_now);
    c.penalties.count += rows;
    return total + c.penalty_now;
}

template <class T> void Model<T>::backward() {
    detail::Compiled<T>& c = compiled("backward");
    if (!c.training || phase_ == Phase::none) throw_value_error("model: backward expects forward and loss first");
    if (phase_ == Phase::forwarded)
        throw_value_error("model: backward expects loss first, or a gradient of the outputs, backward(dy)");
    if (phase_ == Phase::used)
        throw_value_error("model: backward expects a new forward and loss, got those that a backward has used up");
    phase_ = Phase::used;
    c.clear_unread();
    c.training->backward(pass(step_training_), true);
    c.add_batch();
}

template <class T> void Model<T>::backward(const std::vector<View<const T>>& dy) {
    Workspace<T>* w = compiled_ ? compiled_->training.get() : uncompiled_training_.get();
    if (!w || phase_ == Phase::none) throw_value_error("model: backward expects forward first");
    if (phase_ == Phase::used)
        throw_value_error("model: backward expects a new forward, got one that a backward has used up");
    if (dy.size() != graph_->outputs().size())
        throw_shape_error("backward: expects " + std::to_string(graph_->outputs().size()) + " gradient(s), got " +
                          std::to_string(dy.size()));
    for (std::size_t i = 0; i < dy.size(); ++i) {
        const View<T> d = w->gradient(graph_->outputs()[i]).template as<T>();
        if (d.empty()) continue;
        if (dy[i].empty()) {
            std::fill(d.begin(), d.end(), T(0));
            continue;
        }
        if (dy[i].size() != d.size())
            throw_shape_error("backward: expects a gradient of " + to_string(d.shape()) + ", got " +
                              to_string(dy[i].shape()));
        std::copy(dy[i].begin(), dy[i].end(), d.begin());
    }
    phase_ = Phase::used;
    w->backward(pass(step_training_), false);
    if (compiled_) compiled_->add_batch();
}

template <class T> View<const T> Model<T>::input_gradient(int i) const {
    const Workspace<T>* w = compiled_ ? compiled_->training.get() : uncompiled_training_.get();
    if (!input_gradients_ || !w)
        throw_value_error("model: input_gradient expects want_input_gradients() before forward");
    return w->gradient(graph_->inputs().at(static_cast<std::size_t>(i))).template as<const T>();
}

template <class T> void Model<T>::step() {
    detail::Compiled<T>& c = compiled("step");
    if (!c.training) throw_value_error("model: step expects forward, loss and backward first");
    c.require_trained("step");
    if (c.accumulated == 0)
        throw_value_error("model: step expects backward first, got no gradients since the last update");
    c.step();
}

template <class T> Results Model<T>::train_on_batch(const Columns& x, const Columns& y, const Columns& sample_weight) {
    const TraceSpan span("step", "fit");
    require_compile("train_on_batch");
    check_rows(x, y, sample_weight, "train_on_batch");
    building([&] {
        load_inputs(x, "train_on_batch");
        check_targets(y, sample_weight, compiled_->training->extents(), "train_on_batch");
        if (!compiled_->metrics_fit) try_metrics(compiled_->training->extents());
        for (auto& m : compiled_->metrics)
            m.metric->reset(
                compiled_->training->value(graph_->outputs()[static_cast<std::size_t>(m.output)]).shape.size());
        check_metrics(y, sample_weight);
        compiled_->require_trained("train_on_batch");
    });
    run_forward(true);
    const double value = run_loss(y, sample_weight);
    View<const T> weights;
    if (!sample_weight.empty()) weights = View<const T>(weights_.data(), sample_weight[0].view().shape);
    update_metrics(*compiled_->training, weights);
    backward();
    if (compiled_->is_full()) step();
    Results r;
    r.add("loss", value);
    for (auto& m : compiled_->metrics) r.add(m.name, m.metric->result());
    return r;
}

GRADUS_END

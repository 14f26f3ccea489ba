/// Definitions of Model: graph, parameters, compile, names, fingerprint, summary, clone. Included by models/model.hpp.
#pragma once
#include <gradus/core/hash.hpp>
#include <gradus/models/model.hpp>
#include <gradus/models/summary.hpp>

GRADUS_BEGIN

template <class T> void Model<T>::set_graph(const std::vector<Node>& inputs, const std::vector<Node>& outputs) {
    if (outputs.empty()) throw_value_error("model: expects at least one output");
    (void)kernels::isa(); // what GRADUS_ISA cannot have is said before anything is built
    auto graph = std::make_shared<Graph>(inputs, outputs);
    for (const Graph::Entry& e : graph->entries())
        if (e.place->layer->dtype() != dtype_of<T>())
            throw_value_error("model: expects layers of " + std::string(name_of(dtype_of<T>())) + ", got " + e.name +
                              " of " + std::string(name_of(e.place->layer->dtype())));
    output_names_.clear();
    for (const Edge& e : graph->outputs()) {
        std::string name = graph->at(e).name; // another output of the layer, or another place: "name_1"
        for (int n = 1; std::find(output_names_.begin(), output_names_.end(), name) != output_names_.end(); ++n)
            name = graph->at(e).name + "_" + std::to_string(n);
        output_names_.push_back(std::move(name));
    }
    graph_ = std::move(graph);
}

template <class T> const std::shared_ptr<const Graph>& Model<T>::graph() const {
    require_content();
    if (!graph_) throw_value_error("model: has no shapes yet; call build(shape), or fit with data first");
    return graph_;
}

template <class T> const std::shared_ptr<ParameterTable>& Model<T>::table() const {
    initialize(seed_);
    return table_;
}

template <class T> void Model<T>::initialize(std::uint64_t seed) const {
    require_content();
    const std::lock_guard<std::mutex> lock(*table_mutex_);
    if (!table_) table_ = std::make_shared<ParameterTable>(*graph(), seed);
}

template <class T> void Model<T>::compile(const CompileOptions<T>& options) {
    if (!options.optimizer) throw_value_error("compile: expects an optimizer, got none");
    require_content();
    auto before = std::exchange(pending_, std::make_unique<CompileOptions<T>>(options));
    const std::uint64_t seed = std::exchange(seed_, options.seed);
    if (!graph_) return;
    const bool had_values = table_ != nullptr;
    try {
        compile_now();
    } catch (...) {
        if (!had_values && table_) {
            table_->withdraw();
            table_.reset();
        }
        pending_ = std::move(before);
        seed_ = seed;
        throw;
    }
}

/// Builds the new compiled state first, so that a compile that throws leaves the model as it was.
template <class T> void Model<T>::compile_now() {
    const CompileOptions<T> options = *pending_;
    initialize(options.seed);
    auto fresh = std::make_unique<detail::Compiled<T>>(*graph_, output_names_, options, extra_losses_, frozen_);
    compiled_ = std::move(fresh);
    pending_.reset();
    uncompiled_training_.reset();
    phase_ = Phase::none;
    logs_.resize(2 * (1 + compiled_->losses.size() + compiled_->metrics.size()));
}

template <class T> template <class F> void Model<T>::building(const F& f) {
    if (graph_) return f();
    try {
        f();
    } catch (...) {
        unbuild();
        throw;
    }
}

template <class T> void Model<T>::unbuild() {
    if (compiled_) {
        pending_ = std::make_unique<CompileOptions<T>>(compiled_->options());
        compiled_->table.withdraw();
    }
    if (table_) table_->withdraw();
    compiled_.reset();
    uncompiled_training_.reset();
    uncompiled_layout_.reset();
    plain_.reset();
    no_gradients_.reset();
    table_.reset();
    graph_.reset();
    output_names_.clear();
    scratch_extents_ = {};
}

template <class T> View<T> Model<T>::parameter(std::string_view name) {
    const Index at = table()->find(name);
    if (at < 0) {
        std::string known;
        for (const Parameter& p : table_->list()) known += (known.empty() ? "" : ", ") + p.name;
        throw_value_error("model: expects one of " + known + ", got \"" + std::string(name) + "\"");
    }
    const AnyView v = table_->list()[static_cast<std::size_t>(at)].view();
    if (v.dtype != dtype_of<T>())
        throw_value_error("model: " + std::string(name) + " is " + std::string(name_of(v.dtype)));
    return v.as<T>();
}

template <class T> View<const T> Model<T>::gradient(std::string_view name) const {
    const GradientLayout* layout = compiled_ ? &compiled_->layout : uncompiled_layout_.get();
    const Workspace<T>* w = compiled_ ? compiled_->training.get() : uncompiled_training_.get();
    if (layout && w)
        for (const Segment& s : layout->segments)
            if (s.name == name && s.slot >= 0 && !s.row_sparse) return {w->gradients() + s.slot, s.shape};
    throw_value_error("model: no dense gradient of \"" + std::string(name) + "\" is at hand");
}

template <class T> std::vector<ModelBase::Variable> Model<T>::variables() const {
    std::vector<Variable> all;
    for (const Parameter& p : table()->list()) all.push_back({p.name, p.view(), p.trained});
    return all;
}

template <class T> Index Model<T>::count_parameters() const {
    Index n = 0;
    for (const Parameter& p : table()->list()) n += p.trained ? p.shape.size() : 0;
    return n;
}

template <class T> std::string Model<T>::fingerprint() const {
    std::uint64_t hash = detail::hash_start;
    for (const Parameter& p : table()->list()) {
        const AnyView v = p.view();
        hash = detail::hash_bytes(hash, v.data, v.bytes());
    }
    return detail::hash_text(hash);
}

template <class T> std::string Model<T>::summary() const { return summarize(*graph(), *table(), frozen_flags()); }

template <class T> void Model<T>::reset_states() {
    for (Workspace<T>* w : {compiled_ ? compiled_->training.get() : nullptr,
                            compiled_ ? compiled_->inference.get() : nullptr, plain_.get(), uncompiled_training_.get()})
        if (w) w->reset_states();
}

template <class T> Model<T> Model<T>::clone() const {
    Graph all = *graph();
    for (const auto& extra : extra_losses_) all.extend(extra.node);
    detail::IdentityMap identities;
    std::map<const Place*, Node> nodes;
    for (const Graph::Entry& e : all.entries()) {
        auto layer = e.place->layer->copy();
        detail::renew_identities(*layer, identities);
        std::vector<Node> inputs;
        for (const Node& n : e.place->inputs)
            inputs.push_back(n ? nodes.at(n.place().get()).output(n.index()) : Node());
        Node node = record(*layer, inputs, e.place->build.context());
        node.place()->scope = e.place->scope;
        node.place()->training = e.place->training;
        nodes[e.place.get()] = node;
    }
    const auto map = [&](const std::vector<Edge>& edges) {
        std::vector<Node> result;
        for (const Edge& e : edges) result.push_back(nodes.at(all.at(e).place.get()).output(e.output));
        return result;
    };
    Model copy(map(all.inputs()), map(all.outputs()));
    for (const auto& extra : extra_losses_)
        copy.add_loss(nodes.at(extra.node.place().get()).output(extra.node.index()), extra.weight);
    if (preprocessor_) copy.preprocessor_ = preprocessor_->clone();
    copy.seed_ = seed_;
    copy.frozen_ = frozen_;
    const auto values = [](const ParameterTable& from, const ParameterTable& to) {
        for (std::size_t i = 0; i < from.list().size(); ++i) {
            const AnyView v = from.list()[i].view();
            std::memcpy(to.list()[i].view().data, v.data, static_cast<std::size_t>(v.bytes()));
        }
    };
    values(*table(), *copy.table());
    if (compiled_) {
        CompileOptions<T> options = compiled_->options();
        options.optimizer = compiled_->optimizer; // it knows the learning rate as it is now
        copy.compile(options);
        values(compiled_->table, copy.compiled_->table);
    }
    if (pending_) copy.compile(*pending_);
    return copy;
}

GRADUS_END

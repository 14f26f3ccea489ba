/// Flow: who reads which value of a planned graph, and where gradients flow.
#pragma once
#include <gradus/graph/parameters.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// What a plan is made for.
struct PlanOptions {
    bool differentiated = false;
    std::vector<Edge> keep = {};         ///< values to keep until the next pass, beside inputs and outputs
    std::vector<Edge> gradients_of = {}; ///< inputs whose gradient is wanted
    std::vector<Edge> losses = {};       ///< outputs of loss places, after all of the model's own
    int first_loss = -1;                 ///< index of the first node that only losses need; -1: none
    Index accumulate =
        1; ///< backward passes between two updates, as far as is known: rows reserved for row-sparse gradients
    std::vector<const Identity*> inference =
        {}; ///< layers that never train, wherever they stand: a frozen normalisation
};

/// A node as it is executed: the graph's, or one that does the work of two.
struct PlannedNode {
    const LayerBase* layer = nullptr; ///< none: another node does its work
    std::string name, kind;           ///< as in the graph; "dense+activation" where it does the work of two
    const Build* build = nullptr;
    std::unique_ptr<LayerBase> owned_layer;
    std::unique_ptr<Build> owned_build;
    std::vector<Edge> inputs;
    std::uint64_t place = 0;
    std::optional<bool> training;
    bool differentiates = false;                       ///< backward runs
    activation::Kind passes_over = activation::linear; ///< of input 0's producer: gives the gradient below it
    int passed_by = -1;                                ///< the node that does so to this one; -1: none
    Frame frame;
    struct Sum {
        int input;
        AnyView total, part;
    };
    std::vector<Sum> sums; ///< after backward: total += part
};

/// Readers of every value, which nodes are differentiated, and which pass over the activation below them.
class Flow {
public:
    Flow(std::vector<PlannedNode> nodes, const Graph& graph, const ParameterTable& table, const GradientLayout& layout,
         PlanOptions options)
        : nodes_(std::move(nodes)), graph_(&graph), table_(&table), layout_(&layout), options_(std::move(options)) {
        find_consumers();
        find_differentiated();
        link_activations();
    }
    Flow(const Flow&) = delete;
    Flow& operator=(const Flow&) = delete;

    std::vector<PlannedNode>& nodes() { return nodes_; }
    const PlanOptions& options() const { return options_; }

protected:
    bool is_loss(int node) const { return options_.first_loss >= 0 && node >= options_.first_loss; }
    Index steps() const { return 2 * static_cast<Index>(nodes_.size()); }
    Index backward_step(int node) const { return steps() - 1 - node; }
    std::size_t key(Edge e) const {
        return offsets_[static_cast<std::size_t>(e.node)] + static_cast<std::size_t>(e.output);
    }
    const Build::Out& out(Edge e) const {
        return nodes_[static_cast<std::size_t>(e.node)].build->outs()[static_cast<std::size_t>(e.output)];
    }
    const std::vector<std::pair<int, int>>& consumers(Edge e) const { return consumers_[key(e)]; }
    bool listed(const std::vector<Edge>& list, Edge e) const {
        return std::find(list.begin(), list.end(), e) != list.end();
    }
    bool never_trains(const LayerBase& layer) const {
        return std::find(options_.inference.begin(), options_.inference.end(), layer.identity().get()) !=
               options_.inference.end();
    }
    bool pinned(Edge e) const {
        return listed(graph_->inputs(), e) || listed(graph_->outputs(), e) || listed(options_.keep, e) ||
               listed(options_.losses, e) || nodes_[static_cast<std::size_t>(e.node)].inputs.empty();
    }
    static bool is_real(Dtype d) { return d == Dtype::f32 || d == Dtype::f64; }
    bool wanted(int node) const { return wanted_[static_cast<std::size_t>(node)]; }
    /// Whether a gradient arrives at an output: it is the model's or a loss, or a differentiated node reads it.
    bool asked(Edge e) const {
        if (!is_real(out(e).dtype)) return false;
        if (listed(graph_->outputs(), e) || listed(options_.losses, e)) return true;
        for (const auto& [node, input] : consumers(e))
            if (flows(node, input)) return true;
        return false;
    }
    /// Whether a node's backward writes the gradient of this input.
    bool flows(int node, int input) const {
        const PlannedNode& n = nodes_[static_cast<std::size_t>(node)];
        const Edge e = n.inputs[static_cast<std::size_t>(input)];
        return n.differentiates && e.node >= 0 && wanted_[static_cast<std::size_t>(e.node)] &&
               !n.build->is_detached(input) && is_real(out(e).dtype);
    }

private:
    void find_consumers() {
        for (const PlannedNode& n : nodes_) {
            offsets_.push_back(edges_);
            edges_ += n.layer ? n.build->outs().size() : 1;
        }
        consumers_.resize(edges_);
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (nodes_[i].layer)
                for (std::size_t k = 0; k < nodes_[i].inputs.size(); ++k)
                    if (nodes_[i].inputs[k].node >= 0)
                        consumers_[key(nodes_[i].inputs[k])].emplace_back(int(i), int(k));
    }

    bool trains(const LayerBase& layer, const Build& build) const {
        for (const auto& p : build.params()) {
            const Index at = table_->find(p.alias_of ? p.alias_identity.get() : layer.identity().get(), p.name);
            const Index segment = at < 0 ? -1 : layout_->segment_of[static_cast<std::size_t>(at)];
            if (segment >= 0 && layout_->segments[static_cast<std::size_t>(segment)].slot >= 0) return true;
        }
        for (const auto& c : build.children())
            if (trains(*c->layer, c->build)) return true;
        return false;
    }

    /// Backward runs where a gradient is wanted at or before a node and something differentiable asks for it.
    void find_differentiated() {
        wanted_.assign(nodes_.size(), false);
        if (!options_.differentiated) return;
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            PlannedNode& n = nodes_[i];
            if (!n.layer) continue;
            bool wanted = trains(*n.layer, *n.build);
            for (std::size_t k = 0; k < n.inputs.size(); ++k)
                if (n.inputs[k].node >= 0 && !n.build->is_detached(int(k)) && is_real(out(n.inputs[k]).dtype))
                    wanted = wanted || wanted_[static_cast<std::size_t>(n.inputs[k].node)];
            for (std::size_t o = 0; o < n.build->outs().size(); ++o)
                wanted = wanted || listed(options_.gradients_of, Edge{int(i), int(o)});
            wanted_[i] = wanted;
        }
        for (int i = static_cast<int>(nodes_.size()) - 1; i >= 0; --i) {
            PlannedNode& n = nodes_[static_cast<std::size_t>(i)];
            if (!n.layer || !wanted_[static_cast<std::size_t>(i)]) continue;
            for (std::size_t o = 0; o < n.build->outs().size(); ++o)
                if (asked(Edge{i, int(o)})) n.differentiates = true;
        }
    }
    /// A reader that can gives the gradient below the activation of what it reads: a loss below softmax or sigmoid, a
    /// product below relu. Not where another reader adds to the gradient above, or it is asked for, or seeded: that of
    /// a loss, or of the model's output where backward does not start from losses. A loss does not run then, so its own
    /// link may stay.
    void link_activations() {
        if (!options_.differentiated) return;
        for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
            PlannedNode& reader = nodes_[static_cast<std::size_t>(i)];
            if (!reader.layer || reader.inputs.empty() || !flows(i, 0) || reader.inputs[0].output != 0) continue;
            const Edge e = reader.inputs[0];
            PlannedNode& producer = nodes_[static_cast<std::size_t>(e.node)];
            const activation::Kind kind = producer.layer->ends_with();
            if (kind == activation::linear || activation::needs_input(kind) || !reader.layer->passes_over(kind))
                continue;
            int readers = 0;
            for (const auto& [node, input] : consumers(e)) readers += flows(node, input);
            if (readers > 1 || listed(options_.gradients_of, e) || listed(options_.losses, e) ||
                (!is_loss(i) && listed(graph_->outputs(), e)))
                continue;
            reader.passes_over = kind;
            producer.passed_by = i;
        }
    }

protected:
    std::vector<PlannedNode> nodes_;
    const Graph* graph_;
    const ParameterTable* table_;
    const GradientLayout* layout_;
    PlanOptions options_;
    std::size_t edges_ = 0;

private:
    std::vector<std::size_t> offsets_;
    std::vector<std::vector<std::pair<int, int>>> consumers_;
    std::vector<bool> wanted_;
};

GRADUS_END

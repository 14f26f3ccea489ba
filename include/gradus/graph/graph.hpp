/// Graph: the places that a model's outputs need, in order of execution, with their names.
#pragma once
#include <gradus/graph/input.hpp>

#include <algorithm>
#include <map>
#include <set>

GRADUS_BEGIN

/// One output of one node of a graph; node -1: absent.
struct Edge {
    int node = -1;
    int output = 0;
    friend bool operator==(const Edge&, const Edge&) = default;
    friend auto operator<=>(const Edge&, const Edge&) = default;
};

/// A static graph, collected from its outputs. Names are scope path and layer name, numbered per model in order of
/// appearance.
class Graph {
public:
    struct Entry {
        std::shared_ptr<Place> place;
        std::vector<Edge> inputs;
        std::string name;
    };

    Graph() = default;
    /// Throws ValueError on an empty node, and where an output depends on an input that is not listed.
    Graph(const std::vector<Node>& inputs, const std::vector<Node>& outputs) {
        std::vector<std::shared_ptr<Place>> order;
        std::set<const Place*> seen;
        for (const auto* nodes : {&inputs, &outputs})
            for (const Node& n : *nodes) {
                if (!n) throw_value_error("model: expects inputs and outputs that are nodes, got an empty one");
                visit(n.place(), seen, order);
            }
        for (const auto& place : order) append(place);
        for (const Node& n : inputs) inputs_.push_back(edge(n));
        for (const Node& n : outputs) outputs_.push_back(edge(n));
        for (const Entry& e : entries_)
            if (e.inputs.empty() && e.place->layer->kind() == "input" &&
                std::none_of(inputs_.begin(), inputs_.end(), [&](Edge i) { return &at(i) == &e; }))
                throw_value_error("model: an output depends on an input that is not among the model's inputs");
    }

    /// Adds places that only a loss or a metric needs, after all others; their numbering changes nothing before them.
    Edge extend(const Node& n) {
        std::vector<std::shared_ptr<Place>> order;
        std::set<const Place*> seen;
        for (const Entry& e : entries_) seen.insert(e.place.get());
        visit(n.place(), seen, order);
        for (const auto& place : order) append(place);
        return edge(n);
    }

    const std::vector<Entry>& entries() const { return entries_; }
    const std::vector<Edge>& inputs() const { return inputs_; }
    const std::vector<Edge>& outputs() const { return outputs_; }
    const Entry& at(Edge e) const { return entries_[static_cast<std::size_t>(e.node)]; }
    const Build::Out& out(Edge e) const { return at(e).place->build.outs()[static_cast<std::size_t>(e.output)]; }
    Edge edge(const Node& n) const {
        if (!n) return {};
        const auto it = index_.find(n.place().get());
        return it == index_.end() ? Edge{} : Edge{it->second, n.index()};
    }

private:
    static void visit(const std::shared_ptr<Place>& root, std::set<const Place*>& seen,
                      std::vector<std::shared_ptr<Place>>& order) {
        // Depth first without recursion: models may be thousands of places deep.
        std::vector<std::pair<std::shared_ptr<Place>, std::size_t>> stack;
        if (!root || !seen.insert(root.get()).second) return;
        stack.emplace_back(root, 0);
        while (!stack.empty()) {
            auto& [place, next] = stack.back();
            if (next == place->inputs.size()) {
                order.push_back(place);
                stack.pop_back();
                continue;
            }
            const auto& child = place->inputs[next++].place();
            if (child && seen.insert(child.get()).second) stack.emplace_back(child, 0);
        }
    }
    void append(const std::shared_ptr<Place>& place) {
        Entry e{place, {}, {}};
        for (const Node& n : place->inputs) e.inputs.push_back(edge(n));
        const LayerBase& layer = *place->layer;
        auto& known = names_[layer.identity().get()];
        if (known.empty()) {
            const std::string base = place->scope + (layer.name().empty() ? std::string(layer.kind()) : layer.name());
            known = base;
            while (!used_.insert(known).second) known = base + "_" + std::to_string(++counts_[base]);
        }
        e.name = known;
        index_[place.get()] = static_cast<int>(entries_.size());
        entries_.push_back(std::move(e));
    }

    std::vector<Entry> entries_;
    std::vector<Edge> inputs_, outputs_;
    std::map<const Place*, int> index_;
    std::map<const Identity*, std::string> names_;
    std::map<std::string, int> counts_;
    std::set<std::string> used_;
};

GRADUS_END

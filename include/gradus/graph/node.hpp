/// Node: one output of a layer in a recorded static graph. Owns its place and, through it, everything it is computed
/// from.
#pragma once
#include <gradus/layers/layer.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

GRADUS_BEGIN

struct Place;

/// A value in a graph. Copies refer to the same place; a default-constructed node is an absent optional input.
class Node {
public:
    Node() = default;
    explicit Node(std::shared_ptr<Place> place, int output = 0) : place_(std::move(place)), output_(output) {}

    /// Another output of the same layer.
    Node output(int i) const;
    const SymbolicShape& shape() const;
    Dtype dtype() const;
    bool has_mask() const;
    explicit operator bool() const { return place_ != nullptr; }
    const std::shared_ptr<Place>& place() const { return place_; }
    int index() const { return output_; }

private:
    std::shared_ptr<Place> place_;
    int output_ = 0;
};

/// Where a layer stands: its own copy, what it declared, and its inputs.
struct Place {
    std::unique_ptr<LayerBase> layer;
    Build build;
    std::vector<Node> inputs;
    std::string scope;
    std::optional<bool> training; ///< overrides whether this place trains (a frozen normalisation)
    std::uint64_t serial = 0;     ///< order of recording

    /// Ends what nobody else holds one place after the other: a deep graph's destructors, each within another, would
    /// fill the stack.
    ~Place() {
        std::vector<Node> rest = std::move(inputs);
        while (!rest.empty()) {
            const Node last = std::move(rest.back());
            rest.pop_back();
            if (!last || last.place().use_count() > 1) continue;
            for (Node& n : last.place()->inputs) rest.push_back(std::move(n));
            last.place()->inputs.clear();
        }
    }
};

inline const SymbolicShape& Node::shape() const {
    return place_->build.outs()[static_cast<std::size_t>(output_)].shape;
}
inline Dtype Node::dtype() const { return place_->build.outs()[static_cast<std::size_t>(output_)].dtype; }
inline bool Node::has_mask() const {
    return place_->build.outs()[static_cast<std::size_t>(output_)].mask != build::Mask::stop;
}
inline Node Node::output(int i) const {
    if (!place_) throw_value_error("node: an empty one has no output " + std::to_string(i));
    const auto n = static_cast<int>(place_->build.outs().size());
    if (i < 0 || i >= n)
        throw_value_error(place_->build.context() + ": has " + std::to_string(n) + (n == 1 ? " output" : " outputs") +
                          ", got output(" + std::to_string(i) + ")");
    return Node(place_, i);
}

namespace detail {
inline thread_local std::string current_scope;

inline std::string describe(const LayerBase& layer) {
    std::string s(layer.kind());
    if (!layer.name().empty()) s += " \"" + layer.name() + "\"";
    return s;
}
} // namespace detail

/// Names recorded while it lives carry its path: `Scope s("encoder.0");`.
class Scope {
public:
    explicit Scope(std::string_view name) : outer_(detail::current_scope) {
        detail::current_scope += std::string(name) + ".";
    }
    ~Scope() { detail::current_scope = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

private:
    std::string outer_;
};

/// Records a layer on nodes. `context` names the place in errors; by default kind and name.
inline Node record(const LayerBase& layer, const std::vector<Node>& inputs, std::string context = {}) {
    static std::atomic<std::uint64_t> serial{0};
    std::vector<Build::In> ins;
    std::string origin;
    for (const Node& n : inputs) {
        if (!n) {
            ins.push_back({{}, Dtype::f32, false, false});
            continue;
        }
        ins.push_back({n.shape(), n.dtype(), n.has_mask(), true});
        origin += (origin.empty() ? "" : " and ") + n.place()->build.context();
    }
    if (context.empty()) context = detail::describe(layer);
    auto copy = layer.copy();
    Build build(std::move(ins), layer.dtype(), std::move(context), std::move(origin));
    copy->build(build);
    build.check();
    return Node(std::shared_ptr<Place>(
        new Place{std::move(copy), std::move(build), inputs, detail::current_scope, std::nullopt, serial++}));
}
inline Node record(const LayerBase& layer, std::initializer_list<const Node*> inputs) {
    std::vector<Node> nodes;
    for (const Node* n : inputs) nodes.push_back(*n);
    return record(layer, nodes);
}

template <template <class> class Self, class T, class Base> template <class... N>
Node Layer<Self, T, Base>::operator()(const Node& x, const N&... more) const {
    return record(*this, {&x, &more...});
}

GRADUS_END

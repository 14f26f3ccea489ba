/// Architecture: a graph of layers as a JSON document and back.
///
///     {"nodes": [{"name": "input", "kind": "input", "shape": ["batch", "time"], "dtype": "int32"},
///                {"name": "embedding", "kind": "embedding", "fields": {...}, "inputs": [[0, 0]]}, ...],
///      "inputs": [[0, 0]], "outputs": [[3, 0]]}
///
/// Nodes stand in order of execution and read outputs [node, output] of earlier ones, or null. A layer that stands at
/// several places has one name; its later places say only name and inputs. "added_losses" are [node, output, weight].
#pragma once
#include <gradus/graph/graph.hpp>
#include <gradus/io/objects.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// Reads what Dim::to_string writes. Bounded, so that sizes in files neither overflow nor take long.
class DimParser {
public:
    static Dim parse(std::string_view text) {
        DimParser p(text);
        if (text.size() > 1000) p.fail();
        const Dim d = p.sum(0);
        if (p.at_ != text.size()) p.fail();
        return d;
    }

private:
    static constexpr Index limit = Index{1} << 40;

    explicit DimParser(std::string_view text) : text_(text) {}
    [[noreturn]] GRADUS_COLD void fail() const {
        throw_value_error("expects a size such as 50, batch or 2*time+1, got \"" + std::string(text_.substr(0, 80)) +
                          "\"");
    }
    bool take(std::string_view s) {
        if (text_.substr(at_, s.size()) != s) return false;
        at_ += s.size();
        return true;
    }
    static bool begins_symbol(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    Dim sum(int depth) {
        Dim total = 0;
        for (bool first = true;; first = false) {
            const bool minus = take("-");
            if (!minus && !take("+") && !first) return total;
            const Dim t = product(depth);
            total = minus ? total - t : total + t;
        }
    }
    Dim product(int depth) {
        if (++terms_ > 64) fail();
        Dim t = 1;
        for (int factors = 0; factors == 0 || take("*"); ++factors) {
            if (factors == 8) fail();
            if (factors == 0 && at_ < text_.size() && is_digit(text_[at_]))
                t = number();
            else
                t = t * atom(depth);
        }
        return t;
    }
    Index number() {
        Index n = 0;
        const char* const begin = text_.data() + at_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), n);
        if (error != std::errc() || n > limit) fail();
        at_ += static_cast<std::size_t>(end - begin);
        return n;
    }
    Dim atom(int depth) {
        if (take("(")) {
            if (depth == 16) fail();
            const Dim a = sum(depth + 1);
            if (!take(")/(")) fail();
            const Dim b = sum(depth + 1);
            if (!take(")")) fail();
            return floor_div(a, b);
        }
        const std::size_t begin = at_;
        if (at_ == text_.size() || !begins_symbol(text_[at_])) fail();
        while (at_ < text_.size() && (begins_symbol(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
        return Dim(text_.substr(begin, at_ - begin));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int terms_ = 0;
};

inline Json shape_to_json(const SymbolicShape& shape, const std::string& context) {
    Json::List list;
    for (const Dim& d : shape) {
        const std::string text = d.to_string();
        if (!(DimParser::parse(text) == d)) throw_value_error(context + ": the size " + text + " cannot be saved");
        list.push_back(d.is_constant() ? Json(d.constant()) : Json(text));
    }
    return list;
}

inline SymbolicShape shape_from_json(const Json* j, const std::string& context) {
    const auto* list = j ? j->get<Json::List>() : nullptr;
    if (!list || list->size() > static_cast<std::size_t>(Shape::max_rank))
        throw_value_error(context + ": shape expects a list of at most 8 sizes");
    SymbolicShape shape;
    double volume = 1;
    for (const Json& size : *list) {
        if (const auto* n = size.get<Index>()) {
            if (*n < 0) throw_value_error(context + ": shape expects sizes of at least 0, got " + std::to_string(*n));
            shape.push_back(*n);
            volume *= static_cast<double>(*n);
        } else if (const auto* text = size.get<std::string>()) {
            shape.push_back(DimParser::parse(*text));
        } else {
            throw_value_error(context + ": shape expects numbers and names of sizes");
        }
    }
    if (volume > 0x1p46) throw_value_error(context + ": shape " + to_string(shape) + " is too large");
    return shape;
}

inline Json edge_to_json(Edge e) { return e.node < 0 ? Json() : Json(Json::List{Index{e.node}, Index{e.output}}); }

/// An added loss: a value of the graph, and its weight.
using AddedLoss = std::pair<Edge, double>;

/// The model's graph, extended by what its added losses need. Throws ValueError where a layer cannot be saved.
inline Json encode_architecture(const Graph& graph, std::span<const AddedLoss> added, FieldEncoder& encoder) {
    std::vector<FieldMap> fields;
    std::map<std::string, bool> known;
    for (const Graph::Entry& e : graph.entries()) {
        const LayerBase& layer = *e.place->layer;
        const bool first = !known[e.name];
        known[e.name] = true;
        try {
            fields.push_back(first ? FieldWriter::write(layer) : FieldMap());
        } catch (const Error& error) {
            throw_value_error("layer " + e.name + " (" + std::string(layer.kind()) +
                              ") cannot be saved: " + error.what());
        }
        if (first) encoder.enroll(layer, fields.back(), e.name);
    }
    Json::List nodes;
    for (std::size_t i = 0; i < graph.entries().size(); ++i) {
        const Graph::Entry& e = graph.entries()[i];
        const LayerBase& layer = *e.place->layer;
        const std::string context = "layer " + e.name;
        Json node = Json::object();
        node.add("name", text_to_json(e.name));
        const bool first = std::exchange(known[e.name], false);
        if (layer.kind() == "input" && e.inputs.empty()) {
            const Build::Out& out = e.place->build.outs()[0];
            node.add("kind", "input");
            node.add("shape", shape_to_json(out.shape, context));
            node.add("dtype", name_of(out.dtype));
            if (out.mask != build::Mask::stop) node.add("mask", true);
        } else {
            if (first) encoder.describe(node, layer, std::move(fields[i]), context, e.name);
            Json::List inputs;
            for (const Edge edge : e.inputs) inputs.push_back(edge_to_json(edge));
            node.add("inputs", std::move(inputs));
        }
        if (!e.place->scope.empty()) node.add("scope", text_to_json(e.place->scope));
        if (e.place->training) node.add("training", *e.place->training);
        nodes.push_back(std::move(node));
    }
    Json j = Json::object();
    j.add("nodes", std::move(nodes));
    for (const auto& [name, edges] : {std::pair{"inputs", &graph.inputs()}, {"outputs", &graph.outputs()}}) {
        Json::List list;
        for (const Edge e : *edges) list.push_back(edge_to_json(e));
        j.add(name, std::move(list));
    }
    if (!added.empty()) {
        Json::List list;
        for (const auto& [edge, weight] : added)
            list.push_back(Json::List{Index{edge.node}, Index{edge.output}, number_to_json(weight)});
        j.add("added_losses", std::move(list));
    }
    return j;
}

/// A graph read from a document, as recorded nodes.
struct LoadedGraph {
    std::vector<std::string> names; ///< by node, as the file says
    std::vector<Node> nodes, inputs, outputs;
    std::vector<std::pair<Node, double>> added;
};

/// Records the nodes of a document.
template <class T> class GraphLoader {
public:
    GraphLoader(const Json& architecture, FieldDecoder& decoder, const LoadOptions<T>& options)
        : json_(architecture), decoder_(decoder), maker_(options, decoder) {}

    /// Throws ValueError or ShapeError that says which node.
    LoadedGraph load() {
        const Json::List& nodes = list(json_, "nodes", "architecture");
        LoadedGraph g;
        std::vector<std::shared_ptr<FieldObject>> objects;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const std::string where = "node #" + std::to_string(i);
            g.names.push_back(FieldDecoder::text(nodes[i], "name", where));
            const Json* kind = nodes[i].find("kind");
            const auto* name = kind ? kind->get<std::string>() : nullptr;
            const bool described = kind && !(name && *name == "input");
            objects.push_back(described ? decoder_.decode_object(nodes[i], "layer", where, g.names.back()) : nullptr);
        }
        std::map<std::string, std::unique_ptr<LayerOf<T>>> layers;
        std::size_t number = 0;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const Json& j = nodes[i];
            const std::string where = "node #" + std::to_string(i) + " \"" + g.names[i] + "\"";
            if (!objects[i] && j.find("kind")) {
                g.nodes.push_back(input_node(j, where));
            } else {
                auto& layer = layers[g.names[i]];
                if (objects[i]) layer = maker_.template make_as<LayerOf<T>>(*objects[i], where);
                if (!layer) throw_value_error(where + ": expects its kind");
                std::string context = std::string(layer->kind()) + " #" + std::to_string(++number);
                if (!layer->name().empty()) context += " \"" + layer->name() + "\"";
                g.nodes.push_back(record(*layer, edges(j, "inputs", g.nodes, where), context));
            }
            Place& place = *g.nodes.back().place();
            place.scope = j.find("scope") ? FieldDecoder::text(j, "scope", where) : std::string();
            if (const Json* training = j.find("training")) {
                const auto* b = training->get<bool>();
                if (!b) throw_value_error(where + ": training expects true or false");
                place.training = *b;
            }
        }
        g.inputs = edges(json_, "inputs", g.nodes, "architecture");
        g.outputs = edges(json_, "outputs", g.nodes, "architecture");
        for (const auto* both : {&g.inputs, &g.outputs})
            for (const Node& n : *both)
                if (!n) throw_value_error("architecture: inputs and outputs expect nodes");
        for (const Node& n : g.inputs)
            if (n.place()->layer->kind() != "input")
                throw_value_error("architecture: inputs expects nodes of the kind input");
        if (json_.find("added_losses"))
            for (const Json& loss : list(json_, "added_losses", "architecture")) {
                const auto* triple = loss.get<Json::List>();
                double weight = 0;
                if (!triple || triple->size() != 3 || !number_from_json((*triple)[2], weight))
                    throw_value_error("architecture: added_losses expects [node, output, weight]");
                g.added.emplace_back(
                    node(Json(Json::List{(*triple)[0], (*triple)[1]}), g.nodes, "architecture: added_losses"), weight);
            }
        return g;
    }
    ObjectMaker<T>& maker() { return maker_; }

private:
    static const Json::List& list(const Json& j, const char* name, const std::string& where) {
        const Json* member = j.find(name);
        const auto* l = member ? member->get<Json::List>() : nullptr;
        if (!l) throw_value_error(where + ": expects the list \"" + name + "\"");
        return *l;
    }
    static Node node(const Json& j, const std::vector<Node>& nodes, const std::string& where) {
        if (j.is_null()) return {};
        const auto* pair = j.get<Json::List>();
        const auto* n = pair && pair->size() == 2 ? (*pair)[0].get<Index>() : nullptr;
        const auto* output = n ? (*pair)[1].get<Index>() : nullptr;
        if (!output) throw_value_error(where + ": expects [node, output] or null");
        if (*n < 0 || *n >= static_cast<Index>(nodes.size()))
            throw_value_error(where + ": expects an earlier node than #" + std::to_string(nodes.size()) + ", got #" +
                              std::to_string(*n));
        const Node& from = nodes[static_cast<std::size_t>(*n)];
        if (*output < 0 || *output >= static_cast<Index>(from.place()->build.outs().size()))
            throw_value_error(where + ": node #" + std::to_string(*n) + " has no output " + std::to_string(*output));
        return from.output(static_cast<int>(*output));
    }
    static std::vector<Node> edges(const Json& j, const char* name, const std::vector<Node>& nodes,
                                   const std::string& where) {
        std::vector<Node> result;
        for (const Json& e : list(j, name, where)) result.push_back(node(e, nodes, where + ": " + name));
        return result;
    }
    static Node input_node(const Json& j, const std::string& where) {
        const std::string dtype = FieldDecoder::text(j, "dtype", where);
        const Json* mask = j.find("mask");
        const auto* masked = mask ? mask->get<bool>() : nullptr;
        if (mask && !masked) throw_value_error(where + ": mask expects true or false");
        Dtype d = dtype_of<T>(); // a file of another scalar becomes this one
        if (dtype == name_of(Dtype::i32))
            d = Dtype::i32;
        else if (dtype == name_of(Dtype::u8))
            d = Dtype::u8;
        else if (dtype != name_of(Dtype::f32) && dtype != name_of(Dtype::f64))
            throw_value_error(where + ": unknown dtype \"" + dtype.substr(0, 40) + "\"");
        SymbolicShape shape = shape_from_json(j.find("shape"), where);
        if (shape.size() < (masked && *masked ? 2u : 1u))
            throw_value_error(where + ": shape expects more axes, got " + to_string(shape));
        return input<T>(std::move(shape), d, masked && *masked);
    }

    const Json& json_;
    FieldDecoder& decoder_;
    ObjectMaker<T> maker_;
};

} // namespace detail
GRADUS_END

/// Fits data to a graph's symbolic shapes: which values the symbols take, and whether the rest agrees; rows as
/// datasets.
#pragma once
#include <gradus/data/check_column.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/graph/graph.hpp>

#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// "[batch = 20, 3]": symbols have their values where the shape that was found differs from them.
inline std::string expected_text(const SymbolicShape& expected, const Shape& found, const Extents& extents) {
    std::string s = "[";
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const Dim& d = expected[i];
        s += (i ? ", " : "") + d.to_string();
        if (d.is_constant() || static_cast<Index>(i) >= found.rank()) continue;
        if (const Index n = d.evaluate(extents); n != found[static_cast<Index>(i)]) s += " = " + std::to_string(n);
    }
    return s + "]";
}

/// Sets the symbols of `expected` from a concrete shape, and says whether it fits. Sizes that are expressions are not
/// looked at.
inline bool bind_shape(const SymbolicShape& expected, const Shape& found, Extents& extents) {
    if (static_cast<Index>(expected.size()) != found.rank()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const Dim& d = expected[i];
        const Index n = found[static_cast<Index>(i)];
        if (d.is_constant() && d.constant() != n) return false;
        if (!d.symbol().empty()) extents.set(d.symbol(), n);
    }
    return true;
}

/// Whether a shape is what the symbols' values give. Trailing axes of one element may be missing or more than expected:
/// targets [N] for predictions [N, 1].
inline bool fits_shape(const SymbolicShape& expected, const Shape& found, const Extents& extents) {
    const Shape s = evaluate(expected, extents);
    const Index common = std::min(s.rank(), found.rank());
    bool fits = common > 0 || s.rank() == found.rank();
    for (Index i = 0; i < common; ++i) fits = fits && s[i] == found[i];
    for (Index i = common; i < s.rank(); ++i) fits = fits && s[i] == 1;
    for (Index i = common; i < found.rank(); ++i) fits = fits && found[i] == 1;
    return fits;
}

/// Shapes of data against all of a graph's inputs; sets the symbols. A symbol on several axes has one value. Allocates
/// nothing.
inline void bind_inputs(const Graph& graph, const Shape* shapes, std::size_t n, Extents& extents,
                        std::string_view who) {
    const auto name = [&](std::size_t i) { return std::string(who) + ": input #" + std::to_string(i + 1); };
    if (n != graph.inputs().size())
        throw_shape_error(std::string(who) + ": expects " + std::to_string(graph.inputs().size()) +
                          " input column(s), got " + std::to_string(n));
    for (std::size_t i = 0; i < n; ++i) {
        const SymbolicShape& expected = graph.out(graph.inputs()[i]).shape;
        if (!bind_shape(expected, shapes[i], extents))
            throw_shape_error(name(i) + ": expects " + to_string(expected) + ", got " + to_string(shapes[i]));
        if (shapes[i].rank() && shapes[i][0] == 0)
            throw_value_error(name(i) + ": expects at least one row, got an empty set");
    }
    for (std::size_t i = 0; i < n; ++i) {
        const SymbolicShape& expected = graph.out(graph.inputs()[i]).shape;
        for (std::size_t k = 0; k < expected.size(); ++k) {
            if (expected[k].evaluate(extents) == shapes[i][static_cast<Index>(k)]) continue;
            std::string others;
            for (std::size_t j = 0; j < n; ++j) others += (j ? ", " : "") + to_string(shapes[j]);
            throw_shape_error(name(i) + ": expects " + expected_text(expected, shapes[i], extents) + ", got " +
                              to_string(shapes[i]) + (n > 1 ? " among inputs of " + others : std::string()));
        }
    }
}

/// What values fit an input of a graph: where they go, and ids that its layers read; `reader`: whose they are.
inline ColumnRule rule_of(const Graph& graph, Edge e, bool allow_nan, const Graph::Entry** reader = nullptr) {
    ColumnRule rule{.to = graph.out(e).dtype, .allow_nan = allow_nan};
    for (const Graph::Entry& entry : graph.entries())
        for (const auto& ids : entry.place->build.id_inputs())
            if (entry.inputs[static_cast<std::size_t>(ids.input)] == e && ids.below.is_constant() &&
                (rule.below < 0 || ids.below.constant() < rule.below)) {
                rule.below = ids.below.constant();
                if (reader) *reader = &entry;
            }
    return rule;
}

/// Throws ValueError where a value of input i does not fit.
inline void check_input(const Graph& graph, std::size_t i, const AnyView& values, bool allow_nan,
                        std::string_view who) {
    const Graph::Entry* reader = nullptr;
    const ColumnRule rule = rule_of(graph, graph.inputs()[i], allow_nan, &reader);
    check_column(
        values, rule, [&] { return std::string(who) + ": input #" + std::to_string(i + 1); },
        [&] {
            const bool embeds = reader->place->layer->kind() == "embedding";
            return reader->name + (embeds ? " has input_dim " : " reads ids below ") + std::to_string(rule.below);
        });
}

/// What a model puts out, as its scalar; throws ValueError where the output is of another element type.
template <class T> View<const T> values_of(const AnyView& v) {
    if (v.dtype != dtype_of<T>())
        throw_value_error("model: the output is " + std::string(name_of(v.dtype)) + ", not " +
                          std::string(name_of(dtype_of<T>())) + "; predict converts it");
    return v.as<const T>();
}

/// The shape of a column with another number of rows.
inline Shape with_rows(const Shape& row, Index rows) {
    Shape s{rows};
    for (Index n : row) s.push_back(n);
    return s;
}

inline TensorDataset make_dataset(const Columns& x, const Columns& y, const Columns& w) {
    std::vector<AnyView> inputs, targets;
    for (const Column& c : x) inputs.push_back(c.view());
    for (const Column& c : y) targets.push_back(c.view());
    return TensorDataset(std::move(inputs), std::move(targets), w.empty() ? AnyView() : w[0].view());
}
inline std::vector<Index> row_range(Index first, Index last) {
    std::vector<Index> rows(static_cast<std::size_t>(std::max<Index>(0, last - first)));
    std::iota(rows.begin(), rows.end(), first);
    return rows;
}
inline void check_batch_size(Index n, const char* verb) {
    if (n < 1) throw_value_error(std::string(verb) + ": batch_size expects at least 1, got " + std::to_string(n));
}

} // namespace detail
GRADUS_END

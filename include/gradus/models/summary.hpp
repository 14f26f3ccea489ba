/// The table that Model::summary prints.
#pragma once
#include <gradus/graph/parameters.hpp>

#include <algorithm>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace detail {
/// 1234567 as "1,234,567".
inline std::string grouped(Index n) {
    std::string s = std::to_string(n);
    for (Index i = static_cast<Index>(s.size()) - 3; i > (n < 0 ? 1 : 0); i -= 3)
        s.insert(static_cast<std::size_t>(i), 1, ',');
    return s;
}
inline std::string bytes_text(Index bytes) {
    if (bytes < 1024) return std::to_string(bytes) + " B";
    const bool large = bytes >= 1024 * 1024;
    const Index tenths = bytes * 10 / (large ? 1024 * 1024 : 1024);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + (large ? " MiB" : " KiB");
}
/// Rows as columns of text, `right` says which are aligned there; a rule stands before row i for each i of `rules`.
inline std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right,
                              const std::vector<std::size_t>& rules) {
    std::vector<std::size_t> width(right.size(), 0);
    const auto display = [](const std::string& s) {
        return static_cast<std::size_t>(std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    };
    for (const auto& r : rows)
        for (std::size_t i = 0; i < r.size(); ++i) width[i] = std::max(width[i], display(r[i]));
    std::size_t total = 2 * (width.size() - 1);
    for (const std::size_t w : width) total += w;
    std::string out;
    for (std::size_t r = 0; r <= rows.size(); ++r) {
        if (std::find(rules.begin(), rules.end(), r) != rules.end()) out += std::string(total, '-') + "\n";
        if (r == rows.size()) break;
        for (std::size_t i = 0; i < width.size(); ++i) {
            const bool last = i + 1 == width.size();
            const std::string pad(width[i] - display(rows[r][i]), ' ');
            out += right[i] ? pad + rows[r][i] : rows[r][i] + (last ? "" : pad);
            out += last ? "\n" : "  ";
        }
    }
    return out;
}
/// The name, with the kind where it does not begin with it.
inline std::string layer_label(const std::string& name, const std::string& kind) {
    return name.compare(0, kind.size(), kind) == 0 ? name : name + " (" + kind + ")";
}
} // namespace detail

/// Layers in order of execution with output shapes and parameters; what stands at several places is counted once.
inline std::string summarize(const Graph& graph, const ParameterTable& table, const std::vector<bool>& frozen_by_name) {
    std::vector<std::vector<std::string>> rows{{"Layer", "Output shape", "Parameters", "Input"}};
    Index trained = 0, frozen = 0, state = 0, bytes = 0;
    for (std::size_t i = 0; i < table.list().size(); ++i) {
        const Parameter& p = table.list()[i];
        (!p.trained ? state : p.options.trainable && !frozen_by_name[i] ? trained : frozen) += p.shape.size();
        bytes += p.view().bytes();
    }
    std::vector<std::string> counted;
    for (const Graph::Entry& e : graph.entries()) {
        Index own = 0;
        if (std::find(counted.begin(), counted.end(), e.name) == counted.end())
            for (const Parameter& p : table.list())
                if (p.name.compare(0, e.name.size() + 1, e.name + ".") == 0) own += p.shape.size();
        counted.push_back(e.name);
        std::string shapes, inputs;
        for (const auto& o : e.place->build.outs()) shapes += (shapes.empty() ? "" : " ") + to_string(o.shape);
        for (const Edge& i : e.inputs)
            if (i.node >= 0) inputs += (inputs.empty() ? "" : ", ") + graph.at(i).name;
        rows.push_back(
            {detail::layer_label(e.name, std::string(e.place->layer->kind())), shapes, detail::grouped(own), inputs});
    }
    std::string out = detail::table_text(rows, {false, false, true, false}, {1, rows.size()});
    out += detail::grouped(trained) + " trained parameters";
    if (frozen) out += ", " + detail::grouped(frozen) + " frozen";
    if (state) out += ", " + detail::grouped(state) + " values of state";
    return out + ", " + detail::bytes_text(bytes) + "\n";
}

GRADUS_END

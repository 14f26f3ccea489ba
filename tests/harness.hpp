// A small graph with memory, for tests: values in, one pass, values and gradients out.
#pragma once
#include <gradus/graph/input.hpp>
#include <gradus/graph/workspace.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

template <class T = float> class Harness {
public:
    using Index = gradus::Index;

    Harness(std::vector<gradus::Node> ins, std::vector<gradus::Node> outs,
            gradus::PlanOptions options = {.differentiated = true}, std::vector<std::string> frozen = {})
        : graph(ins, outs), table(graph, 1), layout(table, Index(sizeof(T)), [&](const gradus::Parameter& p) {
              return std::find(frozen.begin(), frozen.end(), p.name) != frozen.end();
          }) {
        for (const auto& n : ins) inputs.push_back(graph.edge(n));
        for (const auto& n : outs) outputs.push_back(graph.edge(n));
        if (options.differentiated && options.gradients_of.empty())
            for (const auto& n : ins)
                if (n.dtype() == gradus::dtype_of<T>()) options.gradients_of.push_back(graph.edge(n));
        workspace = std::make_unique<gradus::Workspace<T>>(graph, table, layout, std::move(options));
    }
    void sizes(const std::vector<std::pair<std::string, Index>>& values) {
        gradus::Extents e;
        for (const auto& [name, value] : values) e.set(name, value);
        workspace->set(e);
    }
    template <class U> void set(std::size_t i, const gradus::Tensor<U>& values) {
        const auto to = workspace->value(inputs[i]);
        if (to.shape != values.shape()) gradus::throw_shape_error("harness: expects " + to_string(to.shape));
        if constexpr (std::is_integral_v<U>)
            std::copy(values.begin(), values.end(), to.template as<U>().begin());
        else
            std::copy(values.begin(), values.end(), to.template as<T>().begin());
    }
    void set_mask(std::size_t i, const gradus::Tensor<std::uint8_t>& mask) {
        std::copy(mask.begin(), mask.end(), workspace->value(inputs[i]).mask);
    }
    template <class U> void set_parameter(const std::string& name, const gradus::Tensor<U>& values) {
        std::copy(values.begin(), values.end(), parameter(name).begin());
    }
    gradus::View<T> parameter(const std::string& name) {
        const Index i = table.find(name);
        if (i < 0) gradus::throw_value_error("harness: no parameter " + name);
        return table.list()[static_cast<std::size_t>(i)].view().template as<T>();
    }
    void forward() { workspace->forward(pass, 0, workspace->size()); }
    template <class U> void seed(std::size_t i, const gradus::Tensor<U>& dy) {
        const auto to = workspace->gradient(outputs[i]).template as<T>();
        std::copy(dy.begin(), dy.end(), to.begin());
    }
    void backward() { workspace->backward(pass, false); }
    gradus::View<T> y(std::size_t i = 0) { return workspace->value(outputs[i]).template as<T>(); }
    gradus::View<T> dx(std::size_t i = 0) { return workspace->gradient(inputs[i]).template as<T>(); }
    /// The gradient of a parameter, as a dense tensor.
    gradus::Tensor<T> grad(const std::string& name) {
        const auto segment = static_cast<std::size_t>(layout.segment_of[static_cast<std::size_t>(table.find(name))]);
        const gradus::Segment& s = layout.segments[segment];
        gradus::Tensor<T> g(s.shape);
        if (s.row_sparse) {
            const auto rows = workspace->sparse_rows()[segment];
            const Index width = s.size() / s.shape[0];
            for (std::size_t r = 0; r < rows.ids.size(); ++r)
                std::copy_n(rows.values + static_cast<Index>(r) * width, width, g.data() + rows.ids[r] * width);
        } else if (s.slot >= 0) {
            std::copy_n(workspace->gradients() + s.slot, s.size(), g.data());
        }
        return g;
    }

    gradus::Graph graph;
    gradus::ParameterTable table;
    gradus::GradientLayout layout;
    std::unique_ptr<gradus::Workspace<T>> workspace;
    std::vector<gradus::Edge> inputs, outputs;
    gradus::Pass pass;
};

/// Numbers in [-1, 1) by position.
template <class T = float> gradus::Tensor<T> numbers(const gradus::Shape& shape, std::uint64_t stream = 1) {
    gradus::Tensor<T> t(shape);
    for (gradus::Index i = 0; i < t.size(); ++i)
        t[i] = static_cast<T>(
            static_cast<double>(gradus::mix(stream * 1000003 + static_cast<std::uint64_t>(i)) >> 41) * 0x1p-22 - 1);
    return t;
}
inline gradus::Tensor<std::int32_t> tokens(const gradus::Shape& shape, gradus::Index below, std::uint64_t stream = 1) {
    gradus::Tensor<std::int32_t> t(shape);
    for (gradus::Index i = 0; i < t.size(); ++i)
        t[i] = static_cast<std::int32_t>(gradus::mix(stream * 7777 + static_cast<std::uint64_t>(i)) %
                                         static_cast<std::uint64_t>(below));
    return t;
}

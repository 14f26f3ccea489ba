// Compares a layer with Keras's numbers in tests/golden.
#pragma once
#include "catch.hpp"
#include "harness.hpp"
#include "worse.hpp"
#include <gradus/io/safetensors.hpp>

#include <algorithm>

inline gradus::SafetensorsFile golden_file(const std::string& name) {
    return gradus::SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/" + name + ".safetensors");
}

template <class T> constexpr double golden_tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;

template <class T, class A, class B> void check_close(const std::string& what, const A& got, const B& expected) {
    INFO(what);
    REQUIRE(got.size() == expected.size());
    double worst = 0, scale = 1;
    for (gradus::Index i = 0; i < got.size(); ++i) {
        const double d = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
        worst = worse(worst, d);
        scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
    }
    CHECK(worst <= golden_tolerance<T> * scale);
}

/// Runs one case of a file: inputs by name ("x", "h0"), outputs by name, parameters as the graph names them -> as the
/// file does.
template <class T> struct Golden {
    const gradus::SafetensorsFile& file;
    std::string prefix;
    std::vector<std::string> inputs, outputs;
    std::vector<std::pair<std::string, std::string>> parameters;

    static std::string gradient_name(const std::string& name) {
        const auto slash = name.rfind('/');
        return slash == std::string::npos ? "d" + name : name.substr(0, slash + 1) + "d" + name.substr(slash + 1);
    }
    gradus::Tensor<double> at(const std::string& name) const { return file.tensor<double>(prefix + name); }
    bool has_mask() const { return file.find(prefix + "mask") != nullptr; }
    /// Input nodes with the case's shapes.
    std::vector<gradus::Node> nodes() const {
        std::vector<gradus::Node> list;
        for (const auto& name : inputs) {
            gradus::SymbolicShape shape = gradus::symbolic(file.at(prefix + name).shape);
            shape[0] = gradus::dim::batch();
            list.push_back(gradus::input<T>(shape, gradus::dtype_of<T>(), list.empty() && has_mask()));
        }
        return list;
    }
    void load(Harness<T>& h) const {
        h.sizes({{"batch", file.at(prefix + inputs[0]).shape[0]}});
        for (std::size_t i = 0; i < inputs.size(); ++i) h.set(i, at(inputs[i]));
        if (has_mask()) h.set_mask(0, file.tensor<std::uint8_t>(prefix + "mask"));
        for (const auto& [ours, theirs] : parameters) h.set_parameter(ours, at(theirs));
    }
    void check(Harness<T>& h) const {
        h.workspace->zero_gradients();
        h.forward();
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            check_close<T>(prefix + outputs[i], h.y(i), at(outputs[i]));
            h.seed(i, at(gradient_name(outputs[i])));
        }
        h.backward();
        for (std::size_t i = 0; i < inputs.size(); ++i)
            check_close<T>(prefix + gradient_name(inputs[i]), h.dx(i), at(gradient_name(inputs[i])));
        for (const auto& [ours, theirs] : parameters)
            check_close<T>(prefix + gradient_name(theirs), h.grad(ours), at(gradient_name(theirs)));
    }
};

/// load_weights: values of a model's parameters and state, by name, from any safetensors file.
#pragma once
#include <gradus/io/detail/model_metadata.hpp>
#include <gradus/io/safetensors.hpp>
#include <gradus/models/callback.hpp>

#include <string>
#include <unordered_set>
#include <vector>

GRADUS_BEGIN

struct LoadWeightsOptions {
    bool strict = true; ///< throw where a variable is missing or does not fit; else load what fits
};

/// What load_weights did.
struct WeightsReport {
    /// A variable of the model whose tensor has another shape, or an element type that does not convert.
    struct Mismatch {
        std::string name, expected, found;
    };
    std::vector<std::string> loaded;
    std::vector<std::string> missing;    ///< variables that the file lacks
    std::vector<std::string> unexpected; ///< tensors that the model lacks
    std::vector<Mismatch> mismatched;

    bool complete() const { return missing.empty() && mismatched.empty(); }
    /// "missing: lstm.bias; does not fit: dense.kernel (expects float32 [64, 1], got float32 [32, 1]); unexpected: foo"
    std::string to_string() const {
        std::string text;
        const auto add = [&](const char* what, const std::vector<std::string>& names) {
            for (std::size_t i = 0; i < names.size(); ++i)
                text += (i ? ", " : (text.empty() ? "" : "; ") + std::string(what) + ": ") + names[i];
        };
        std::vector<std::string> misfits;
        for (const Mismatch& m : mismatched)
            misfits.push_back(m.name + " (expects " + m.expected + ", got " + m.found + ")");
        add("missing", missing);
        add("does not fit", misfits);
        add("unexpected", unexpected);
        return text;
    }
};

namespace detail {

inline std::string describe_tensor(std::string_view type, const Shape& shape) {
    return std::string(type) + " " + to_string(shape);
}

/// Whether a tensor of a file can become a variable: the same shape and element type, or both floating.
inline bool fits(const TensorEntry& e, const Shape& shape, Dtype dtype) {
    const auto floating = [](Dtype d) { return d == Dtype::f32 || d == Dtype::f64; };
    return e.shape == shape && e.dtype && (*e.dtype == dtype || (floating(*e.dtype) && floating(dtype)));
}

inline void copy_tensor(const SafetensorsFile& file, const TensorEntry& e, const AnyView& to) {
    switch (to.dtype) {
    case Dtype::f32: return file.copy_to(e, to.as<float>());
    case Dtype::f64: return file.copy_to(e, to.as<double>());
    case Dtype::i32: return file.copy_to(e, to.as<std::int32_t>());
    case Dtype::u8: return file.copy_to(e, to.as<std::uint8_t>());
    }
}

/// Tensors of a file made by save that are not the model's variables.
inline bool is_auxiliary(const std::string& name) {
    return name.compare(0, 10, "optimizer/") == 0 || name.compare(0, 9, "constant/") == 0;
}

} // namespace detail

/// Reads the variables (parameters and state, named as in summary) that the file has; float32 and float64 convert to
/// each other. Throws IoError where the file is missing, malformed or, saved by Gradus, of another version or changed
/// since, and, unless `strict` is off, ValueError where a variable is missing or does not fit; the model is then as it
/// was. Optimizer and compile settings stay.
inline WeightsReport load_weights(ModelBase& model, const std::string& path, const LoadWeightsOptions& options = {}) {
    const std::vector<ModelBase::Variable> variables = model.variables();
    const SafetensorsFile file = SafetensorsFile::read(path);
    const bool own = detail::is_model_file(file);
    if (own) detail::check_model_version(file, path);
    WeightsReport report;
    std::unordered_set<std::string> names;
    std::vector<std::pair<const TensorEntry*, AnyView>> copies;
    for (const auto& v : variables) {
        names.insert(v.name);
        const TensorEntry* e = file.find(v.name);
        if (!e) {
            report.missing.push_back(v.name);
        } else if (detail::fits(*e, v.view.shape, v.view.dtype)) {
            report.loaded.push_back(v.name);
            copies.emplace_back(e, v.view);
        } else {
            report.mismatched.push_back({v.name,
                                         detail::describe_tensor(detail::safetensors_type(v.view.dtype), v.view.shape),
                                         detail::describe_tensor(e->type, e->shape)});
        }
    }
    for (const TensorEntry& e : file.entries())
        if (!names.count(e.name) && !(own && detail::is_auxiliary(e.name))) report.unexpected.push_back(e.name);
    if (options.strict && !report.complete())
        throw_value_error(path + ": does not fit the model: " + report.to_string());
    if (own) detail::check_model_sum(file, path);
    for (const auto& [entry, view] : copies) detail::copy_tensor(file, *entry, view);
    return report;
}

GRADUS_END

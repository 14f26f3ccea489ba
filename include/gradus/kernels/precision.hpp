/// The precision of products: what `compile({.precision = bfloat16})` chooses.
#pragma once
#include <gradus/core/types.hpp>

#include <string_view>

GRADUS_BEGIN
namespace kernels::detail {

template <class T> struct GemmTable;
template <class T> struct RecurrentFormat;

/// A number format that products of floats may round their operands to.
struct ProductFormat {
    std::string_view name;
    const GemmTable<float>* (*table)();           ///< gives null in a build on Eigen's kernels
    const RecurrentFormat<float>* (*recurrent)(); ///< likewise
    float (*round)(float);
};

} // namespace kernels::detail

/// How products read their operands: as they are, the default, or rounded to `bfloat16` (kernels/bfloat16.hpp). Sums,
/// weights, activations and results stay in the model's scalar. Models of double take no other precision.
///
/// The name is not `Precision`, which is the metric, as in Keras.
class ProductPrecision {
public:
    constexpr ProductPrecision() = default;
    /// From a format, whose kernels only those programs compile that name it, or that load models, whose files may.
    template <class Format>
        requires requires { Format::template format<>.name; }
    constexpr ProductPrecision(const Format&) : format_(&Format::template format<>) {}

    /// "float32" stands for the model's own scalar.
    constexpr std::string_view name() const { return format_ ? format_->name : "float32"; }
    constexpr const kernels::detail::ProductFormat* format() const { return format_; }
    bool operator==(const ProductPrecision&) const = default;

private:
    const kernels::detail::ProductFormat* format_ = nullptr;
};

GRADUS_END

/// The enum of activations.
#pragma once
#include <gradus/core/types.hpp>

#include <span>
#include <string_view>

GRADUS_BEGIN
namespace activation {

enum class Kind : std::uint8_t { linear, relu, sigmoid, tanh, softmax };

inline constexpr Kind linear = Kind::linear;
inline constexpr Kind relu = Kind::relu;
inline constexpr Kind sigmoid = Kind::sigmoid;
inline constexpr Kind tanh = Kind::tanh;
inline constexpr Kind softmax = Kind::softmax;

/// Names as in saved files, in the order of the enum.
inline std::span<const std::string_view> enum_names(Kind) {
    static constexpr std::string_view names[] = {"linear", "relu", "sigmoid", "tanh", "softmax"};
    return names;
}

} // namespace activation

// tanh is <cmath>'s: activation::tanh.
using activation::linear;
using activation::relu;
using activation::sigmoid;
using activation::softmax;

GRADUS_END

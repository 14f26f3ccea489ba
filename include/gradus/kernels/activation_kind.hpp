/// The enum of activations.
#pragma once
#include <gradus/core/types.hpp>

#include <span>
#include <string_view>

GRADUS_BEGIN
namespace activation {

enum class Kind : std::uint8_t {
    linear,
    relu,
    sigmoid,
    tanh,
    softmax,
    gelu,      ///< x Phi(x), Phi the normal distribution; PyTorch's and Keras's default
    gelu_tanh, ///< its approximation by tanh: Keras's and PyTorch's approximate
    silu,      ///< x sigmoid(x), also known as swish
    elu,
    leaky_relu,
    softplus,
    log_softmax
};

inline constexpr Kind linear = Kind::linear;
inline constexpr Kind relu = Kind::relu;
inline constexpr Kind sigmoid = Kind::sigmoid;
inline constexpr Kind tanh = Kind::tanh;
inline constexpr Kind softmax = Kind::softmax;
inline constexpr Kind gelu = Kind::gelu;
inline constexpr Kind gelu_tanh = Kind::gelu_tanh;
inline constexpr Kind silu = Kind::silu;
inline constexpr Kind elu = Kind::elu;
inline constexpr Kind leaky_relu = Kind::leaky_relu;
inline constexpr Kind softplus = Kind::softplus;
inline constexpr Kind log_softmax = Kind::log_softmax;

/// Names as in saved files, in the order of the enum.
inline std::span<const std::string_view> enum_names(Kind) {
    static constexpr std::string_view names[] = {"linear",  "relu",       "sigmoid",   "tanh",
                                                 "softmax", "gelu",       "gelu_tanh", "silu",
                                                 "elu",     "leaky_relu", "softplus",  "log_softmax"};
    return names;
}

/// Whether the derivative is computed from the activation's input; the others' from its output.
constexpr bool needs_input(Kind kind) { return kind == Kind::gelu || kind == Kind::gelu_tanh || kind == Kind::silu; }

/// elu's alpha or leaky_relu's negative slope where none is given, as in Keras; 0 for the kinds without one.
constexpr double usual_parameter(Kind kind) { return kind == Kind::elu ? 1 : kind == Kind::leaky_relu ? 0.2 : 0; }

} // namespace activation

// tanh is <cmath>'s: activation::tanh.
using activation::elu;
using activation::gelu;
using activation::gelu_tanh;
using activation::leaky_relu;
using activation::linear;
using activation::log_softmax;
using activation::relu;
using activation::sigmoid;
using activation::silu;
using activation::softmax;
using activation::softplus;

GRADUS_END

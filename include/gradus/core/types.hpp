/// Index, Dtype and the mapping between C++ scalars and stored element types.
#pragma once
#include <gradus/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

GRADUS_BEGIN

/// Every count, size and position in the API.
using Index = std::int64_t;

/// Element types of tensors.
enum class Dtype : std::uint8_t { f32, f64, i32, u8 };

/// Bytes of one element.
constexpr Index size_of(Dtype d) { return d == Dtype::f64 ? 8 : d == Dtype::u8 ? 1 : 4; }

constexpr std::string_view name_of(Dtype d) {
    return d == Dtype::f32 ? "float32" : d == Dtype::f64 ? "float64" : d == Dtype::i32 ? "int32" : "uint8";
}

template <class T>
concept Element = std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t> ||
                  std::is_same_v<T, std::uint8_t>;

template <class T>
    requires Element<std::remove_const_t<T>>
constexpr Dtype dtype_of() {
    using U = std::remove_const_t<T>;
    if constexpr (std::is_same_v<U, float>) return Dtype::f32;
    if constexpr (std::is_same_v<U, double>) return Dtype::f64;
    if constexpr (std::is_same_v<U, std::int32_t>) return Dtype::i32;
    return Dtype::u8;
}

GRADUS_END

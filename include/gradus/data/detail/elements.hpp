/// Elements as files store them (any width, either byte order), converted to Gradus's element types.
#pragma once
#include <gradus/core/tensor.hpp>
#include <gradus/data/byte_source.hpp>

#include <bit>
#include <string>
#include <utility>

GRADUS_BEGIN
namespace detail {

/// How a file stores one element.
struct StoredType {
    enum Kind : std::uint8_t { unsigned_integer, signed_integer, floating };
    Kind kind = floating;
    int bytes = 4; ///< 1, 2, 4 or 8
    bool big_endian = false;

    std::string name() const {
        return std::string(kind == floating         ? "float"
                           : kind == signed_integer ? "int"
                                                    : "uint") +
               std::to_string(8 * bytes);
    }
};

/// IEEE binary16, as numpy's float16.
struct Half {
    std::uint16_t bits;
    explicit operator float() const {
        const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, fraction = bits & 0x3ffu;
        if (exponent == 0) {
            const float tiny = static_cast<float>(fraction) * 0x1p-24f;
            return sign ? -tiny : tiny;
        }
        const std::uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
        return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
    }
};

/// n elements of type S at `from` as T; whole numbers that T does not hold are an IoError. `first` is the number of the
/// first one.
template <class S, class T>
void convert_elements(T* to, std::byte* from, Index n, bool swap, const ByteSource& source, Index first) {
    for (Index i = 0; i < n; ++i) {
        std::byte* p = from + i * Index(sizeof(S));
        if (swap) std::reverse(p, p + sizeof(S));
        S value;
        std::memcpy(&value, p, sizeof(S));
        if constexpr (std::is_integral_v<S> && std::is_integral_v<T>)
            if (!std::in_range<T>(value))
                source.fail("element " + std::to_string(first + i) + ": expects " +
                            std::string(name_of(dtype_of<T>())) + ", got " + std::to_string(value));
        if constexpr (std::is_same_v<S, Half>)
            to[i] = static_cast<T>(static_cast<float>(value));
        else
            to[i] = static_cast<T>(value);
    }
}

template <class T> void convert_elements(T* to, std::byte* from, Index n, StoredType type, bool swap,
                                         const ByteSource& source, Index first) {
    const auto as = [&]<class S>(S) { convert_elements<S>(to, from, n, swap, source, first); };
    const int width = type.bytes;
    if (type.kind == StoredType::unsigned_integer)
        return width == 1   ? as(std::uint8_t())
               : width == 2 ? as(std::uint16_t())
               : width == 4 ? as(std::uint32_t())
                            : as(std::uint64_t());
    if (type.kind == StoredType::signed_integer)
        return width == 1   ? as(std::int8_t())
               : width == 2 ? as(std::int16_t())
               : width == 4 ? as(std::int32_t())
                            : as(std::int64_t());
    if constexpr (std::is_floating_point_v<T>) return width == 2 ? as(Half()) : width == 4 ? as(float()) : as(double());
}

/// The elements of a tensor from the next bytes of a source. Whole numbers become any type that holds them, or rounded
/// floating ones; floating ones become floating ones, rounded. Throws IoError before memory is taken where the source
/// cannot have so many bytes, or floating numbers are asked for as whole ones.
template <class T> Tensor<T> read_elements(ByteSource& source, StoredType type, const Shape& shape) {
    const Index width = type.bytes;
    Index n = 0;
    try {
        n = shape.size();
    } catch (const ShapeError& e) { source.fail(e.what()); }
    if (n > source.bound() / width)
        source.fail("byte " + std::to_string(source.position()) + ": expects " + type.name() + " " + to_string(shape) +
                    " as its header says, got at most " + std::to_string(source.bound()) + " bytes");
    if (type.kind == StoredType::floating && std::is_integral_v<T>)
        source.fail("holds " + type.name() + ", which does not become " + std::string(name_of(dtype_of<T>())) +
                    "; read it as float or double");
    Tensor<T> out(shape);
    constexpr StoredType::Kind kind = std::is_floating_point_v<T> ? StoredType::floating
                                      : std::is_signed_v<T>       ? StoredType::signed_integer
                                                                  : StoredType::unsigned_integer;
    const bool swap = width > 1 && type.big_endian != (std::endian::native == std::endian::big);
    if (type.kind == kind && width == Index(sizeof(T)) && !swap) {
        source.read(out.data(), n * width, "data");
        return out;
    }
    alignas(8) std::byte chunk[1 << 14];
    const Index capacity = Index(sizeof(chunk)) / width;
    for (Index first = 0; first < n; first += capacity) {
        const Index count = std::min(capacity, n - first);
        source.read(chunk, count * width, "data");
        convert_elements(out.data() + first, chunk, count, type, swap, source, first);
    }
    return out;
}

} // namespace detail
GRADUS_END

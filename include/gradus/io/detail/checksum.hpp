/// A hash of a file's tensors, to tell what was changed after saving.
#pragma once
#include <gradus/core/random.hpp>
#include <gradus/core/shape.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

/// The same in whatever order tensors are added.
class Checksum {
public:
    void add(std::string_view name, std::string_view type, const Shape& shape, const void* data, Index bytes) {
        std::uint64_t hash = bytes_of(0x9ae16a3b2f90404f, name.data(), static_cast<Index>(name.size()));
        hash = bytes_of(hash, type.data(), static_cast<Index>(type.size()));
        for (const Index n : shape) hash = mix(hash ^ static_cast<std::uint64_t>(n));
        sum_ += bytes_of(hash, data, bytes);
    }
    /// 16 hexadecimal digits.
    std::string text() const {
        static constexpr char digits[] = "0123456789abcdef";
        std::string s(16, '0');
        for (std::size_t i = 0; i < 16; ++i) s[15 - i] = digits[(sum_ >> (4 * i)) & 15];
        return s;
    }

private:
    static std::uint64_t bytes_of(std::uint64_t hash, const void* data, Index n) {
        const auto* bytes = static_cast<const unsigned char*>(data);
        for (Index i = 0; i < n; i += 8) {
            std::uint64_t word = 0;
            for (Index k = i; k < std::min(i + 8, n); ++k) word |= std::uint64_t{bytes[k]} << (8 * (k - i));
            hash = mix(hash ^ word);
        }
        return mix(hash ^ static_cast<std::uint64_t>(n));
    }

    std::uint64_t sum_ = 0;
};

} // namespace detail
GRADUS_END

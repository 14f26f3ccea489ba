/// Hashes of bytes: fingerprints and checksums.
#pragma once
#include <gradus/core/random.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

GRADUS_BEGIN
namespace detail {

/// `hash` carried on over n bytes, eight at a time, and their number.
inline std::uint64_t hash_bytes(std::uint64_t hash, const void* data, Index n) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (Index i = 0; i < n; i += 8) {
        std::uint64_t word = 0;
        for (Index k = i; k < std::min(i + 8, n); ++k) word |= std::uint64_t{bytes[k]} << (8 * (k - i));
        hash = mix(hash ^ word);
    }
    return mix(hash ^ static_cast<std::uint64_t>(n));
}
inline constexpr std::uint64_t hash_start = 0x9ae16a3b2f90404f;

/// 16 hexadecimal digits.
inline std::string hash_text(std::uint64_t hash) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string s(16, '0');
    for (std::size_t i = 0; i < 16; ++i) s[15 - i] = digits[(hash >> (4 * i)) & 15];
    return s;
}

} // namespace detail
GRADUS_END

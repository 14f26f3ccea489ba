/// Characters of UTF-8 and ASCII's letters, for what splits texts.
#pragma once
#include <gradus/core/config.hpp>

#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

/// Bytes of the character at the front of s, 0 where it is not UTF-8.
inline std::size_t character_length(std::string_view s) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char first = byte(0);
    const std::size_t n = first < 0x80   ? 1
                          : first < 0xc2 ? 0
                          : first < 0xe0 ? 2
                          : first < 0xf0 ? 3
                          : first < 0xf5 ? 4
                                         : 0;
    if (n > s.size()) return 0;
    for (std::size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    // Longer than need be, a surrogate, or beyond U+10FFFF.
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
        (first == 0xf4 && byte(1) > 0x8f))
        return 0;
    return n;
}

/// The character at the front of s, and U+FFFD for a byte that is not UTF-8; takes it off.
inline std::string_view next_character(std::string_view& s) {
    const std::size_t n = character_length(s);
    const std::string_view c = n ? s.substr(0, n) : std::string_view("\xef\xbf\xbd");
    s.remove_prefix(n ? n : 1);
    return c;
}

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace detail
GRADUS_END

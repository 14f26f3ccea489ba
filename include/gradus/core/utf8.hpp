/// UTF-8: characters, and text as JSON writes it.
#pragma once
#include <gradus/core/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

/// Bytes of the character at the front of s, which is not empty; 0 where it is not UTF-8 (RFC 3629: no overlong forms,
/// surrogates or code points above 10FFFF).
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
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
        (first == 0xf4 && byte(1) > 0x8f))
        return 0;
    return n;
}

inline bool is_utf8(std::string_view s) {
    while (!s.empty()) {
        const std::size_t n = character_length(s);
        if (n == 0) return false;
        s.remove_prefix(n);
    }
    return true;
}

/// Appends a text, which must be UTF-8, in quotes.
inline void print_json_text(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (u < 0x20 || u == 0x7f)
            ((out += "\\u00") += digits[u >> 4]) += digits[u & 15];
        else
            out += c;
    }
    out += '"';
}

} // namespace detail
GRADUS_END

/// Characters of UTF-8 and ASCII's letters, for what splits texts.
#pragma once
#include <gradus/core/utf8.hpp>

#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

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

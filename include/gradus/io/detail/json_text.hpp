/// JSON text: what the reader and writer of safetensors files and of documents share.
#pragma once
#include <gradus/core/config.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

/// Feeds a text to a handler; false where it stopped. All readers come through here: the parser costs seconds to
/// compile.
inline bool parse_json_events(const std::string& text, nlohmann::json_sax<nlohmann::json>& handler) {
    return nlohmann::json::sax_parse(text, &handler);
}

/// Whether bytes are well-formed UTF-8 (RFC 3629: no overlong forms, surrogates or code points above 10FFFF).
inline bool is_utf8(std::string_view s) {
    for (std::size_t i = 0; i < s.size();) {
        const auto c = static_cast<unsigned char>(s[i]);
        const std::size_t n = c < 0x80                ? 1
                              : c >= 0xc2 && c < 0xe0 ? 2
                              : c >= 0xe0 && c < 0xf0 ? 3
                              : c >= 0xf0 && c < 0xf5 ? 4
                                                      : 0;
        if (n == 0 || i + n > s.size()) return false;
        for (std::size_t k = 1; k < n; ++k)
            if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return false;
        const auto next = n > 2 ? static_cast<unsigned char>(s[i + 1]) : 0x80;
        if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) || (c == 0xf0 && next < 0x90) ||
            (c == 0xf4 && next > 0x8f))
            return false;
        i += n;
    }
    return true;
}

/// Appends a text, which must be UTF-8, in quotes.
inline void print_json_text(std::string& out, const std::string& text) {
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

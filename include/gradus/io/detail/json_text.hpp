/// JSON text: what the reader and writer of safetensors files and of documents share.
#pragma once
#include <gradus/core/utf8.hpp>

#include <nlohmann/json.hpp>

#include <string>

GRADUS_BEGIN
namespace detail {

/// Feeds a text to a handler; false where it stopped. All readers come through here: the parser costs seconds to
/// compile.
inline bool parse_json_events(const std::string& text, nlohmann::json_sax<nlohmann::json>& handler) {
    return nlohmann::json::sax_parse(text, &handler);
}

} // namespace detail
GRADUS_END

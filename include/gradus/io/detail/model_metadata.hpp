/// What a file saved by Gradus says of itself: its format's version and the checksum of its tensors.
#pragma once
#include <gradus/io/detail/checksum.hpp>
#include <gradus/io/safetensors.hpp>

#include <string>

GRADUS_BEGIN
namespace detail {

inline constexpr const char* model_format_version = "1";

/// Null where there is none.
inline const std::string* find_metadata(const SafetensorsFile& file, const char* key) {
    const auto it = file.metadata().find(key);
    return it == file.metadata().end() ? nullptr : &it->second;
}

inline bool is_model_file(const SafetensorsFile& file) {
    const std::string* format = find_metadata(file, "format");
    return format && *format == "gradus";
}

/// Throws IoError for a version that this library does not read.
inline void check_model_version(const SafetensorsFile& file, const std::string& path) {
    const std::string *version = find_metadata(file, "format_version"), *gradus = find_metadata(file, "gradus_version");
    if (!version || *version != model_format_version)
        throw_io_error(path + ": expects format version " + model_format_version + ", got " +
                       (version ? version->substr(0, 40) : "none") + "; it was written by Gradus " +
                       (gradus ? gradus->substr(0, 40) : "of unknown version"));
}

/// Throws IoError where the tensors are not those that were saved. Files of older versions have no checksum.
inline void check_model_sum(const SafetensorsFile& file, const std::string& path) {
    const std::string* expected = find_metadata(file, "checksum");
    if (!expected) return;
    Checksum sum;
    for (const TensorEntry& e : file.entries()) sum.add(e.name, e.type, e.shape, file.bytes(e).data(), e.end - e.begin);
    if (sum.text() != *expected)
        throw_io_error(path + ": tensors do not have the checksum " + expected->substr(0, 40) + " of the file but " +
                       sum.text() + ": they were changed after saving");
}

} // namespace detail
GRADUS_END

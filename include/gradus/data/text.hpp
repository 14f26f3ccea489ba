/// Labelled texts from files: one class per file, or a label on each line.
#pragma once
#include <gradus/core/tensor.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// Texts, their classes' numbers [N], and the classes' names.
struct TextData {
    std::vector<std::string> texts;
    Tensor<std::int32_t> labels;
    std::vector<std::string> class_names;

    Index size() const { return static_cast<Index>(texts.size()); }
};

struct TextFilesOptions {
    std::vector<std::string> class_names = {}; ///< one per file; empty: the files' names without folders
    Index max_bytes = Index{1} << 30;          ///< largest file accepted
};

enum class LabelPosition { first, last };

struct LabelledLinesOptions {
    char separator = '\t';
    LabelPosition label = LabelPosition::first;
    std::vector<std::string> class_names =
        {};                           ///< the labels allowed, in order of their numbers; empty: those found, sorted
    Index max_bytes = Index{1} << 30; ///< largest file accepted
};

namespace detail {

[[noreturn]] GRADUS_COLD inline void throw_text_error(const std::string& path, Index line, const std::string& what) {
    throw_io_error(path + (line ? ":" + std::to_string(line) : "") + ": " + what);
}

/// A whole file, at most `max_bytes`.
inline std::string read_text_file(const std::string& path, Index max_bytes) {
    errno = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                               [](std::FILE* f) { return f ? std::fclose(f) : 0; });
    if (!file) throw_text_error(path, 0, std::string("cannot be opened: ") + std::strerror(errno));
    std::string bytes;
    char chunk[1 << 14];
    while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, file.get())) {
        bytes.append(chunk, n);
        if (static_cast<Index>(bytes.size()) > max_bytes)
            throw_text_error(path, 0, "expects at most " + std::to_string(max_bytes) + " bytes (max_bytes), got more");
    }
    if (std::ferror(file.get())) throw_text_error(path, 0, std::string("cannot be read: ") + std::strerror(errno));
    return bytes;
}

/// Calls f(line number from 1, line) for each line that is not blank; drops a UTF-8 byte order mark and carriage
/// returns.
template <class F> void for_each_line(std::string_view bytes, const F& f) {
    if (bytes.substr(0, 3) == "\xEF\xBB\xBF") bytes.remove_prefix(3);
    for (Index number = 1; !bytes.empty(); ++number) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
        while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.find_first_not_of(" \t") != std::string_view::npos) f(number, line);
    }
}

/// Distinct labels in order: by value where all are integers, else by bytes.
inline std::vector<std::string> sorted_labels(std::vector<std::string> labels) {
    auto value = [](const std::string& s) -> std::pair<bool, Index> {
        Index v = 0;
        const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
        return {error == std::errc() && end == s.data() + s.size(), v};
    };
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    if (std::all_of(labels.begin(), labels.end(), [&](const std::string& s) { return value(s).first; }))
        std::sort(labels.begin(), labels.end(), [&](const std::string& a, const std::string& b) {
            return std::pair(value(a).second, a) < std::pair(value(b).second, b);
        });
    return labels;
}

} // namespace detail

/// Reads one file per class, one text per line: class i is files[i]. Texts are bytes as they stand in the file, in any
/// encoding; a UTF-8 byte order mark, carriage returns and blank lines are dropped. Throws IoError, naming the file,
/// where one is missing, larger than `max_bytes` or without a text; ValueError without files or with another number of
/// class names.
inline TextData load_text_files(const std::vector<std::string>& files, const TextFilesOptions& options = {}) {
    if (files.empty()) throw_value_error("load_text_files: expects at least one file, got none");
    if (!options.class_names.empty() && options.class_names.size() != files.size())
        throw_value_error("load_text_files: expects one class name per file (" + std::to_string(files.size()) +
                          "), got " + std::to_string(options.class_names.size()));
    TextData data;
    std::vector<std::int32_t> labels;
    for (std::size_t c = 0; c < files.size(); ++c) {
        const std::string& path = files[c];
        const std::string bytes = detail::read_text_file(path, options.max_bytes);
        detail::for_each_line(bytes, [&](Index, std::string_view line) {
            data.texts.emplace_back(line);
            labels.push_back(static_cast<std::int32_t>(c));
        });
        if (labels.empty() || labels.back() != static_cast<std::int32_t>(c))
            detail::throw_text_error(path, 0, "expects at least one line of text, got none");
        data.class_names.push_back(options.class_names.empty() ? path.substr(path.find_last_of("/\\") + 1)
                                                               : options.class_names[c]);
    }
    data.labels = Tensor<std::int32_t>(labels);
    return data;
}

/// Reads lines of a label and a text with a separator between (the first one where the label comes first, else the
/// last). Classes are numbered in sorted order, by value where every label is an integer, or as `class_names` says.
/// Bytes, blank lines and line ends as in load_text_files. Throws IoError with file and line where a separator or label
/// is missing or unknown.
inline TextData load_labelled_lines(const std::string& path, const LabelledLinesOptions& options = {}) {
    const bool first = options.label == LabelPosition::first;
    const std::string bytes = detail::read_text_file(path, options.max_bytes);
    TextData data;
    std::vector<std::string> names;
    std::vector<Index> numbers;
    detail::for_each_line(bytes, [&](Index number, std::string_view line) {
        const std::size_t at = first ? line.find(options.separator) : line.rfind(options.separator);
        if (at == std::string_view::npos)
            detail::throw_text_error(path, number,
                                     "expects a label and a text separated by " +
                                         (options.separator == '\t' ? "a tab" : std::string(1, options.separator)) +
                                         ", got no separator");
        const std::string_view label = first ? line.substr(0, at) : line.substr(at + 1);
        if (label.empty()) detail::throw_text_error(path, number, "expects a label, got an empty one");
        names.emplace_back(label);
        numbers.push_back(number);
        data.texts.emplace_back(first ? line.substr(at + 1) : line.substr(0, at));
    });
    if (names.empty()) detail::throw_text_error(path, 0, "expects at least one line of text, got none");
    data.class_names = options.class_names.empty() ? detail::sorted_labels(names) : options.class_names;
    data.labels = Tensor<std::int32_t>(Shape{data.size()});
    std::vector<std::size_t> order(data.class_names.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    auto name = [&](std::size_t c) -> const std::string& { return data.class_names[c]; };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return name(a) < name(b); });
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto it = std::lower_bound(order.begin(), order.end(), names[i],
                                         [&](std::size_t c, const std::string& s) { return name(c) < s; });
        if (it == order.end() || name(*it) != names[i])
            detail::throw_text_error(path, numbers[i],
                                     "expects one of the class names given, got \"" + names[i] + "\"");
        data.labels[static_cast<Index>(i)] = static_cast<std::int32_t>(*it);
    }
    return data;
}

GRADUS_END

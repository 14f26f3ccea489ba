/// safetensors: named tensors and text metadata in one file, as huggingface/safetensors defines it.
///
/// Layout: u64 N, little-endian; N bytes of JSON, padded with spaces to a multiple of 8; the tensors' bytes, which fill
/// the rest of the file without gaps. The reader trusts nothing and refuses what the format's reference implementation
/// refuses.
#pragma once
#include <gradus/core/tensor.hpp>
#include <gradus/io/atomic_file.hpp>
#include <gradus/io/detail/safetensors_header.hpp>
#include <gradus/io/named_view.hpp>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

GRADUS_BEGIN

static_assert(std::endian::native == std::endian::little,
              "safetensors files are read and written on little-endian machines");

/// The content of a safetensors file, read whole and checked whole: sizes, offsets, overlaps, holes, duplicate names.
class SafetensorsFile {
public:
    /// Throws IoError that names the file, what was expected and what was found.
    static SafetensorsFile read(const std::string& path) {
        namespace fs = std::filesystem;
        std::error_code error;
        const bool regular = fs::is_regular_file(path, error);
        if (error || !regular)
            throw_io_error(path + ": cannot be opened: " + (error ? error.message() : "not a regular file"));
        const auto size = fs::file_size(path, error);
        if (error) throw_io_error(path + ": cannot be read: " + error.message());
        errno = 0;
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                                   [](std::FILE* f) { return f ? std::fclose(f) : 0; });
        if (!file) throw_io_error(path + ": cannot be opened: " + std::generic_category().message(errno));
        return parse(path, size, [&](std::byte* to, Index bytes) {
            const std::size_t n = std::fread(to, 1, static_cast<std::size_t>(bytes), file.get());
            if (static_cast<Index>(n) != bytes)
                throw_io_error(path + ": cannot be read: expected " + std::to_string(bytes) + " more bytes, got " +
                               std::to_string(n));
        });
    }

    /// The same from bytes in memory; `name` stands for the file in errors.
    static SafetensorsFile parse(std::span<const std::byte> bytes, const std::string& name = "memory") {
        const std::byte* from = bytes.data();
        return parse(name, bytes.size(), [&](std::byte* to, Index n) {
            if (n > 0) std::memcpy(to, from, static_cast<std::size_t>(n));
            from += n;
        });
    }

    /// In the header's order.
    const std::vector<TensorEntry>& entries() const { return entries_; }
    const SafetensorsMetadata& metadata() const { return metadata_; }
    const std::string& path() const { return path_; }

    /// Null where there is none.
    const TensorEntry* find(const std::string& name) const {
        const auto it = index_.find(name);
        return it == index_.end() ? nullptr : &entries_[it->second];
    }
    /// Throws IoError where there is none.
    const TensorEntry& at(const std::string& name) const {
        if (const TensorEntry* e = find(name)) return *e;
        throw_io_error(path_ + ": expects a tensor \"" + name + "\", got none of that name");
    }

    /// The bytes of an entry of this file, at any alignment.
    std::span<const std::byte> bytes(const TensorEntry& e) const {
        return {data_.data() + e.begin, static_cast<std::size_t>(e.end - e.begin)};
    }

    /// Copies a tensor into `out`, converting between F32 and F64. Throws IoError where shape or element type differ.
    template <class T> void copy_to(const TensorEntry& e, View<T> out) const {
        if (out.shape() != e.shape)
            throw_io_error(path_ + ": tensor \"" + e.name + "\": expects shape " + to_string(out.shape()) + ", got " +
                           to_string(e.shape));
        if (e.dtype == dtype_of<T>()) {
            if (e.end > e.begin)
                std::memcpy(out.data(), data_.data() + e.begin, static_cast<std::size_t>(e.end - e.begin));
        } else if (std::is_same_v<T, float> && e.dtype == Dtype::f64) {
            convert<double>(e, out);
        } else if (std::is_same_v<T, double> && e.dtype == Dtype::f32) {
            convert<float>(e, out);
        } else {
            throw_io_error(path_ + ": tensor \"" + e.name + "\": expects " +
                           std::string(detail::safetensors_type(dtype_of<T>())) + ", got " + e.type);
        }
    }
    template <class T> Tensor<T> tensor(const TensorEntry& e) const {
        Tensor<T> t(e.shape);
        copy_to(e, t.view());
        return t;
    }
    template <class T> Tensor<T> tensor(const std::string& name) const { return tensor<T>(at(name)); }

private:
    static std::string looks_like(const std::array<std::byte, 8>& first) {
        const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
        if (text.starts_with("PK\x03\x04")) return " but a zip archive, as PyTorch and Keras write";
        if (text.substr(1).starts_with("HDF\r\n")) return " but an HDF5 file, as Keras wrote";
        return "";
    }
    /// `read(to, n)` delivers the next n bytes of `size`.
    template <class F> static SafetensorsFile parse(const std::string& path, std::uint64_t size, const F& read) {
        if (size < 8)
            detail::throw_safetensors(path,
                                      "expects at least 8 bytes for the header's size, got " + std::to_string(size));
        std::array<std::byte, 8> prefix;
        read(prefix.data(), 8);
        const auto header_size = std::bit_cast<std::uint64_t>(prefix);
        if (header_size > detail::safetensors_header_limit)
            throw_io_error(path + ": is no safetensors file" + looks_like(prefix) +
                           ": bytes 0 to 7: expects a header of at most 100000000 bytes, got " +
                           std::to_string(header_size));
        if (header_size > size - 8)
            detail::throw_safetensors(path, "bytes 0 to 7: a header of " + std::to_string(header_size) +
                                                " bytes ends beyond the file's " + std::to_string(size));
        std::string text(static_cast<std::size_t>(header_size), '\0');
        read(reinterpret_cast<std::byte*>(text.data()), static_cast<Index>(header_size));
        if (text.empty() || text.front() != '{') detail::throw_safetensors(path, "byte 8: expects '{'");
        if (const std::size_t at = text.find('\0');
            at != std::string::npos) // the JSON parser would stop there, content
            detail::throw_safetensors(path, "byte " + std::to_string(8 + at) + ": expects JSON, got a zero byte");

        SafetensorsFile f;
        f.path_ = path;
        detail::SafetensorsHeader header;
        if (!detail::parse_json_events(text, header)) detail::throw_safetensors(path, header.error);
        f.entries_ = std::move(header.entries);
        f.metadata_ = std::move(header.metadata);
        const auto data_size = static_cast<Index>(size - 8 - header_size);
        detail::check_safetensors(path, f.entries_, data_size);
        for (std::size_t i = 0; i < f.entries_.size(); ++i) f.index_.emplace(f.entries_[i].name, i);
        f.data_ = AlignedBuffer(data_size);
        read(f.data_.data(), data_size);
        return f;
    }
    template <class U, class T> void convert(const TensorEntry& e, View<T> out) const {
        for (Index i = 0; i < out.size(); ++i) {
            U value;
            std::memcpy(&value, data_.data() + e.begin + i * Index(sizeof(U)), sizeof(U));
            out[i] = static_cast<T>(value);
        }
    }

    std::string path_;
    std::vector<TensorEntry> entries_;
    std::unordered_map<std::string, std::size_t> index_;
    SafetensorsMetadata metadata_;
    AlignedBuffer data_;
};

/// Writes a safetensors file, whole or not at all (AtomicFile). The header keeps the order given; in the data, wider
/// elements come first, so that each tensor is aligned to its element. Throws ValueError on a duplicate or reserved
/// name, a view without data and text that is not UTF-8, IoError where the file cannot be written.
inline void write_safetensors(const std::string& path, std::span<const NamedView> tensors,
                              const SafetensorsMetadata& metadata = {}) {
    auto quoted = [&](const std::string& text) {
        if (!detail::is_utf8(text)) throw_value_error(path + ": names and metadata expect UTF-8 text");
        std::string out;
        detail::print_json_text(out, text);
        return out;
    };
    std::vector<std::size_t> order;
    std::unordered_set<std::string> names{"__metadata__"};
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        order.push_back(i);
        if (!tensors[i].second.data && tensors[i].second.bytes() > 0)
            throw_value_error(path + ": the tensor \"" + tensors[i].first + "\" has no data");
        if (!names.insert(tensors[i].first).second)
            throw_value_error(path + ": the tensor name \"" + tensors[i].first + "\" is reserved or stands twice");
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const Index wa = size_of(tensors[a].second.dtype), wb = size_of(tensors[b].second.dtype);
        return wa != wb ? wa > wb : a < b;
    });
    std::vector<Index> begin(tensors.size());
    Index at = 0;
    for (std::size_t i : order) {
        begin[i] = at;
        at += tensors[i].second.bytes();
    }

    std::string header = "{";
    if (!metadata.empty()) {
        header += "\"__metadata__\":{";
        for (const auto& [key, value] : metadata) header += quoted(key) + ":" + quoted(value) + ",";
        header.back() = '}';
        header += ",";
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const AnyView& v = tensors[i].second;
        header += quoted(tensors[i].first) + ":{\"dtype\":\"" + std::string(detail::safetensors_type(v.dtype)) +
                  "\",\"shape\":[";
        for (Index axis = 0; axis < v.shape.rank(); ++axis) header += (axis ? "," : "") + std::to_string(v.shape[axis]);
        header +=
            "],\"data_offsets\":[" + std::to_string(begin[i]) + "," + std::to_string(begin[i] + v.bytes()) + "]},";
    }
    if (header.back() == ',') header.pop_back();
    header += "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    if (header.size() > detail::safetensors_header_limit)
        throw_value_error(path + ": names and metadata exceed the format's header of 100000000 bytes");

    AtomicFile file(path);
    const auto prefix = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(header.size()));
    file.write(prefix.data(), 8);
    file.write(header);
    for (std::size_t i : order) file.write(tensors[i].second.data, tensors[i].second.bytes());
    file.commit();
}
inline void write_safetensors(const std::string& path, const std::vector<NamedView>& tensors,
                              const SafetensorsMetadata& metadata = {}) {
    write_safetensors(path, std::span<const NamedView>(tensors), metadata);
}

GRADUS_END

/// NpzFile, save_npz, save_npy: numpy's arrays, one in a file (.npy) or several in a zip archive (.npz).
#pragma once
#include <gradus/core/tensor.hpp>
#include <gradus/data/npy.hpp>
#include <gradus/io/detail/zip.hpp>
#include <gradus/io/named_view.hpp>

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

GRADUS_BEGIN

struct NpzOptions {
    Index max_bytes = Index{4} << 30; ///< largest content accepted: all arrays, unpacked
};

/// One array of an archive: its name (without ".npy"), numpy's element type ("<f4") and shape.
struct NpzEntry {
    std::string name, dtype;
    Shape shape;
};

/// The arrays of a file that numpy.savez or savez_compressed wrote. The directory and every array's header are read and
/// checked at once; elements when they are asked for. Members that are no arrays are passed over. What the archive says
/// of sizes is checked before memory is taken, so a small file cannot ask for a large one's memory. Belongs to one
/// thread at a time.
///
///     NpzFile file("checkpoint20.npz");
///     auto w = file.tensor("enc_emb");  // Tensor<float>
///
/// Throws IoError that names file and array; elements are read and refused as by load_npy.
class NpzFile {
public:
    explicit NpzFile(const std::string& path, const NpzOptions& options = {}) : file_(path) {
        Index total = 0;
        for (detail::ZipMember& m : detail::ZipDirectory::read(file_)) {
            const std::size_t n = m.name.size();
            if (n < 4 || m.name.compare(n - 4, 4, ".npy") != 0) continue;
            total += std::min(m.size, max_bytes);
            if (total > options.max_bytes)
                file_.fail("expects at most " + std::to_string(options.max_bytes) +
                           " bytes unpacked (max_bytes), got more");
            members_.push_back(std::move(m));
        }
        for (const detail::ZipMember& m : members_) {
            detail::ZipMemberSource source(file_, m, label(m));
            const detail::NpyHeader h = detail::read_npy_header(source);
            const Index elements = size_of_shape(h.shape, source), width = h.type.bytes, bytes = source.bound();
            if (elements != bytes / width || bytes % width)
                source.fail("expects " + h.type.name() + " " + to_string(h.shape) + " as its header says, got " +
                            std::to_string(bytes) + " bytes");
            entries_.push_back({m.name.substr(0, m.name.size() - 4), h.descr, h.shape});
        }
    }

    /// In the order of the archive.
    const std::vector<NpzEntry>& entries() const { return entries_; }
    /// Null where there is none.
    const NpzEntry* find(std::string_view name) const {
        for (const NpzEntry& e : entries_)
            if (e.name == name) return &e;
        return nullptr;
    }
    /// The array of that name. Throws IoError where there is none or its elements do not become T.
    template <Element T = float> Tensor<T> tensor(std::string_view name) {
        const NpzEntry* e = find(name);
        if (!e) {
            std::string known;
            for (const NpzEntry& other : entries_) known += (known.empty() ? "" : ", ") + other.name;
            file_.fail("expects one of " + known + ", got \"" + std::string(name) + "\"");
        }
        const detail::ZipMember& m = members_[static_cast<std::size_t>(e - entries_.data())];
        detail::ZipMemberSource source(file_, m, label(m));
        return detail::read_npy<T>(source);
    }

private:
    std::string label(const detail::ZipMember& m) const { return file_.name() + ": " + m.name; }
    static Index size_of_shape(const Shape& shape, const ByteSource& source) {
        try {
            return shape.size();
        } catch (const ShapeError& e) { source.fail(e.what()); }
    }

    FileSource file_;
    std::vector<detail::ZipMember> members_;
    std::vector<NpzEntry> entries_;
};

struct NpzSaveOptions {
    bool compress = true; ///< as numpy.savez_compressed; off: as numpy.savez
};

namespace detail {
inline std::span<const std::byte> bytes_of(const AnyView& v, const std::string& path, const std::string& name) {
    if (!v.data && v.bytes() > 0) throw_value_error(path + ": the tensor \"" + name + "\" has no data");
    return {static_cast<const std::byte*>(v.data), static_cast<std::size_t>(v.bytes())};
}
} // namespace detail

/// Writes an .npz file, whole or not at all (AtomicFile): `save_npz("xy.npz", {{"x", x.view()}, {"y", y.view()}})`.
/// Throws ValueError on a name that is empty, stands twice or holds a zero byte, and a view without data; IoError where
/// the file cannot be written.
inline void save_npz(const std::string& path, std::span<const NamedView> tensors, const NpzSaveOptions& options = {}) {
    std::unordered_set<std::string> names;
    for (const auto& [name, view] : tensors) {
        if (name.empty() || name.size() > 60000 || name.find('\0') != std::string::npos)
            throw_value_error(path + ": expects names of 1 to 60000 bytes without a zero byte, got \"" +
                              name.substr(0, 40) + "\"");
        if (!names.insert(name).second) throw_value_error(path + ": the name \"" + name + "\" stands twice");
        (void)detail::bytes_of(view, path, name);
    }
    AtomicFile file(path);
    detail::ZipWriter zip(file);
    for (const auto& [name, view] : tensors) {
        const std::string header = detail::npy_header(view.dtype, view.shape);
        const std::span<const std::byte> parts[] = {std::as_bytes(std::span(header.data(), header.size())),
                                                    detail::bytes_of(view, path, name)};
        zip.add(name + ".npy", parts, options.compress);
    }
    zip.finish();
    file.commit();
}
inline void save_npz(const std::string& path, const std::vector<NamedView>& tensors,
                     const NpzSaveOptions& options = {}) {
    save_npz(path, std::span<const NamedView>(tensors), options);
}

/// Writes an .npy file, whole or not at all. Throws IoError where it cannot be written, ValueError on a view without
/// data.
inline void save_npy(const std::string& path, const AnyView& view) {
    const auto bytes = detail::bytes_of(view, path, "array");
    AtomicFile file(path);
    file.write(detail::npy_header(view.dtype, view.shape));
    file.write(bytes.data(), view.bytes());
    file.commit();
}
template <class T> void save_npy(const std::string& path, const Tensor<T>& tensor) {
    save_npy(path, AnyView(tensor.view()));
}

GRADUS_END

/// load_idx: the format of MNIST's files.
///
/// Two zero bytes, the element type, the number of axes; one big-endian size of 32 bits for each axis; then the
/// elements, big-endian. http://yann.lecun.com/exdb/mnist
#pragma once
#include <gradus/data/detail/elements.hpp>

#include <optional>

GRADUS_BEGIN

namespace detail {
inline std::optional<StoredType> idx_type(unsigned code) {
    switch (code) {
    case 0x08: return StoredType{StoredType::unsigned_integer, 1, true};
    case 0x09: return StoredType{StoredType::signed_integer, 1, true};
    case 0x0b: return StoredType{StoredType::signed_integer, 2, true};
    case 0x0c: return StoredType{StoredType::signed_integer, 4, true};
    case 0x0d: return StoredType{StoredType::floating, 4, true};
    case 0x0e: return StoredType{StoredType::floating, 8, true};
    default: return std::nullopt;
    }
}
} // namespace detail

/// Reads an IDX file as a tensor of T: pictures u8 [N, H, W], labels u8 [N]. Numbers become T where T can hold them.
/// `rank`, where not 0, is the number of axes that the file must have: 3 refuses labels where pictures are wanted.
///
///     Tensor<std::uint8_t> pictures = load_idx("train-images-idx3-ubyte", 3);
///     auto labels = load_idx<std::int32_t>(GzipFile("train-labels-idx1-ubyte.gz"), 1);  // gradus/io.hpp
///
/// Throws IoError that names the file where it is missing, of another format, of another rank, cut short or too long,
/// or its elements do not become T.
template <Element T = std::uint8_t> Tensor<T> load_idx(ByteSource& source, Index rank = 0) {
    std::uint8_t magic[4], size[4];
    source.read(magic, 4, "an IDX header");
    if (magic[0] == 0x1f && magic[1] == 0x8b)
        source.fail("is compressed with gzip: GzipFile of gradus/io.hpp reads it: load_idx(GzipFile(path))");
    const auto type = detail::idx_type(magic[2]);
    if (magic[0] || magic[1] || !type) {
        char found[16];
        std::snprintf(found, sizeof(found), "%02x %02x %02x %02x", magic[0], magic[1], magic[2], magic[3]);
        source.fail("is no IDX file: expects bytes 00 00, an element type of 08, 09, 0b, 0c, 0d or 0e and a number of "
                    "axes, got " +
                    std::string(found));
    }
    if (magic[3] < 1 || magic[3] > Shape::max_rank)
        source.fail("byte 3: expects 1 to 8 axes, got " + std::to_string(magic[3]));
    if (rank && magic[3] != rank)
        source.fail("byte 3: expects " + std::to_string(rank) + " axes, got " + std::to_string(magic[3]));
    Shape shape;
    for (int axis = 0; axis < magic[3]; ++axis) {
        source.read(size, 4, "an IDX header");
        shape.push_back(Index{size[0]} << 24 | Index{size[1]} << 16 | Index{size[2]} << 8 | Index{size[3]});
    }
    Tensor<T> out = detail::read_elements<T>(source, *type, shape);
    source.expect_end();
    return out;
}
template <Element T = std::uint8_t> Tensor<T> load_idx(ByteSource&& source, Index rank = 0) {
    return load_idx<T>(source, rank);
}
template <Element T = std::uint8_t> Tensor<T> load_idx(const std::string& path, Index rank = 0) {
    return load_idx<T>(FileSource(path), rank);
}

GRADUS_END

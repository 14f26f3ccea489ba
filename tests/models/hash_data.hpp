// Weights and data by the hash of tests/golden/README.md: both sides have them without a file.
#pragma once
#include <gradus/core/tensor.hpp>

#include <cstdint>

namespace hash_data {

using namespace gradus;

inline std::uint32_t word(std::uint32_t block, Index i) {
    std::uint32_t x = (block << 20) + static_cast<std::uint32_t>(i);
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    return x ^ (x >> 16);
}

template <class T = float> Tensor<T> values(std::uint32_t block, float scale, const Shape& shape) {
    Tensor<T> t(shape);
    for (Index i = 0; i < t.size(); ++i)
        t[i] = static_cast<T>((static_cast<float>(word(block, i) >> 8) * 0x1p-24f - 0.5f) * scale);
    return t;
}

inline Tensor<std::int32_t> integers(std::uint32_t block, std::uint32_t below, const Shape& shape) {
    Tensor<std::int32_t> t(shape);
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<std::int32_t>(word(block, i) % below);
    return t;
}

// Row r keeps 3 + hash tokens, the others become 0: in front for odd rows, at the end for even ones.
inline Tensor<std::int32_t> padded(std::uint32_t block, std::uint32_t below, Index rows, Index time) {
    auto ids = integers(block, below, Shape{rows, time});
    const auto extra = integers(block + 1, static_cast<std::uint32_t>(time - 2), Shape{rows});
    for (Index r = 0; r < rows; ++r) {
        const Index pad = time - 3 - extra[r];
        for (Index t = 0; t < pad; ++t) ids(r, r % 2 ? t : time - 1 - t) = 0;
    }
    return ids;
}

} // namespace hash_data

/// A hash of a file's tensors, to tell what was changed after saving.
#pragma once
#include <gradus/core/hash.hpp>
#include <gradus/core/shape.hpp>

#include <cstdint>
#include <string>
#include <string_view>

GRADUS_BEGIN
namespace detail {

/// The same in whatever order tensors are added.
class Checksum {
public:
    void add(std::string_view name, std::string_view type, const Shape& shape, const void* data, Index bytes) {
        std::uint64_t hash = hash_bytes(hash_start, name.data(), static_cast<Index>(name.size()));
        hash = hash_bytes(hash, type.data(), static_cast<Index>(type.size()));
        for (const Index n : shape) hash = mix(hash ^ static_cast<std::uint64_t>(n));
        sum_ += hash_bytes(hash, data, bytes);
    }
    std::string text() const { return hash_text(sum_); }

private:
    std::uint64_t sum_ = 0;
};

} // namespace detail
GRADUS_END

/// AlignedBuffer: 64-byte-aligned, zero-initialised bytes.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <cstring>
#include <new>
#include <string>
#include <utility>

GRADUS_BEGIN

inline constexpr Index alignment = 64;

/// The next multiple of 64 bytes.
constexpr Index align_up(Index bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// No buffer is larger, so that sums of sizes cannot overflow.
inline constexpr Index max_bytes = Index{1} << 60;

/// Bytes of `count` elements; throws ShapeError beyond `max_bytes`.
inline Index checked_bytes(Index count, Index element) {
    if (count > max_bytes / element)
        throw_shape_error("memory: expects at most 2^60 bytes, got " + std::to_string(count) + " elements of " +
                          std::to_string(element) + " bytes");
    return count * element;
}

/// Owns bytes on a cache-line boundary. Move-only.
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(Index bytes) : bytes_(bytes) {
        if (bytes == 0) return;
        data_ = static_cast<std::byte*>(
            ::operator new(static_cast<std::size_t>(align_up(bytes)), std::align_val_t(alignment)));
        std::memset(data_, 0, static_cast<std::size_t>(align_up(bytes)));
    }
    AlignedBuffer(AlignedBuffer&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
    AlignedBuffer& operator=(AlignedBuffer&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(bytes_, o.bytes_);
        return *this;
    }
    ~AlignedBuffer() { ::operator delete(data_, std::align_val_t(alignment)); }

    std::byte* data() const { return data_; }
    Index bytes() const { return bytes_; }

private:
    std::byte* data_ = nullptr;
    Index bytes_ = 0;
};

GRADUS_END

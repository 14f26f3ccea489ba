/// AlignedBuffer: 64-byte-aligned, zero-initialised bytes.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <cstring>
#include <new>
#include <string>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

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

namespace detail {

inline constexpr Index huge_page = Index{1} << 21;

/// Where a buffer of so many bytes begins: one that fills a huge page begins on one, others on a cache line.
constexpr std::align_val_t alignment_of(Index bytes) {
    return std::align_val_t(bytes < huge_page ? alignment : huge_page);
}

/// Asks Linux, before the bytes are first touched, for pages of 2 MiB where the whole of one lies in them: a product or
/// an update that walks over megabytes finds few of the 4 KiB pages in the processor's table of addresses. Bytes beyond
/// the last whole one keep small pages, so no memory is added. A system that has none goes on as it was.
inline void use_huge_pages([[maybe_unused]] std::byte* data, [[maybe_unused]] Index bytes) {
#if defined(MADV_HUGEPAGE)
    if (const auto whole = static_cast<std::size_t>(bytes / huge_page * huge_page)) madvise(data, whole, MADV_HUGEPAGE);
#endif
}

} // namespace detail

/// Owns bytes on a cache-line boundary, from 2 MiB on in huge pages where the system has them. Move-only.
class AlignedBuffer {
public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(Index bytes) : bytes_(bytes) {
        if (bytes == 0) return;
        data_ = static_cast<std::byte*>(
            ::operator new(static_cast<std::size_t>(align_up(bytes)), detail::alignment_of(bytes)));
        detail::use_huge_pages(data_, bytes);
        std::memset(data_, 0, static_cast<std::size_t>(align_up(bytes)));
    }
    AlignedBuffer(AlignedBuffer&& o) noexcept
        : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
    AlignedBuffer& operator=(AlignedBuffer&& o) noexcept {
        std::swap(data_, o.data_);
        std::swap(bytes_, o.bytes_);
        return *this;
    }
    ~AlignedBuffer() { ::operator delete(data_, detail::alignment_of(bytes_)); }

    std::byte* data() const { return data_; }
    Index bytes() const { return bytes_; }

private:
    std::byte* data_ = nullptr;
    Index bytes_ = 0;
};

GRADUS_END

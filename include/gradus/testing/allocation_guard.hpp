/// Counting heap allocations, to prove that a piece of code makes none.
///
/// One source file of the test binary holds GRADUS_DEFINE_ALLOCATION_COUNTER at namespace scope; it replaces the global
/// operator new and delete of the whole binary. Without it `AllocationGuard::counting()` is false and every count is 0.
#pragma once
#include <gradus/core/types.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

GRADUS_BEGIN

namespace detail {
inline std::atomic<Index> allocation_count{0};
inline std::atomic<bool> allocations_counted{false};

inline void* counted_allocation(std::size_t bytes, std::size_t alignment, bool may_throw) {
    allocation_count.fetch_add(1, std::memory_order_relaxed);
    if (bytes == 0) bytes = 1;
    void* p = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                  ? std::malloc(bytes)
                  : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (!p && may_throw) throw std::bad_alloc();
    return p;
}
} // namespace detail

/// Counts the calls of operator new, of all threads, since it was made.
///
///     AllocationGuard guard;
///     model.train_on_batch(x, y);
///     CHECK(guard.count() == 0);
class AllocationGuard {
public:
    AllocationGuard() : start_(detail::allocation_count.load()) {}
    Index count() const { return detail::allocation_count.load() - start_; }
    /// Whether the binary counts at all.
    static bool counting() { return detail::allocations_counted.load(); }

private:
    Index start_;
};

GRADUS_END

#define GRADUS_DEFINE_ALLOCATION_COUNTER                                                                           \
    GRADUS_NOINLINE void* operator new(std::size_t n) { return gradus::detail::counted_allocation(n, 0, true); }   \
    GRADUS_NOINLINE void* operator new[](std::size_t n) { return gradus::detail::counted_allocation(n, 0, true); } \
    GRADUS_NOINLINE void* operator new(std::size_t n, const std::nothrow_t&) noexcept {                            \
        return gradus::detail::counted_allocation(n, 0, false);                                                    \
    }                                                                                                              \
    GRADUS_NOINLINE void* operator new[](std::size_t n, const std::nothrow_t&) noexcept {                          \
        return gradus::detail::counted_allocation(n, 0, false);                                                    \
    }                                                                                                              \
    GRADUS_NOINLINE void* operator new(std::size_t n, std::align_val_t a) {                                        \
        return gradus::detail::counted_allocation(n, static_cast<std::size_t>(a), true);                           \
    }                                                                                                              \
    GRADUS_NOINLINE void* operator new[](std::size_t n, std::align_val_t a) {                                      \
        return gradus::detail::counted_allocation(n, static_cast<std::size_t>(a), true);                           \
    }                                                                                                              \
    GRADUS_NOINLINE void operator delete(void* p) noexcept { std::free(p); }                                       \
    GRADUS_NOINLINE void operator delete[](void* p) noexcept { std::free(p); }                                     \
    GRADUS_NOINLINE void operator delete(void* p, std::size_t) noexcept { std::free(p); }                          \
    GRADUS_NOINLINE void operator delete[](void* p, std::size_t) noexcept { std::free(p); }                        \
    GRADUS_NOINLINE void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }                \
    GRADUS_NOINLINE void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }              \
    GRADUS_NOINLINE void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }                     \
    GRADUS_NOINLINE void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }                   \
    GRADUS_NOINLINE void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }        \
    GRADUS_NOINLINE void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }      \
    static const bool gradus_counts_allocations = gradus::detail::allocations_counted.exchange(true)

/// Shape: up to eight axes, stored inline.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <array>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>

GRADUS_BEGIN

/// Concrete sizes of a row-major tensor, batch first, channels last. Never allocates.
class Shape {
public:
    static constexpr Index max_rank = 8;

    constexpr Shape() = default;
    Shape(std::initializer_list<Index> sizes) : Shape(std::span<const Index>(sizes.begin(), sizes.size())) {}

    /// Throws ShapeError on more than eight axes, a negative size, or more than 2^63 - 1 elements.
    explicit Shape(std::span<const Index> sizes) {
        if (static_cast<Index>(sizes.size()) > max_rank)
            throw_shape_error("shape: expects at most 8 axes, got " + std::to_string(sizes.size()));
        for (Index n : sizes) push_back(n);
        (void)size();
    }

    void push_back(Index n) {
        if (rank_ == max_rank) throw_shape_error("shape: expects at most 8 axes");
        if (n < 0) throw_shape_error("shape: expects sizes of at least 0, got " + std::to_string(n));
        sizes_[static_cast<std::size_t>(rank_++)] = n;
    }

    Index rank() const { return rank_; }

    /// Number of elements; 1 for a scalar's shape [].
    Index size() const {
        Index n = 1;
        bool zero = false;
        for (Index i = 0; i < rank_; ++i) zero |= sizes_[static_cast<std::size_t>(i)] == 0;
        if (zero) return 0;
        for (Index i = 0; i < rank_; ++i) {
            const Index s = sizes_[static_cast<std::size_t>(i)];
#if defined(__GNUC__) // without the division, which every view would pay
            if (__builtin_mul_overflow(n, s, &n)) throw_shape_error("shape: more elements than 2^63 - 1");
#else
            if (n > std::numeric_limits<Index>::max() / s) throw_shape_error("shape: more elements than 2^63 - 1");
            n *= s;
#endif
        }
        return n;
    }

    /// Negative axes count from the end.
    Index operator[](Index axis) const { return sizes_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)]; }
    Index& operator[](Index axis) { return sizes_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)]; }

    const Index* begin() const { return sizes_.data(); }
    const Index* end() const { return sizes_.data() + rank_; }

    /// Product of the sizes of axes [first, last).
    Index product(Index first, Index last) const {
        Index n = 1;
        for (Index i = first; i < last; ++i) n *= (*this)[i];
        return n;
    }

    friend bool operator==(const Shape& a, const Shape& b) {
        if (a.rank_ != b.rank_) return false;
        for (Index i = 0; i < a.rank_; ++i)
            if (a[i] != b[i]) return false;
        return true;
    }

private:
    std::array<Index, 8> sizes_{};
    Index rank_ = 0;
};

/// "[32, 100, 50]"
inline std::string to_string(const Shape& shape) {
    std::string s = "[";
    for (Index i = 0; i < shape.rank(); ++i) s += (i ? ", " : "") + std::to_string(shape[i]);
    return s + "]";
}

GRADUS_END

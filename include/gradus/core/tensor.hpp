/// Tensor: owns row-major, 64-byte-aligned elements.
#pragma once
#include <gradus/core/storage.hpp>
#include <gradus/core/view.hpp>
#include <gradus/fwd.hpp>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <vector>

GRADUS_BEGIN

/// An owning tensor: batch first, channels last. Copies are deep; elements start at zero.
template <class T> class Tensor {
    static_assert(Element<T>, "Tensor holds float, double, std::int32_t or std::uint8_t");

public:
    using value_type = T;

    Tensor() = default;
    explicit Tensor(const Shape& shape)
        : buffer_(checked_bytes(shape.size(), Index(sizeof(T)))), shape_(shape), size_(shape.size()) {}
    Tensor(const Shape& shape, T fill) : Tensor(shape) { std::fill(begin(), end(), fill); }
    /// Throws ShapeError where the count differs from the shape's.
    Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape) {
        if (static_cast<Index>(values.size()) != size_)
            throw_shape_error("tensor: expects " + std::to_string(size_) + " values for " + to_string(shape) +
                              ", got " + std::to_string(values.size()));
        std::copy(values.begin(), values.end(), begin());
    }
    Tensor(const Shape& shape, const std::vector<T>& values) : Tensor(shape, std::span<const T>(values)) {}
    /// A vector [N]. A template, so that braces always mean a shape: Tensor<float>({2, 3}).
    template <std::same_as<T> U> explicit Tensor(const std::vector<U>& values)
        : Tensor(Shape{static_cast<Index>(values.size())}, values) {}
    template <class U>
        requires std::same_as<std::remove_const_t<U>, T>
    explicit Tensor(std::span<U> values) : Tensor(Shape{static_cast<Index>(values.size())}, values) {}
    /// A copy of what a view shows.
    explicit Tensor(View<const T> v)
        : Tensor(v.shape(), std::span<const T>(v.data(), static_cast<std::size_t>(v.size()))) {}
    explicit Tensor(View<T> v) : Tensor(View<const T>(v)) {}

    Tensor(const Tensor& o) : Tensor(o.shape_) {
        if (size_) std::memcpy(buffer_.data(), o.buffer_.data(), static_cast<std::size_t>(buffer_.bytes()));
    }
    Tensor& operator=(const Tensor& o) {
        if (this != &o) *this = Tensor(o);
        return *this;
    }
    Tensor(Tensor&& o) noexcept
        : buffer_(std::move(o.buffer_)), shape_(std::exchange(o.shape_, Shape{0})), size_(std::exchange(o.size_, 0)) {}
    Tensor& operator=(Tensor&& o) noexcept {
        buffer_ = std::move(o.buffer_);
        std::swap(shape_, o.shape_);
        std::swap(size_, o.size_);
        return *this;
    }

    T* data() { return reinterpret_cast<T*>(buffer_.data()); }
    const T* data() const { return reinterpret_cast<const T*>(buffer_.data()); }
    const Shape& shape() const { return shape_; }
    Index rank() const { return shape_.rank(); }
    Index size() const { return size_; }
    bool empty() const { return size_ == 0; }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }

    /// Flat element i.
    T& operator[](Index i) { return data()[i]; }
    const T& operator[](Index i) const { return data()[i]; }

    /// Element at one index per axis: t(1, 2). Unchecked, as a kernel would read it; at() checks.
    template <class... I> T& operator()(I... i) { return data()[offset({static_cast<Index>(i)...})]; }
    template <class... I> const T& operator()(I... i) const { return data()[offset({static_cast<Index>(i)...})]; }

    /// As operator(), but throws ValueError outside the shape.
    template <class... I> const T& at(I... i) const { return data()[checked({static_cast<Index>(i)...})]; }
    template <class... I> T& at(I... i) { return data()[checked({static_cast<Index>(i)...})]; }

    View<T> view() { return {data(), shape_}; }
    View<const T> view() const { return {data(), shape_}; }
    operator View<T>() { return view(); }
    operator View<const T>() const { return view(); }

    /// A copy under another shape of equal size.
    Tensor reshaped(const Shape& shape) const { return Tensor(view().reshaped(shape)); }
    /// A copy of rows [first, last).
    Tensor rows(Index first, Index last) const { return Tensor(view().rows(first, last)); }

private:
    Index offset(std::initializer_list<Index> at) const {
        Index o = 0, axis = 0;
        for (Index i : at) o = o * shape_[axis++] + i;
        return o;
    }
    Index checked(std::initializer_list<Index> at) const {
        bool inside = static_cast<Index>(at.size()) == shape_.rank();
        Index axis = 0;
        for (Index i : at) {
            if (!inside) break;
            inside = i >= 0 && i < shape_[axis++];
        }
        if (!inside) throw_value_error("tensor: index outside the shape " + to_string(shape_));
        return offset(at);
    }

    AlignedBuffer buffer_;
    Shape shape_{0};
    Index size_ = 0;
};

/// tensor({1, 2, 3}), tensor({{1, 2}, {3, 4}}), tensor({{{...}}}): values in nested braces. The element type is the
/// literals' own (int gives std::int32_t) unless named: tensor<float>({1, 2}). Models convert numbers when a batch is
/// gathered. Throws ShapeError on rows of unequal length.
template <class T = float> Tensor<T> tensor(std::initializer_list<T> values) {
    return Tensor<T>(Shape{static_cast<Index>(values.size())}, std::span<const T>(values.begin(), values.size()));
}

namespace detail {
[[noreturn]] GRADUS_COLD inline void throw_ragged(std::size_t row, std::size_t expected, std::size_t found) {
    throw_shape_error("tensor: row " + std::to_string(row) + " expects " + std::to_string(expected) + " values, got " +
                      std::to_string(found));
}
} // namespace detail

template <class T = float> Tensor<T> tensor(std::initializer_list<std::initializer_list<T>> rows) {
    const std::size_t columns = rows.size() ? rows.begin()->size() : 0;
    Tensor<T> t(Shape{static_cast<Index>(rows.size()), static_cast<Index>(columns)});
    T* p = t.data();
    for (std::size_t i = 0; const auto& row : rows) {
        if (row.size() != columns) detail::throw_ragged(i, columns, row.size());
        p = std::copy(row.begin(), row.end(), p);
        ++i;
    }
    return t;
}

template <class T = float>
Tensor<T> tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> blocks) {
    const std::size_t rows = blocks.size() ? blocks.begin()->size() : 0;
    const std::size_t columns = rows ? blocks.begin()->begin()->size() : 0;
    Tensor<T> t(Shape{static_cast<Index>(blocks.size()), static_cast<Index>(rows), static_cast<Index>(columns)});
    T* p = t.data();
    for (std::size_t i = 0; const auto& block : blocks) {
        if (block.size() != rows) detail::throw_ragged(i, rows, block.size());
        for (const auto& row : block) {
            if (row.size() != columns) detail::throw_ragged(i, columns, row.size());
            p = std::copy(row.begin(), row.end(), p);
        }
        ++i;
    }
    return t;
}

GRADUS_END

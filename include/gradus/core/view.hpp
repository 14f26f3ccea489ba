/// View: a typed window on memory that somebody else owns; AnyView: the same, its element type known at run time.
#pragma once
#include <gradus/core/shape.hpp>

#include <span>
#include <type_traits>

GRADUS_BEGIN

/// A contiguous row-major window. Copies are shallow; an empty view has no data.
template <class T> class View {
public:
    View() = default;
    View(T* data, const Shape& shape) : data_(data), shape_(shape), size_(shape.size()) {}

    /// View<T> converts to View<const T>.
    template <class U>
        requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
    View(const View<U>& other) : data_(other.data()), shape_(other.shape()), size_(other.size()) {}

    T* data() const { return data_; }
    const Shape& shape() const { return shape_; }
    Index rank() const { return shape_.rank(); }
    Index size() const { return size_; }
    bool empty() const { return data_ == nullptr; }
    T& operator[](Index i) const { return data_[i]; }
    T* begin() const { return data_; }
    T* end() const { return data_ + size_; }
    std::span<T> span() const { return {data_, static_cast<std::size_t>(size_)}; }

    /// The same elements under another shape of equal size.
    View reshaped(const Shape& shape) const {
        if (shape.size() != size_)
            throw_shape_error("reshape: expects " + std::to_string(size_) + " elements, got " + to_string(shape));
        return {data_, shape};
    }

    /// Rows [first, last) of the leading axis.
    View rows(Index first, Index last) const {
        Shape s = shape_;
        const Index stride = s.product(1, s.rank());
        if (first < 0 || last < first || s.rank() == 0 || last > s[0])
            throw_shape_error("rows: expects 0 <= first <= last <= rows of " + to_string(s) + ", got [" +
                              std::to_string(first) + ", " + std::to_string(last) + ")");
        s[0] = last - first;
        return {data_ + first * stride, s};
    }

private:
    T* data_ = nullptr;
    Shape shape_;
    Index size_ = 0;
};

/// A view whose element type is a value; with the mask that travels with it (u8, 1 = real), where there is one.
struct AnyView {
    void* data = nullptr;
    Shape shape;
    Dtype dtype = Dtype::f32;
    std::uint8_t* mask = nullptr;
    Shape mask_shape;

    AnyView() = default;
    AnyView(void* d, const Shape& s, Dtype t) : data(d), shape(s), dtype(t) {}
    template <class T> AnyView(View<T> v)
        : data(const_cast<std::remove_const_t<T>*>(v.data())), shape(v.shape()), dtype(dtype_of<T>()) {}
    template <class T> AnyView(View<T> v, View<const std::uint8_t> m) : AnyView(v) {
        mask = const_cast<std::uint8_t*>(m.data());
        mask_shape = m.shape();
    }

    bool empty() const { return data == nullptr; }
    Index bytes() const { return shape.size() * size_of(dtype); }

    /// The caller knows the element type: layers declare it, the executor checks it.
    template <class T> View<T> as() const { return data ? View<T>(static_cast<T*>(data), shape) : View<T>(); }
    View<const std::uint8_t> mask_view() const {
        return mask ? View<const std::uint8_t>(mask, mask_shape) : View<const std::uint8_t>();
    }
};

GRADUS_END

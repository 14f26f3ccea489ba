/// Tensors as text, for a look at them: std::cout << model.predict(x).
#pragma once
#include <gradus/core/tensor.hpp>

#include <algorithm>
#include <charconv>
#include <ostream>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace detail {

template <class T> class TensorText {
public:
    static constexpr Index edge = 3, most = 1000;

    explicit TensorText(View<const T> v) : v_(v), cut_(v.size() > most) {}
    std::string print() {
        if (v_.rank() == 0 && !v_.empty()) return text(0);
        if (v_.empty() || v_.size() == 0)
            return v_.rank() > 1 ? "[] of shape " + to_string(v_.shape()) : std::string("[]");
        each(0, 0, [&](Index i) { width_ = std::max(width_, text(i).size()); });
        std::string out;
        axis(0, 0, out);
        return out;
    }

private:
    std::string text(Index i) const {
        char s[32] = {};
        if constexpr (std::is_floating_point_v<T>)
            std::to_chars(s, s + sizeof s - 1, v_[i], std::chars_format::general, 6);
        else
            std::to_chars(s, s + sizeof s - 1, static_cast<int>(v_[i]));
        return s;
    }
    bool hides(Index a) const { return cut_ && v_.shape()[a] > 2 * edge; }
    Index stride(Index a) const { return v_.shape().product(a + 1, v_.rank()); }
    /// The places of an axis that are shown; the first one after the gap is `size - edge`.
    std::vector<Index> shown(Index a) const {
        std::vector<Index> places;
        for (Index i = 0; i < v_.shape()[a]; ++i)
            if (!hides(a) || i < edge || i >= v_.shape()[a] - edge)
                places.push_back(i);
            else
                i = v_.shape()[a] - edge - 1;
        return places;
    }
    template <class F> void each(Index a, Index first, const F& f) const {
        for (const Index i : shown(a)) {
            if (a + 1 == v_.rank())
                f(first + i);
            else
                each(a + 1, first + i * stride(a), f);
        }
    }
    void axis(Index a, Index first, std::string& out) const {
        const bool last = a + 1 == v_.rank();
        const std::string gap = last ? " "
                                     : std::string(static_cast<std::size_t>(v_.rank() - a - 1), '\n') +
                                           std::string(static_cast<std::size_t>(a) + 1, ' ');
        out += "[";
        for (const Index i : shown(a)) {
            if (i > 0) out += gap;
            if (hides(a) && i == v_.shape()[a] - edge) out += "..." + gap;
            if (!last) {
                axis(a + 1, first + i * stride(a), out);
                continue;
            }
            const std::string s = text(first + i);
            out += std::string(width_ - s.size(), ' ') + s;
        }
        out += "]";
    }

    View<const T> v_;
    bool cut_;
    std::size_t width_ = 0;
};

} // namespace detail

/// Rows in brackets, as numpy prints them, with six digits; of more than 1000 elements the first and last three of each
/// axis.
template <class T> std::string to_string(View<T> v) { return detail::TensorText<std::remove_const_t<T>>(v).print(); }
template <class T> std::string to_string(const Tensor<T>& t) { return to_string(t.view()); }
template <class T> std::ostream& operator<<(std::ostream& out, View<T> v) { return out << to_string(v); }
template <class T> std::ostream& operator<<(std::ostream& out, const Tensor<T>& t) { return out << to_string(t); }

GRADUS_END

/// pad_sequences: lists of unequal length as one tensor.
#pragma once
#include <gradus/core/tensor.hpp>

#include <algorithm>
#include <vector>

GRADUS_BEGIN

/// The front or the back of a sequence.
enum class Side : std::uint8_t { pre, post };

struct PadSequencesOptions {
    Index maxlen = 0;            ///< 0: the longest sequence
    Side padding = Side::pre;    ///< where short ones are filled
    Side truncating = Side::pre; ///< where long ones are cut
    double value = 0;
};

namespace detail {
/// What of a sequence of n steps goes where in a row of `length` steps.
struct PaddedPart {
    Index from, to, steps;
};
inline PaddedPart padded_part(Index n, Index length, const PadSequencesOptions& o) {
    const Index steps = std::min(n, length);
    return {o.truncating == Side::pre ? n - steps : 0, o.padding == Side::pre ? length - steps : 0, steps};
}
inline Index padded_length(Index longest, const PadSequencesOptions& o) {
    if (o.maxlen < 0)
        throw_value_error("pad_sequences: maxlen expects 0 (the longest sequence) or more, got " +
                          std::to_string(o.maxlen));
    return o.maxlen ? o.maxlen : longest;
}
template <class T> T padding_value(const PadSequencesOptions& o) {
    if constexpr (std::is_integral_v<T>) {
        if (!(o.value >= static_cast<double>(std::numeric_limits<T>::lowest()) &&
              o.value <= static_cast<double>(std::numeric_limits<T>::max()) &&
              o.value == static_cast<double>(static_cast<Index>(o.value))))
            throw_value_error("pad_sequences: value expects " + std::string(name_of(dtype_of<T>())) + ", got " +
                              std::to_string(o.value));
    }
    return static_cast<T>(o.value);
}
} // namespace detail

/// Lists of numbers as rows [N, T], cut or filled to one length. As Keras's; the element type is the lists' own. Throws
/// ValueError on a negative maxlen and a value that T does not hold.
///
///     Tensor<std::int32_t> x = pad_sequences(tokenizer.texts_to_sequences(texts), {.maxlen = 100, .padding =
///     Side::post});
template <Element T>
Tensor<T> pad_sequences(const std::vector<std::vector<T>>& sequences, const PadSequencesOptions& options = {}) {
    std::size_t longest = 0;
    for (const auto& s : sequences) longest = std::max(longest, s.size());
    const Index length = detail::padded_length(static_cast<Index>(longest), options);
    Tensor<T> out(Shape{static_cast<Index>(sequences.size()), length}, detail::padding_value<T>(options));
    T* row = out.data();
    for (const auto& s : sequences) {
        const auto p = detail::padded_part(static_cast<Index>(s.size()), length, options);
        std::copy_n(s.data() + p.from, p.steps, row + p.to);
        row += length;
    }
    return out;
}

/// Series [T_i, ...] as one tensor [N, T, ...]. Throws ShapeError where their steps differ in shape.
template <Element T>
Tensor<T> pad_sequences(const std::vector<Tensor<T>>& series, const PadSequencesOptions& options = {}) {
    Index longest = 0;
    Shape shape{static_cast<Index>(series.size()), 0};
    for (const Tensor<T>& s : series) {
        if (s.rank() == 0) throw_shape_error("pad_sequences: expects series [time, ...], got []");
        longest = std::max(longest, s.shape()[0]);
        if (&s == series.data())
            for (Index i = 1; i < s.rank(); ++i) shape.push_back(s.shape()[i]);
        bool same = s.rank() + 1 == shape.rank();
        for (Index i = 1; same && i < s.rank(); ++i) same = s.shape()[i] == shape[i + 1];
        if (!same)
            throw_shape_error("pad_sequences: expects steps like those of " + to_string(series[0].shape()) + ", got " +
                              to_string(s.shape()));
    }
    shape[1] = detail::padded_length(longest, options);
    Tensor<T> out(shape, detail::padding_value<T>(options));
    const Index width = shape.product(2, shape.rank());
    T* row = out.data();
    for (const Tensor<T>& s : series) {
        const auto p = detail::padded_part(s.shape()[0], shape[1], options);
        std::copy_n(s.data() + p.from * width, p.steps * width, row + p.to * width);
        row += shape[1] * width;
    }
    return out;
}

GRADUS_END

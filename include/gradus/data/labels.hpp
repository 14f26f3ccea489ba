/// Labels: names to class numbers and back, class numbers to one-hot rows.
#pragma once
#include <gradus/data/text.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

GRADUS_BEGIN

/// Class numbers [...] or [..., 1] as rows [..., C] that are 1 at the class and else 0. `classes` 0: the largest number
/// + 1. As Keras's to_categorical. Throws ValueError on a label that is no whole number from 0 to C - 1.
///
///     auto y = one_hot(labels, 10);          // Tensor<float>
///     auto z = one_hot<double>(labels);
template <Element T = float, Element L> Tensor<T> one_hot(View<const L> labels, Index classes = 0) {
    if (classes < 0)
        throw_value_error("one_hot: classes expects 0 (as many as there are) or more, got " + std::to_string(classes));
    const auto number = [&](Index i) {
        const auto v = static_cast<double>(labels[i]);
        if (!(v >= 0 && v < (classes ? static_cast<double>(classes) : 0x1p31) && v == std::floor(v)))
            throw_value_error("one_hot: expects class numbers from 0" +
                              (classes ? " to " + std::to_string(classes - 1) : std::string()) + ", got " +
                              std::to_string(labels[i]) + " in element " + std::to_string(i));
        return static_cast<Index>(v);
    };
    Index largest = -1;
    for (Index i = 0; i < labels.size(); ++i) largest = std::max(largest, number(i));
    Shape shape = labels.shape();
    const Index width = classes ? classes : largest + 1;
    if (shape.rank() > 1 && shape[-1] == 1)
        shape[-1] = width;
    else
        shape.push_back(width);
    Tensor<T> out(shape);
    for (Index i = 0; i < labels.size(); ++i) out[i * width + number(i)] = T(1);
    return out;
}
template <Element T = float, Element L> Tensor<T> one_hot(const Tensor<L>& labels, Index classes = 0) {
    return one_hot<T>(labels.view(), classes);
}

/// Names of classes to numbers 0 ... C-1 and back. As scikit-learn's LabelEncoder, but where every name is a whole
/// number they are ordered by value, as load_labelled_lines does.
///
///     LabelEncoder encoder;
///     Tensor<std::int32_t> y = encoder.fit_transform(species);
///     std::string first = encoder.name(y[0]);
class LabelEncoder {
public:
    LabelEncoder() = default;
    /// Classes in an order of one's own. Throws ValueError where a name stands twice.
    explicit LabelEncoder(std::vector<std::string> classes) { set(std::move(classes)); }

    /// Learns the names, anew each time. Throws ValueError where there are none.
    void fit(std::span<const std::string> labels) {
        if (labels.empty()) throw_value_error("label_encoder: expects labels to learn, got none");
        set(detail::sorted_labels({labels.begin(), labels.end()}));
    }
    /// Numbers [N]. Throws ValueError on a name that was not learned.
    Tensor<std::int32_t> transform(std::span<const std::string> labels) const {
        Tensor<std::int32_t> out(Shape{static_cast<Index>(labels.size())});
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const auto it = numbers_.find(labels[i]);
            if (it == numbers_.end()) {
                std::string known;
                for (std::size_t c = 0; c < classes_.size() && c < 20; ++c) known += (c ? ", " : "") + classes_[c];
                throw_value_error("label_encoder: expects one of " + known + (classes_.size() > 20 ? ", ..." : "") +
                                  ", got \"" + labels[i] + "\" in row " + std::to_string(i));
            }
            out[static_cast<Index>(i)] = it->second;
        }
        return out;
    }
    Tensor<std::int32_t> fit_transform(std::span<const std::string> labels) {
        fit(labels);
        return transform(labels);
    }
    /// Names of numbers. Throws ValueError outside the classes.
    std::vector<std::string> inverse_transform(View<const std::int32_t> numbers) const {
        std::vector<std::string> out;
        out.reserve(static_cast<std::size_t>(numbers.size()));
        for (const std::int32_t n : numbers) out.push_back(name(n));
        return out;
    }
    const std::string& name(Index number) const {
        if (number < 0 || number >= size())
            throw_value_error("label_encoder: expects class numbers from 0 to " + std::to_string(size() - 1) +
                              ", got " + std::to_string(number));
        return classes_[static_cast<std::size_t>(number)];
    }
    /// In the order of their numbers.
    const std::vector<std::string>& classes() const { return classes_; }
    Index size() const { return static_cast<Index>(classes_.size()); }

private:
    void set(std::vector<std::string> classes) {
        std::unordered_map<std::string, std::int32_t> numbers;
        for (const std::string& c : classes)
            if (!numbers.emplace(c, static_cast<std::int32_t>(numbers.size())).second)
                throw_value_error("label_encoder: expects each class once, got \"" + c + "\" again");
        classes_ = std::move(classes);
        numbers_ = std::move(numbers);
    }

    std::vector<std::string> classes_;
    std::unordered_map<std::string, std::int32_t> numbers_;
};

GRADUS_END

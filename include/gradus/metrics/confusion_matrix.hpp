/// ConfusionMatrix: how often each class was taken for which.
#pragma once
#include <gradus/core/tensor.hpp>
#include <gradus/metrics/class_targets.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

GRADUS_BEGIN

/// A column of classes, made from a tensor, a view or a vector, which must outlive it: class numbers of any element
/// type, or scores [..., C], whose first largest is meant, or one probability for each row, above 0.5 for class 1.
class ClassColumn {
public:
    ClassColumn(const AnyView& view) : view_(view) {}
    template <class T> ClassColumn(View<T> view) : view_(view) {}
    template <class T> ClassColumn(const Tensor<T>& tensor) : view_(tensor.view()) {}
    template <Element T> ClassColumn(const std::vector<T>& values)
        : view_(View<const T>(values.data(), Shape{static_cast<Index>(values.size())})) {}
    const AnyView& view() const { return view_; }

private:
    AnyView view_;
};

/// m(t, p): the number of rows of class t that were predicted as p. Prints as a table, a row for each true class.
///
///     std::cout << ConfusionMatrix(y_test, model.predict(x_test), {"cat", "dog"});
///
/// True classes are numbers [N] (or [B, T], and so on), or one-hot of the shape of the predictions. Predictions are
/// numbers, one for each, or scores with an axis of classes at the end; real ones without such an axis, or with one
/// of size 1, are probabilities that the class is 1. There are as many classes as names; without names as many as
/// scores, else the largest number plus 1. scikit-learn's confusion_matrix leaves out numbers that never occur; Keras
/// has none.
///
/// With weights, scikit-learn's sample_weight, a row counts as much as its own, or its sample's where there are several
/// for each, and one of weight 0 is not looked at: a mask of 0 and 1 leaves padding out.
///
/// ShapeError where sizes differ; ValueError on numbers that are no class, on probabilities outside [0, 1], on scores
/// with NaN, and on weights that are negative or not finite.
class ConfusionMatrix {
public:
    ConfusionMatrix(const ClassColumn& y_true, const ClassColumn& y_pred, std::vector<std::string> names = {},
                    const ClassColumn& weights = AnyView());

    Index classes() const { return classes_; }
    double operator()(Index truth, Index predicted) const {
        return counts_[static_cast<std::size_t>(truth * classes_ + predicted)];
    }
    /// Rows whose true class it is.
    double support(Index c) const {
        double n = 0;
        for (Index p = 0; p < classes_; ++p) n += (*this)(c, p);
        return n;
    }
    /// Rows that were predicted as this class.
    double predicted(Index c) const {
        double n = 0;
        for (Index t = 0; t < classes_; ++t) n += (*this)(t, c);
        return n;
    }
    double rows() const {
        double n = 0;
        for (double count : counts_) n += count;
        return n;
    }
    /// Rows whose class was predicted, over all; 0 where there are none.
    double accuracy() const {
        double right = 0;
        for (Index c = 0; c < classes_; ++c) right += (*this)(c, c);
        return rows() > 0 ? right / rows() : 0;
    }
    /// The name of a class: its number where none was given.
    std::string name(Index c) const { return names_.empty() ? std::to_string(c) : names_[static_cast<std::size_t>(c)]; }

    std::string to_string() const;
    friend std::ostream& operator<<(std::ostream& out, const ConfusionMatrix& m) { return out << m.to_string(); }

private:
    Index classes_ = 0;
    std::vector<double> counts_;
    std::vector<std::string> names_;
};

namespace detail {

/// The class of each row; 0 where its weight is 0.
inline std::vector<Index> classes_of(const AnyView& v, bool truth, Index width, const std::vector<double>& weights,
                                     const char* what) {
    const auto wrong = [&](Index row, const char* expects, double got) {
        throw_value_error("confusion_matrix: " + std::string(what) + ": expects " + expects + ", got " +
                          std::to_string(got) + " at row " + std::to_string(row));
    };
    const Index rows = v.shape.size() / width;
    const bool probabilities = !truth && width == 1 && (v.dtype == Dtype::f32 || v.dtype == Dtype::f64);
    std::vector<Index> classes;
    classes.reserve(static_cast<std::size_t>(rows));
    for (Index i = 0; i < rows; ++i) {
        if (!weights.empty() && weights[static_cast<std::size_t>(i)] == 0) {
            classes.push_back(0);
            continue;
        }
        const double x = target_value(v, i * width);
        if (width > 1) {
            const Index best = argmax(width, [&](Index c) { return target_value(v, i * width + c); });
            if (best < 0) wrong(i, "scores", std::nan(""));
            classes.push_back(best);
        } else if (probabilities) {
            if (!(x >= 0 && x <= 1)) wrong(i, "probabilities from 0 to 1, or whole numbers of an integer type", x);
            classes.push_back(x > 0.5);
        } else {
            if (!(x >= 0 && x < 2147483648.0 && x == std::floor(x))) wrong(i, "class numbers of at least 0", x);
            classes.push_back(static_cast<Index>(x));
        }
    }
    return classes;
}

/// A weight for each row; none where there are no weights.
inline std::vector<double> row_weights(const AnyView& w, Index rows) {
    std::vector<double> weights;
    if (w.empty() && w.shape.rank() == 0) return weights;
    const Index n = w.shape.size();
    if (n == 0 ? rows != 0 : rows % n != 0)
        throw_shape_error("confusion_matrix: expects weights for " + std::to_string(rows) + " rows, got " +
                          gradus::to_string(w.shape));
    for (Index i = 0; i < rows; ++i) {
        weights.push_back(target_value(w, i / (rows / n)));
        if (!(weights.back() >= 0 && std::isfinite(weights.back())))
            throw_value_error("confusion_matrix: expects finite weights of at least 0, got " +
                              std::to_string(weights.back()) + " at row " + std::to_string(i));
    }
    return weights;
}

/// "12", "7.50"
inline std::string count_text(double n) {
    char text[32];
    std::snprintf(text, sizeof text, n == std::floor(n) ? "%.0f" : "%.2f", n);
    return text;
}

/// Characters of UTF-8 text.
inline std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}
/// `text` at the right end of `width` columns.
inline std::string right_aligned(const std::string& text, std::size_t width) {
    const std::size_t size = width_of(text);
    return std::string(width > size ? width - size : 0, ' ') + text;
}

} // namespace detail

inline ConfusionMatrix::ConfusionMatrix(const ClassColumn& y_true, const ClassColumn& y_pred,
                                        std::vector<std::string> names, const ClassColumn& weights)
    : names_(std::move(names)) {
    const AnyView &t = y_true.view(), &p = y_pred.view();
    const bool real = p.dtype == Dtype::f32 || p.dtype == Dtype::f64;
    const Index width = real && p.shape.rank() >= 2 && p.shape[-1] > 1 ? p.shape[-1] : 1;
    const bool one_hot = width > 1 && t.shape == p.shape;
    if (p.shape.size() / width != t.shape.size() / (one_hot ? width : 1))
        throw_shape_error("confusion_matrix: expects a prediction for each of the targets " +
                          gradus::to_string(t.shape) + ", got " + gradus::to_string(p.shape));
    const auto each = detail::row_weights(weights.view(), p.shape.size() / width);
    const auto truth = detail::classes_of(t, true, one_hot ? width : 1, each, "targets");
    const auto predicted = detail::classes_of(p, false, width, each, "predictions");
    Index largest = -1;
    for (const auto* list : {&truth, &predicted})
        for (Index c : *list) largest = std::max(largest, c);
    classes_ = !names_.empty() ? static_cast<Index>(names_.size()) : std::max(width > 1 ? width : 0, largest + 1);
    if (largest >= classes_)
        throw_value_error("confusion_matrix: expects classes from 0 to " + std::to_string(classes_ - 1) + ", got " +
                          std::to_string(largest));
    if (classes_ > 10000)
        throw_value_error("confusion_matrix: expects at most 10000 classes, got " + std::to_string(classes_));
    counts_.assign(static_cast<std::size_t>(classes_ * classes_), 0);
    for (std::size_t i = 0; i < truth.size(); ++i)
        if (each.empty() || each[i] > 0)
            counts_[static_cast<std::size_t>(truth[i] * classes_ + predicted[i])] += each.empty() ? 1 : each[i];
}

inline std::string ConfusionMatrix::to_string() const {
    const std::string corner = "true \\ predicted";
    std::size_t first = corner.size();
    std::vector<std::size_t> widths;
    for (Index c = 0; c < classes_; ++c) {
        first = std::max(first, detail::width_of(name(c)));
        std::size_t w = std::max<std::size_t>(5, detail::width_of(name(c)));
        for (Index t = 0; t < classes_; ++t) w = std::max(w, detail::count_text((*this)(t, c)).size());
        widths.push_back(w + 1);
    }
    std::string s = detail::right_aligned(corner, first);
    for (Index c = 0; c < classes_; ++c) s += detail::right_aligned(name(c), widths[static_cast<std::size_t>(c)]);
    s += '\n';
    for (Index t = 0; t < classes_; ++t) {
        s += detail::right_aligned(name(t), first);
        for (Index c = 0; c < classes_; ++c)
            s += detail::right_aligned(detail::count_text((*this)(t, c)), widths[static_cast<std::size_t>(c)]);
        s += '\n';
    }
    return s;
}

GRADUS_END

/// train_test_split: rows held out by a seeded shuffle, with equal shares of every class where labels are classes.
#pragma once
#include <gradus/data/shuffle.hpp>
#include <gradus/data/text.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

GRADUS_BEGIN

struct SplitOptions {
    double test_size = 0.1; ///< share of the rows held out, rounded to the nearest count
    std::uint64_t seed = 0;
    bool stratify = true; ///< keep the classes' shares, where labels are whole numbers
};

/// Row numbers of both parts, each in shuffled order.
struct SplitIndices {
    std::vector<Index> train, test;
};

struct TextSplit {
    TextData train, test;
};

template <class T, class L> struct TensorSplit {
    Tensor<T> x_train, x_test;
    Tensor<L> y_train, y_test;
};

namespace detail {

inline Index test_rows(Index n, const SplitOptions& options) {
    if (!(options.test_size > 0 && options.test_size < 1))
        throw_value_error("train_test_split: test_size expects a share between 0 and 1, got " +
                          std::to_string(options.test_size));
    const auto count = static_cast<Index>(std::llround(static_cast<double>(n) * options.test_size));
    if (count < 1 || count >= n)
        throw_value_error("train_test_split: " + std::to_string(n) + " rows with test_size " +
                          std::to_string(options.test_size) + " leave one part empty");
    return count;
}

/// Labels as classes 0 ... C-1 in order of their values.
struct RowClasses {
    std::vector<Index> of_row, counts;
};

/// None where labels are not all whole numbers.
template <class L> std::optional<RowClasses> number_classes(View<const L> labels) {
    const bool whole = std::all_of(labels.begin(), labels.end(), [](L v) {
        const auto d = static_cast<double>(v);
        return std::isfinite(d) && std::floor(d) == d;
    });
    if (!whole) return std::nullopt;
    std::map<L, Index> number;
    for (L v : labels) number.emplace(v, 0);
    Index next = 0;
    for (auto& entry : number) entry.second = next++;
    RowClasses classes;
    classes.counts.resize(number.size());
    for (L v : labels) {
        classes.of_row.push_back(number[v]);
        ++classes.counts[static_cast<std::size_t>(classes.of_row.back())];
    }
    return classes;
}

/// Splits rows of classes 0 ... C-1, `counts[c]` of each: each class gives its share of the test rows, by largest
/// remainder (the lower class on ties).
inline SplitIndices split_classes(std::span<const Index> classes, std::span<const Index> counts,
                                  const SplitOptions& options) {
    const Index n = static_cast<Index>(classes.size());
    const Index wanted = test_rows(n, options);
    std::vector<Index> quota(counts.size()), order(counts.size());
    Index given = 0;
    for (std::size_t c = 0; c < counts.size(); ++c) given += quota[c] = wanted * counts[c] / n;
    std::iota(order.begin(), order.end(), Index{0});
    auto remainder = [&](Index c) { return wanted * counts[static_cast<std::size_t>(c)] % n; };
    std::sort(order.begin(), order.end(),
              [&](Index a, Index b) { return remainder(a) != remainder(b) ? remainder(a) > remainder(b) : a < b; });
    for (std::size_t i = 0; given < wanted; ++i, ++given) ++quota[static_cast<std::size_t>(order[i])];
    std::vector<Index> rows(classes.size());
    permutation(std::span<Index>(rows), Random(options.seed, 0, Purpose::split));
    SplitIndices split;
    split.test.reserve(static_cast<std::size_t>(wanted));
    split.train.reserve(static_cast<std::size_t>(n - wanted));
    for (Index row : rows) {
        Index& left = quota[static_cast<std::size_t>(classes[static_cast<std::size_t>(row)])];
        (left > 0 ? split.test : split.train).push_back(row);
        if (left > 0) --left;
    }
    return split;
}

} // namespace detail

/// Splits n rows by a plain shuffle. Throws ValueError where test_size is not between 0 and 1 or a part would be empty.
inline SplitIndices train_test_split(Index n, const SplitOptions& options = {}) {
    const std::vector<Index> classes(static_cast<std::size_t>(n));
    return detail::split_classes(classes, std::vector<Index>{n}, options);
}

/// Splits by labels [N] or [N, 1]; labels that are not all whole numbers (regression targets), or of several columns,
/// are split by a plain shuffle. The order depends on seed and labels alone, on every machine. Other numbers than
/// scikit-learn's.
template <class L> SplitIndices train_test_split(View<const L> labels, const SplitOptions& options = {}) {
    const Index n = labels.rank() ? labels.shape()[0] : 0;
    const auto classes = options.stratify && labels.size() == n ? detail::number_classes(labels) : std::nullopt;
    if (!classes) return train_test_split(n, options);
    return detail::split_classes(classes->of_row, classes->counts, options);
}
template <class L> SplitIndices train_test_split(const Tensor<L>& labels, const SplitOptions& options = {}) {
    return train_test_split(labels.view(), options);
}

/// A copy of the given rows of the leading axis, in the order given. Throws ValueError on a row that is not there.
template <class T> Tensor<T> take(View<const T> from, std::span<const Index> rows) {
    Shape shape = from.shape();
    if (shape.rank() == 0) throw_shape_error("take: expects rows on a leading axis, got []");
    const Index stride = shape.product(1, shape.rank()), n = shape[0];
    shape[0] = static_cast<Index>(rows.size());
    Tensor<T> out(shape);
    T* to = out.data();
    for (Index row : rows) {
        if (row < 0 || row >= n)
            throw_value_error("take: expects rows from 0 to " + std::to_string(n - 1) + ", got " + std::to_string(row));
        to = std::copy_n(from.data() + row * stride, stride, to);
    }
    return out;
}
template <class T> Tensor<T> take(const Tensor<T>& from, std::span<const Index> rows) {
    return take(from.view(), rows);
}

inline TextData take(const TextData& from, std::span<const Index> rows) {
    TextData out;
    out.labels = take(from.labels, rows);
    out.class_names = from.class_names;
    out.texts.reserve(rows.size());
    for (Index row : rows) out.texts.push_back(from.texts[static_cast<std::size_t>(row)]);
    return out;
}

/// Texts and labels split together.
inline TextSplit train_test_split(const TextData& data, const SplitOptions& options = {}) {
    if (data.labels.size() != data.size())
        throw_shape_error("train_test_split: expects one label for each of " + std::to_string(data.size()) +
                          " texts, got " + to_string(data.labels.shape()));
    const SplitIndices rows = train_test_split(data.labels, options);
    return {take(data, rows.train), take(data, rows.test)};
}

/// Features [N, ...] and labels [N, ...] split together: `auto [x_train, x_test, y_train, y_test] = train_test_split(x,
/// y);` Throws ShapeError where the numbers of rows differ.
template <class T, class L>
TensorSplit<T, L> train_test_split(const Tensor<T>& x, const Tensor<L>& y, const SplitOptions& options = {}) {
    if (x.rank() == 0 || y.rank() == 0 || x.shape()[0] != y.shape()[0])
        throw_shape_error("train_test_split: expects as many rows of x as of y, got " + to_string(x.shape()) + " and " +
                          to_string(y.shape()));
    const SplitIndices rows = train_test_split(y, options);
    return {take(x, rows.train), take(x, rows.test), take(y, rows.train), take(y, rows.test)};
}

GRADUS_END

/// k_fold: rows in k parts, each of which is held out once.
#pragma once
#include <gradus/data/split.hpp>

GRADUS_BEGIN

struct KFoldOptions {
    Index folds = 5;
    bool shuffle = true; ///< off: parts are runs of rows in their order
    std::uint64_t seed = 0;
    bool stratify = true; ///< keep the classes' shares, where labels are whole numbers
};

namespace detail {
/// Deals rows of classes 0 ... C-1 out to the folds: parts, and a class's rows in them, differ by at most one in
/// number.
inline std::vector<SplitIndices> deal_folds(std::span<const Index> classes, Index class_count,
                                            const KFoldOptions& options) {
    const auto n = static_cast<Index>(classes.size());
    if (options.folds < 2 || options.folds > n)
        throw_value_error("k_fold: folds expects 2 to the number of rows, " + std::to_string(n) + ", got " +
                          std::to_string(options.folds));
    const auto k = static_cast<std::size_t>(options.folds);
    std::vector<Index> rows(classes.size());
    std::iota(rows.begin(), rows.end(), Index{0});
    if (options.shuffle) permutation(std::span<Index>(rows), Random(options.seed, 1, Purpose::split));
    std::vector<std::size_t> fold(classes.size());
    if (class_count > 1) {
        std::vector<std::vector<Index>> members(static_cast<std::size_t>(class_count));
        for (const Index r : rows) members[static_cast<std::size_t>(classes[static_cast<std::size_t>(r)])].push_back(r);
        std::size_t next = 0;
        for (const auto& m : members)
            for (const Index r : m) fold[static_cast<std::size_t>(r)] = next++ % k;
    } else {
        const std::size_t larger = classes.size() % k, size = classes.size() / k;
        for (std::size_t i = 0; i < rows.size(); ++i)
            fold[static_cast<std::size_t>(rows[i])] =
                i < larger * (size + 1) ? i / (size + 1) : larger + (i - larger * (size + 1)) / size;
    }
    std::vector<SplitIndices> out(k);
    for (const Index r : rows)
        for (std::size_t f = 0; f < k; ++f)
            (fold[static_cast<std::size_t>(r)] == f ? out[f].test : out[f].train).push_back(r);
    return out;
}
} // namespace detail

/// Splits n rows: fold i holds out part i. Throws ValueError where folds is below 2 or above n.
///
///     for (const SplitIndices& fold : k_fold(y, {.folds = 5})) {
///         auto x_train = take(x, fold.train), x_test = take(x, fold.test);
///     }
inline std::vector<SplitIndices> k_fold(Index n, const KFoldOptions& options = {}) {
    return detail::deal_folds(std::vector<Index>(static_cast<std::size_t>(std::max<Index>(n, 0))), 1, options);
}

/// Splits by labels [N] or [N, 1], so that every part has its share of each class; labels that are not all whole
/// numbers, or of several columns, are split as rows alone. A function of seed and labels alone, on every machine. As
/// scikit-learn's KFold and StratifiedKFold, other numbers; there a class with fewer rows than folds is an error.
template <class L> std::vector<SplitIndices> k_fold(View<const L> labels, const KFoldOptions& options = {}) {
    const Index n = labels.rank() ? labels.shape()[0] : 0;
    const auto classes = options.stratify && labels.size() == n ? detail::number_classes(labels) : std::nullopt;
    if (!classes) return k_fold(n, options);
    return detail::deal_folds(classes->of_row, static_cast<Index>(classes->counts.size()), options);
}
template <class L> std::vector<SplitIndices> k_fold(const Tensor<L>& labels, const KFoldOptions& options = {}) {
    return k_fold(labels.view(), options);
}

GRADUS_END

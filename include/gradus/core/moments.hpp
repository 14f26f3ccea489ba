/// Means and variances of columns, by a fixed order of operations: the same bits on every machine, from every compiler.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/view.hpp>

#include <cmath>
#include <vector>

GRADUS_BEGIN

/// Mean and variance (divided by the count) of each column.
struct ColumnMoments {
    Index count = 0;
    std::vector<double> mean, variance;
};

/// Of x as rows [x.size() / width, width]: sums of differences to the first row, then of squares of differences to the
/// mean, each in double and row by row, so that a constant column has exactly its value and a variance of 0. Products
/// and their sums round once.
template <class T> ColumnMoments column_moments(View<const T> x, Index width) {
    const FloatScope mode;
    const auto columns = static_cast<std::size_t>(width);
    ColumnMoments m{width ? x.size() / width : 0, std::vector<double>(columns), std::vector<double>(columns)};
    if (m.count == 0) return m;
    const T* const first = x.data();
    for (const T* row = first; row != x.end(); row += width)
        for (std::size_t c = 0; c < columns; ++c)
            m.mean[c] += static_cast<double>(row[c]) - static_cast<double>(first[c]);
    for (std::size_t c = 0; c < columns; ++c)
        m.mean[c] = static_cast<double>(first[c]) + m.mean[c] / static_cast<double>(m.count);
    for (const T* row = first; row != x.end(); row += width)
        for (std::size_t c = 0; c < columns; ++c) {
            const double d = static_cast<double>(row[c]) - m.mean[c];
            m.variance[c] = std::fma(d, d, m.variance[c]);
        }
    for (double& v : m.variance) v /= static_cast<double>(m.count);
    return m;
}

GRADUS_END

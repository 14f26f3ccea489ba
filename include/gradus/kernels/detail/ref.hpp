/// Eigen maps for the reference twins of the kernels.
#pragma once
#include <gradus/core/types.hpp>

#include <Eigen/Core>

#include <type_traits>

GRADUS_BEGIN
namespace kernels::ref {

template <class T> using ArrayOf = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
template <class T> using MatrixOf =
    Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T, class Plain> using MapOf = std::conditional_t<std::is_const_v<T>, const Plain, Plain>;

/// n elements, for element-wise expressions.
template <class T> auto array(T* p, Index n) { return Eigen::Map<MapOf<T, ArrayOf<T>>>(p, n); }

/// A row-major matrix, contiguous or with a leading dimension.
template <class T> auto matrix(T* p, Index rows, Index cols) {
    return Eigen::Map<MapOf<T, MatrixOf<T>>>(p, rows, cols);
}
template <class T> auto matrix(T* p, Index rows, Index cols, Index ld) {
    return Eigen::Map<MapOf<T, MatrixOf<T>>, 0, Eigen::OuterStride<>>(p, rows, cols, Eigen::OuterStride<>(ld));
}

} // namespace kernels::ref
GRADUS_END

/// Maps between Gradus's tensors and Eigen's matrices, both ways. The only file of core that includes Eigen.
#pragma once
#include <gradus/core/tensor.hpp>

#include <Eigen/Core>

GRADUS_BEGIN

template <class T> using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
template <class T> using EigenMatrixMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenMatrix<std::remove_const_t<T>>, EigenMatrix<T>>>;
template <class T> using EigenVectorMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const EigenVector<std::remove_const_t<T>>, EigenVector<T>>>;

/// A row-major map: the last axis are columns, all others rows.
template <class T> EigenMatrixMap<T> matrix(View<T> v) {
    const Index columns = v.rank() ? v.shape()[-1] : 1;
    return {v.data(), columns ? v.size() / columns : 0, columns};
}
template <class T> EigenMatrixMap<T> matrix(Tensor<T>& t) { return matrix(t.view()); }
template <class T> EigenMatrixMap<const T> matrix(const Tensor<T>& t) { return matrix(t.view()); }

/// All elements as one column.
template <class T> EigenVectorMap<T> vector(View<T> v) { return {v.data(), v.size()}; }
template <class T> EigenVectorMap<T> vector(Tensor<T>& t) { return vector(t.view()); }
template <class T> EigenVectorMap<const T> vector(const Tensor<T>& t) { return vector(t.view()); }

/// Coefficient-wise maps.
template <class T> auto array(View<T> v) { return vector(v).array(); }
template <class T> auto array(Tensor<T>& t) { return vector(t).array(); }
template <class T> auto array(const Tensor<T>& t) { return vector(t).array(); }

/// A tensor [rows, columns] (a vector: [rows]) with the values of any dense Eigen expression.
/// (The number comes first so that tensor<double>({1, 2}) does not make Eigen look at double.)
template <int = 0, class Derived> auto tensor(const Eigen::DenseBase<Derived>& m) {
    using T = typename Derived::Scalar;
    if constexpr (Derived::IsVectorAtCompileTime) {
        Tensor<T> t(Shape{m.size()});
        for (Index i = 0; i < m.size(); ++i) t[i] = m.derived().coeff(i);
        return t;
    } else {
        Tensor<T> t(Shape{m.rows(), m.cols()});
        matrix(t) = m.derived();
        return t;
    }
}

GRADUS_END

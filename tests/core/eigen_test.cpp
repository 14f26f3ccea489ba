#include "catch.hpp"
#include <gradus/core/eigen.hpp>

using namespace gradus;

TEST_CASE("Eigen: maps see the tensor's memory") {
    Tensor<float> t = tensor<float>({{1, 2, 3}, {4, 5, 6}});
    matrix(t) *= 2;
    CHECK(t(1, 2) == 12);
    matrix(t)(0, 1) = -1;
    CHECK(t(0, 1) == -1);
    const Tensor<float>& c = t;
    CHECK(matrix(c).rows() == 2);
    CHECK(vector(c).size() == 6);
    CHECK(array(c).abs().sum() == 2 + 1 + 6 + 8 + 10 + 12);
    CHECK(matrix(Tensor<float>({2, 3, 4}).view()).rows() == 6);
    CHECK(matrix(Tensor<float>({0, 4}).view()).rows() == 0);
}

TEST_CASE("Eigen: matrices of any order become tensors") {
    Eigen::MatrixXf m(2, 3);
    m << 1, 2, 3, 4, 5, 6;
    const Tensor<float> t = tensor(m);
    CHECK(t.shape() == Shape{2, 3});
    CHECK((t(0, 2) == 3 && t(1, 0) == 4));
    const Tensor<double> v = tensor(Eigen::VectorXd::LinSpaced(4, 0, 3));
    CHECK(v.shape() == Shape{4});
    CHECK(v[3] == 3);
    CHECK(tensor((m * 2).transpose())(2, 1) == 12);
}

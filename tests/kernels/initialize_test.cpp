#include <gradus/kernels/initialize.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

const Random stream(7, 3, Purpose::initial);

template <class T> Numbers<T> all_kinds(Index n) {
    Numbers<T> r(std::size_t(3 * n + 900));
    fill_uniform(r.data(), stream, -0.3, 0.7, n);
    fill_normal(r.data() + n, stream, 0.1, 2, n);
    fill_truncated_normal(r.data() + 2 * n, stream, 0.1, 2, n);
    Numbers<double> workspace(std::size_t(orthogonal_workspace(30, 30)));
    orthogonal(r.data() + 3 * n, stream, 1.25, 30, 30, workspace.data());
    return r;
}

} // namespace

TEMPLATE_TEST_CASE("initial weights have the same bits on every set, the baseline included", "[kernels]", float,
                   double) {
    using T = TestType;
    const auto first = all_kinds<T>(40001);
    on_each_set([&] {
        for (int t : {1, 2, 3, 8}) {
            set_threads(t);
            CHECK(same(all_kinds<T>(40001), first));
        }
        set_threads(0);
    });
}

TEMPLATE_TEST_CASE("initial weights agree with their twins and touch nothing else", "[kernels]", float, double) {
    using T = TestType;
    const double tolerance = 8 * std::numeric_limits<T>::epsilon();
    for (Index n : {0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000}) {
        Numbers<T> y(std::size_t(n) + 2, T(42)), expected = y;
        fill_uniform(y.data() + 1, stream, -1, 3, n);
        ref::fill_uniform(expected.data() + 1, stream, -1, 3, n);
        CHECK(largest_difference(y, expected) <= tolerance);
        fill_normal(y.data() + 1, stream, 1, 0.5, n);
        ref::fill_normal(expected.data() + 1, stream, 1, 0.5, n);
        CHECK(largest_difference(y, expected) <= tolerance);
        fill_truncated_normal(y.data() + 1, stream, 1, 0.5, n);
        ref::fill_truncated_normal(expected.data() + 1, stream, 1, 0.5, n);
        CHECK(largest_difference(y, expected) <= tolerance);
        CHECK(y.front() == T(42));
        CHECK(y.back() == T(42));
    }
}

TEST_CASE("an orthogonal matrix is the sign-fixed factor of the normal one", "[kernels]") {
    const Index rows = 12, cols = 5;
    Numbers<double> w(60), workspace(60), a(60);
    orthogonal(w.data(), stream, 1, rows, cols, workspace.data());
    fill_normal(a.data(), stream, 0, 1, 60);
    // R = Q^T A is upper triangular with a positive diagonal; column c of A is row c of what was drawn.
    for (Index i = 0; i < cols; ++i)
        for (Index j = 0; j < cols; ++j) {
            double r = 0;
            for (Index k = 0; k < rows; ++k) r += w[std::size_t(k * cols + i)] * a[std::size_t(j * rows + k)];
            if (i == j) CHECK(r > 0.1);
            if (i > j) CHECK(std::abs(r) <= 1e-14);
        }
}

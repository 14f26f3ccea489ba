/// Matrix product with bias and activation, and column sums.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/kernels/activation_kind.hpp>
#include <gradus/kernels/detail/gemm.hpp>
#include <gradus/kernels/detail/ref.hpp>
#include <gradus/kernels/precision.hpp>

#include <algorithm>
#include <type_traits>

GRADUS_BEGIN
namespace kernels {

enum class Transpose : bool { no, yes };

/// What is done to the product before it is stored: y = activation(product + bias), then 0 where `gate` is 0 or less.
/// With the output of a relu as the gate, a product that gives the gradient of that output gives the one below relu, as
/// activation_backward makes it.
template <class T> struct Epilogue {
    const T* bias = nullptr;                          ///< [n], or none
    activation::Kind activation = activation::linear; ///< linear or relu
    const T* gate = nullptr;                          ///< [m, n], or none; c does not overlap it
    Index ldgate = 0;                                 ///< between its rows
};

namespace detail {

/// How a product is cut, a function of its sizes and the instruction set only: B packed or not, and the blocks of rows
/// and columns that are the cells. Where few rows meet a large B, a cell packs its own columns of it, a strip at a
/// time: no thread waits for what another one packs, nor fetches it from that one's cache.
struct MatmulPlan {
    bool pack = false;
    bool panels = false; ///< by each cell for itself
    Index rows = 1, cols = 1;
};

inline constexpr Index matmul_columns = 512;

template <class T>
MatmulPlan matmul_plan(Index m, Index n, Index k, Index lda, Transpose ta, Transpose tb, const GemmTable<T>& table) {
    MatmulPlan plan;
    plan.pack = k > 0 && (table.unit > 1 || tb == Transpose::yes ||
                          (m >= table.blocking.pack_rows && k * n * Index(sizeof(T)) > table.blocking.pack_bytes));
    plan.panels =
        plan.pack && table.panels && ta == Transpose::no && m <= 256 && k >= 32 && lda * Index(sizeof(T)) % 8192 != 0;
    if (plan.panels) {
        const Index work = Index(1) << 19;
        plan.rows = m;
        plan.cols = (work / (m * k) / gemm_panel<T> + 1) * gemm_panel<T>;
        return plan;
    }
    const Index depth = plan.pack && k > table.depth ? table.depth : k > 0 ? k : 1;
    const Index width = plan.pack && n > matmul_columns ? matmul_columns : n;
    const Index million = Index(1) << 20;
    // One cell, as below, without the divisions: they are a tenth of the smallest products.
    if (!plan.pack && m * n * depth <= million) {
        plan.rows = m;
        plan.cols = n;
        return plan;
    }
    // Rows of a transposed A that the block packs are packed once if a cell has all columns.
    const bool packs_rows =
        table.unit > 1 ||
        (ta == Transpose::yes && gemm_packs_rows<T>(table.blocking, 1, lda, width, std::min(depth, table.depth)));
    // A cell is worth half a million multiply-adds, some microseconds, or up to eight times that where there are many.
    const Index work = m * width * depth / 48;
    const Index wanted = (work < million / 2 ? million / 2 : work > 4 * million ? 4 * million : work) / depth + 1;
    if (m * width <= 2 * wanted) {
        plan.rows = m;
        plan.cols = width;
    } else if (packs_rows || (m * width >= 48 * 512 && wanted >= table.blocking.wide_rows * width)) {
        plan.cols = width;
        plan.rows = std::max<Index>(wanted / width / 12 * 12, table.blocking.packing_rows);
    } else {
        const Index step = 2 * gemm_panel<T>;
        plan.rows = m < 48 ? m : 48;
        plan.cols = std::max(step, (wanted / plan.rows + step - 1) / step * step); // a deep sum is work enough
        if (plan.cols > width) plan.cols = width;
    }
    return plan;
}

#if !GRADUS_EIGEN_KERNELS
template <class T> const GemmTable<T>& matmul_table(ProductPrecision precision) {
    if constexpr (std::is_same_v<T, float>)
        if (precision.format()) return *precision.format()->table();
    return GRADUS_DISPATCH(gemm_table<T>);
}
#endif

} // namespace detail

namespace ref {

/// Strips of rows whose number is bounded at compile time: Eigen starts no threads of its own for those.
template <class T> using Strip = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor, 32, Eigen::Dynamic>;

template <class T> void matmul(T* c, Index ldc, const T* a, Index lda, Transpose ta, const T* b, Index ldb,
                               Transpose tb, Index m, Index n, Index k, bool accumulate, const Epilogue<T>& epilogue,
                               T* = nullptr, ProductPrecision precision = {}) {
    if (m <= 0 || n <= 0) return;
    const bool at = ta == Transpose::yes, bt = tb == Transpose::yes;
    parallel_for(0, m, 32, [&](Index i, Index end) {
        const Index rows = end - i;
        Eigen::Map<Strip<T>, 0, Eigen::OuterStride<>> out(c + i * ldc, rows, n, Eigen::OuterStride<>(ldc));
        if (!accumulate) out.setZero();
        const auto add = [&](const auto& left, const auto& right) {
            if (!at && !bt) out.noalias() += left * right;
            if (at && !bt) out.noalias() += left.transpose() * right;
            if (!at && bt) out.noalias() += left * right.transpose();
            if (at && bt) out.noalias() += left.transpose() * right.transpose();
        };
        if (k > 0) {
            const auto left = at ? matrix(a + i, k, rows, lda) : matrix(a + i * lda, rows, k, lda);
            const auto right = bt ? matrix(b, n, k, ldb) : matrix(b, k, n, ldb);
            if (std::is_same_v<T, float> && precision.format()) {
                const auto round = [&](T x) {
                    return static_cast<T>(precision.format()->round(static_cast<float>(x)));
                };
                add(left.unaryExpr(round), right.unaryExpr(round));
            } else {
                add(left, right);
            }
        }
        if (epilogue.bias) out.rowwise() += array(epilogue.bias, n).matrix().transpose();
        if (epilogue.activation == activation::relu) out = out.unaryExpr([](T x) { return x < 0 ? T(0) : x; });
        if (epilogue.gate)
            out = out.binaryExpr(matrix(epilogue.gate + i * epilogue.ldgate, rows, n, epilogue.ldgate),
                                 [](T x, T gate) { return gate <= 0 ? T(0) : x; });
    });
}

template <class T> Index matmul_workspace(Index, Index, Index, Transpose, Transpose) { return 0; }

template <class T> void column_sums(T* out, const T* x, Index rows, Index cols, bool accumulate) {
    auto sums = array(out, cols).matrix().transpose();
    if (!accumulate) sums.setZero();
    if (rows > 0) sums += matrix(x, rows, cols).colwise().sum();
}

} // namespace ref

#if GRADUS_EIGEN_KERNELS

using ref::column_sums;
using ref::matmul;
using ref::matmul_workspace;

#else

/// Elements of T that matmul needs as workspace in any precision; grows with each size, and stays within 512 x 1024
/// bytes. In T's own, products of fewer than 48 rows by a matrix that is not transposed use none of it.
template <class T> Index matmul_workspace(Index, Index n, Index k, Transpose, Transpose) {
    const Index width = n < detail::matmul_columns ? n : detail::matmul_columns;
    const Index depth = k + k % 2 < detail::gemm_depth<T> ? k + k % 2 : detail::gemm_depth<T>;
    return detail::gemm_packed_size<T>(depth, width);
}

/// c [m, n] = epilogue(op(a) [m, k] op(b) [k, n] (+ c)), row-major with leading dimensions; op transposes:
/// with ta, a is [k, m]; with tb, b is [n, k]. c overlaps neither. Each output is one chain of fused multiply-adds over
/// k in rising order, from 0 or, with `accumulate`, from c; so bits depend on nothing else. `workspace` holds
/// matmul_workspace elements. Activations: linear and relu (NaN stays NaN); others come after it, with
/// activation_forward. Another `precision` rounds the operands while it packs them, and has chains of its own
/// (bfloat16.hpp); it applies to floats only.
template <class T> void matmul(T* c, Index ldc, const T* a, Index lda, Transpose ta, const T* b, Index ldb,
                               Transpose tb, Index m, Index n, Index k, bool accumulate, const Epilogue<T>& epilogue,
                               T* workspace, ProductPrecision precision = {}) {
    if (m <= 0 || n <= 0) return;
    const detail::GemmTable<T>& table = detail::matmul_table<T>(precision);
    const detail::MatmulPlan plan = detail::matmul_plan<T>(m, n, k, lda, ta, tb, table);
    const bool at = ta == Transpose::yes, bt = tb == Transpose::yes;
    const detail::GemmEnds<T> ends = {epilogue.bias, accumulate, epilogue.activation == activation::relu, epilogue.gate,
                                      epilogue.ldgate};
    if (plan.panels) {
        parallel_for(0, n, plan.cols, [&](Index j, Index end) {
            table.panels(c + j, ldc, a, lda, bt ? b + j * ldb : b + j, ldb, bt, m, end - j, k, ends.at(0, j));
        });
        return;
    }
    if (!plan.pack && plan.rows >= m && plan.cols >= n) {
        const FloatScope mode;
        table.block(c, ldc, a, lda, at, b, ldb > 0 ? ldb : 1, m, n, k, ends);
        return;
    }
    const Index row_blocks = (m - 1) / plan.rows + 1;
    const auto cells = [&](Index j0, Index width, Index depth, const T* left, const T* right, Index right_ld,
                           const detail::GemmEnds<T>& pass) {
        const Index col_blocks = (width - 1) / plan.cols + 1;
        parallel_for(0, row_blocks * col_blocks, 1, [&](Index cell, Index) {
            const Index i = cell % row_blocks * plan.rows,
                        j = cell / row_blocks * plan.cols; // all rows past one part of B
            const Index rows = m - i < plan.rows ? m - i : plan.rows;
            const Index cols = width - j < plan.cols ? width - j : plan.cols;
            table.block(c + i * ldc + j0 + j, ldc, left + (at ? i : i * lda), lda, at,
                        right_ld ? right + j : right + j * detail::packed_rows(table, depth), right_ld, rows, cols,
                        depth, pass.at(i, j0 + j));
        });
    };

    if (!plan.pack) {
        cells(0, n, k, a, b, ldb > 0 ? ldb : 1, ends);
        return;
    }
    constexpr Index panel = detail::gemm_panel<T>;
    const Index deep = table.depth;
    for (Index j = 0; j < n; j += detail::matmul_columns) {
        const Index width = n - j < detail::matmul_columns ? n - j : detail::matmul_columns;
        for (Index p = 0; p < k; p += deep) {
            const Index depth = k - p < deep ? k - p : deep;
            parallel_for(0, width, 4 * panel, [&](Index from, Index to) {
                table.pack(workspace + from * detail::packed_rows(table, depth),
                           b + (bt ? (j + from) * ldb + p : p * ldb + j + from), ldb, bt, depth, to - from);
            });
            cells(j, width, depth, a + (at ? p * lda : p), workspace, 0, ends.pass(p == 0, p + depth == k));
        }
    }
}

/// out [cols] = sum of the rows of x [rows, cols] (+ out): the gradient of a bias.
template <class T> void column_sums(T* out, const T* x, Index rows, Index cols, bool accumulate) {
    if (rows == 0) { // x may be null
        if (!accumulate) std::fill_n(out, cols, T(0));
        return;
    }
    const detail::GemmTable<T>& table = GRADUS_DISPATCH(gemm_table<T>);
    const Index grain = rows * cols <= 65536 ? cols : 4 * detail::gemm_panel<T>;
    parallel_for(0, cols, grain,
                 [&](Index j, Index end) { table.column_sums(out + j, x + j, cols, rows, end - j, accumulate); });
}

#endif

} // namespace kernels
GRADUS_END

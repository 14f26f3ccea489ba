// Views that lie anywhere, and of no elements: kernels whose own tests begin at the allocator's alignment.
#include <gradus/kernels/activation.hpp>
#include <gradus/kernels/crossentropy.hpp>
#include <gradus/kernels/embedding.hpp>
#include <gradus/kernels/normalization.hpp>
#include <gradus/kernels/optimizer.hpp>
#include <gradus/kernels/pool.hpp>
#include <gradus/kernels/softmax.hpp>
#include <gradus/kernels/update.hpp>

#include "kernel_support.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <deque>

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

/// Arrays that begin `shift` elements behind the allocator's alignment, with a guard at either end.
template <class T> class Arrays {
public:
    explicit Arrays(Index shift) : shift_(shift) {}
    /// n numbers, other ones for each array.
    T* operator()(Index n, double low = -2, double high = 2) {
        Numbers<T> x = numbers<T>(n, ++seed_, low, high);
        x.insert(x.begin(), static_cast<std::size_t>(shift_), guard);
        x.push_back(guard);
        arrays_.push_back(std::move(x));
        return arrays_.back().data() + shift_;
    }
    /// All arrays as they are now, without the guards; those must be untouched.
    Numbers<T> contents() const {
        Numbers<T> all;
        for (const auto& x : arrays_) {
            for (Index i = 0; i < shift_; ++i) CHECK(x[static_cast<std::size_t>(i)] == guard);
            CHECK(x.back() == guard);
            all.insert(all.end(), x.begin() + shift_, x.end() - 1);
        }
        return all;
    }

private:
    static constexpr T guard = T(12345);
    Index shift_;
    std::uint64_t seed_ = 0;
    std::deque<Numbers<T>> arrays_;
};

/// f(arrays) must leave the same bits wherever its arrays lie, on every set.
template <class T, class F> void anywhere(F f) {
    on_each_set([&] {
        Arrays<T> aligned(0);
        f(aligned);
        for (const Index shift : {1, 3}) {
            Arrays<T> shifted(shift);
            f(shifted);
            CHECK(same(shifted.contents(), aligned.contents()));
        }
    });
}

} // namespace

TEMPLATE_TEST_CASE("kernels take views that lie anywhere, and views of no elements", "[kernels]", float, double) {
    using T = TestType;
    const std::pair<Index, Index> shapes[] = {{0, 5}, {3, 0}, {1, 1}, {5, 10}, {7, 16}, {9, 33}, {4, 130}};
    for (const auto& [rows, cols] : shapes) {
        const Index r = rows, c = cols, n = r * c;
        CAPTURE(r, c);
        anywhere<T>([=](Arrays<T>& a) {
            T* y = a(n);
            softmax_forward(y, a(n), r, c);
            softmax_backward(a(n), a(n), y, r, c);
        });
        for (const auto kind : {activation::relu, activation::sigmoid, activation::tanh, activation::softmax,
                                activation::gelu, activation::elu})
            anywhere<T>([=](Arrays<T>& a) {
                T *x = a(n), *y = a(n);
                activation_forward(y, x, kind, r, c);
                activation_backward(a(n), a(n), activation::needs_input(kind) ? x : y, kind, r, c);
            });
        anywhere<T>([=](Arrays<T>& a) {
            penalize(a(n), a(n), T(0.3), T(0.2), n);
            average(a(n), a(n), T(0.1), n);
            clamp(a(n), T(0.75), n);
            limit_columns(a(n), T(1), r, c);
            a(1)[0] = sum_absolute(a(n), n);
            const auto step = adam_step<T>(1e-3, 0.9, 0.999, 1e-7, 3);
            adam_update(a(n), a(n), a(n, 0, 1), a(n), step, n);
            sgd_update(a(n), a(n), T(0.1), n);
        });
        anywhere<T>([=](Arrays<T>& a) {
            std::vector<std::uint8_t> mask(static_cast<std::size_t>(2 * r));
            for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 != 1;
            average_pool_time_forward(a(2 * c), a(2 * n), mask.data(), 2, r, c);
            average_pool_time_backward(a(2 * n), a(2 * c), mask.data(), 2, r, c);
        });
        if (c == 0) continue;
        anywhere<T>([=](Arrays<T>& a) {
            std::vector<std::int32_t> ids, rows_of(static_cast<std::size_t>(r)), position(rows_of);
            for (Index i = 0; i < r; ++i) ids.push_back(static_cast<std::int32_t>(i * 5 % 7));
            embedding_forward(a(n), ids.data(), a(7 * c), r, 7, c);
            std::vector<std::int32_t> space(
                static_cast<std::size_t>(unique_rows_workspace(r, 7) + embedding_backward_workspace(r, 7)));
            const Index count = unique_rows(rows_of.data(), position.data(), ids.data(), r, 7, space.data());
            embedding_backward(a(7 * c), a(n), position.data(), r, c, count, space.data());
        });
        anywhere<T>([=](Arrays<T>& a) {
            T *x = a(n), *statistics = a(2 * r);
            layer_normalization_forward(a(n), statistics, x, a(c), a(c), r, c, T(1e-3));
            layer_normalization_backward(a(n), a(c), a(c), a(n), x, statistics, a(c), r, c,
                                         a(normalization_workspace(r, c)));
        });
        if (r == 0) continue;
        anywhere<T>([=](Arrays<T>& a) {
            const BatchNorm<T> norm{.rows = r, .cols = c, .gamma = a(c), .beta = a(c), .span = 1, .batch = true};
            T *x = a(n), *statistics = a(2 * c), *workspace = a(normalization_workspace(r, c));
            batch_normalization_forward(a(n), statistics, a(c), a(c, 1, 2), x, norm, 0.75, workspace);
            batch_normalization_backward(a(n), a(c), a(c), a(n), x, statistics, norm, workspace);
        });
    }
}

#if defined(__linux__)
TEST_CASE("embedding reads tables beyond 2^31 elements", "[kernels]") {
    const Index dim = 40, vocabulary = (Index(1) << 31) / dim + 100;
    const std::size_t bytes = static_cast<std::size_t>(vocabulary * dim) * sizeof(float);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        WARN("skipped: no " << bytes << " bytes of addresses");
        return;
    }
    float* table = static_cast<float*>(memory);
    const std::vector<std::int32_t> ids{3, static_cast<std::int32_t>(vocabulary - 1)};
    for (Index j = 0; j < dim; ++j) table[(vocabulary - 1) * dim + j] = float(j + 1), table[3 * dim + j] = float(-j);
    std::vector<float> y(static_cast<std::size_t>(2 * dim));
    embedding_forward(y.data(), ids.data(), table, 2, vocabulary, dim);
    for (Index j = 0; j < dim; ++j) {
        CHECK(y[static_cast<std::size_t>(j)] == float(-j));
        CHECK(y[static_cast<std::size_t>(dim + j)] == float(j + 1));
    }
    munmap(memory, bytes);
}
#endif

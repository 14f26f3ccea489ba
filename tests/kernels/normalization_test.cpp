// Batch and layer normalisation against the reference, on every set, and what their statistics keep.
#include <gradus/kernels/normalization.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;

struct Case {
    Index rows, cols, span;
    bool masked, batch, affine;
};

template <class T> struct Problem {
    Case c;
    Numbers<T> x, dy, gamma, beta, mean, variance;
    Numbers<std::uint8_t> mask;

    explicit Problem(const Case& k) : c(k) {
        x = numbers<T>(c.rows * c.cols, 1, -2, 2);
        dy = numbers<T>(c.rows * c.cols, 2, -2, 2);
        gamma = numbers<T>(c.cols, 3, -2, 2);
        beta = numbers<T>(c.cols, 4, -2, 2);
        mean = numbers<T>(c.cols, 5, -2, 2);
        variance = numbers<T>(c.cols, 6, 1, 2);
        for (Index i = 0; c.masked && i < c.rows / c.span; ++i)
            mask.push_back(Random(7, 0, Purpose::sample).below(0, i, 3) > 0);
    }
    BatchNorm<T> norm() const {
        return {.rows = c.rows,
                .cols = c.cols,
                .gamma = c.affine ? gamma.data() : nullptr,
                .beta = c.affine ? beta.data() : nullptr,
                .mask = c.masked ? mask.data() : nullptr,
                .span = c.span,
                .batch = c.batch};
    }
};

// Everything that both directions write, one after the other; `in_place`: y over x and dx over dy.
template <class T> Numbers<T> run_batch(const Problem<T>& p, bool reference, bool in_place = false) {
    const auto size = p.x.size(), cols = p.gamma.size();
    Numbers<T> y = in_place ? p.x : Numbers<T>(size, T(NAN)), dx = in_place ? p.dy : Numbers<T>(size, T(NAN));
    Numbers<T> statistics(2 * cols, T(NAN)), mean = p.mean, variance = p.variance, dgamma = p.beta, dbeta = p.gamma;
    Numbers<T> workspace(static_cast<std::size_t>(normalization_workspace(p.c.rows, p.c.cols)), T(NAN));
    const auto n = p.norm();
    const T *x = in_place ? y.data() : p.x.data(), *dy = in_place ? dx.data() : p.dy.data();
    (reference ? ref::batch_normalization_forward<T> : batch_normalization_forward<T>)(y.data(), statistics.data(),
                                                                                       mean.data(), variance.data(), x,
                                                                                       n, 0.75, workspace.data());
    (reference ? ref::batch_normalization_backward<T>
               : batch_normalization_backward<T>)(dx.data(), dgamma.data(), dbeta.data(), dy, p.x.data(),
                                                  statistics.data(), n, workspace.data());
    for (const auto* v : {&dx, &statistics, &mean, &variance, &dgamma, &dbeta}) y.insert(y.end(), v->begin(), v->end());
    return y;
}

template <class T> Numbers<T> run_layer(const Problem<T>& p, bool reference, bool in_place = false) {
    const auto size = p.x.size();
    Numbers<T> y = in_place ? p.x : Numbers<T>(size, T(NAN)), dx = in_place ? p.dy : Numbers<T>(size, T(NAN));
    Numbers<T> statistics(2 * static_cast<std::size_t>(p.c.rows), T(NAN)), dgamma = p.beta, dbeta = p.gamma;
    Numbers<T> workspace(static_cast<std::size_t>(normalization_workspace(p.c.rows, p.c.cols)), T(NAN));
    const auto n = p.norm();
    const T *x = in_place ? y.data() : p.x.data(), *dy = in_place ? dx.data() : p.dy.data();
    (reference ? ref::layer_normalization_forward<T> : layer_normalization_forward<T>)(y.data(), statistics.data(), x,
                                                                                       n.gamma, n.beta, p.c.rows,
                                                                                       p.c.cols, T(1e-3));
    (reference ? ref::layer_normalization_backward<T>
               : layer_normalization_backward<T>)(dx.data(), dgamma.data(), dbeta.data(), dy, p.x.data(),
                                                  statistics.data(), n.gamma, p.c.rows, p.c.cols, workspace.data());
    for (const auto* v : {&dx, &statistics, &dgamma, &dbeta}) y.insert(y.end(), v->begin(), v->end());
    return y;
}

template <class T> double scale_of(const Numbers<T>& v) {
    double s = 1;
    for (const T x : v) s = std::max(s, std::abs(double(x)));
    return s;
}

std::vector<Case> cases() {
    std::vector<Case> list;
    const Index sizes[][3] = {{1, 1, 1},   {2, 3, 1},     {5, 7, 1},     {12, 16, 3}, {64, 33, 4},
                              {300, 5, 1}, {130, 100, 2}, {33, 1025, 1}, {9000, 3, 1}};
    for (const auto& s : sizes)
        for (const bool masked : {false, true})
            for (const bool batch : {false, true}) list.push_back({s[0], s[1], s[2], masked, batch, s[1] != 7});
    list.push_back({0, 5, 1, false, true, true});
    return list;
}

} // namespace

TEMPLATE_TEST_CASE("normalization: against the reference", "[normalization]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (const Case& c : cases()) {
            CAPTURE(c.rows, c.cols, c.masked, c.batch);
            const Problem<T> p(c);
            const auto batch = run_batch(p, true), layer = run_layer(p, true);
            CHECK(largest_difference(run_batch(p, false), batch) <= tolerance<T> * scale_of(batch));
            CHECK(largest_difference(run_layer(p, false), layer) <= tolerance<T> * scale_of(layer));
            CHECK(same(run_batch(p, false, true), run_batch(p, false)));
            CHECK(same(run_layer(p, false, true), run_layer(p, false)));
        }
    });
}

#if !GRADUS_EIGEN_KERNELS

TEMPLATE_TEST_CASE("normalization: the same bits on sets and for any number of threads", "[normalization]", float,
                   double) {
    using T = TestType;
    for (const Case& c : cases()) {
        if (c.rows * c.cols < 3000 && c.rows != 5) continue;
        CAPTURE(c.rows, c.cols, c.masked, c.batch);
        const Problem<T> p(c);
        check_same_bits([&] { return run_batch(p, false); });
        check_same_bits([&] { return run_layer(p, false); });
    }
}

TEMPLATE_TEST_CASE("normalization: the bits that are written here", "[normalization]", float, double) {
    using T = TestType;
    for (const Isa isa : {Isa::avx2, Isa::avx512}) {
        if (!available(isa)) continue;
        const IsaScope scope(isa);
        std::uint64_t hash = 0xcbf29ce484222325;
        for (const Case& c : {Case{700, 90, 2, true, true, true}, Case{33, 17, 1, false, false, true}}) {
            const Problem<T> p(c);
            for (const auto& values : {run_batch(p, false), run_layer(p, false)})
                for (const T v : values) {
                    unsigned char bytes[sizeof(T)];
                    std::memcpy(bytes, &v, sizeof(T));
                    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
                }
        }
        CHECK(hash == (sizeof(T) == 4 ? 0x080df2932f8cc822 : 0x2ca71b1abedaca08));
    }
}

#endif

TEST_CASE("normalization: statistics of values far from zero", "[normalization]") {
    on_each_set([] {
        const Index rows = 5000, cols = 3;
        auto x = numbers<float>(rows * cols, 1, -1, 1);
        for (float& v : x) v += 4096;
        Numbers<float> y(x.size()), statistics(6), mean(3), variance(3);
        Numbers<float> workspace(static_cast<std::size_t>(normalization_workspace(rows, cols)));
        batch_normalization_forward(y.data(), statistics.data(), mean.data(), variance.data(), x.data(),
                                    BatchNorm<float>{.rows = rows, .cols = cols}, 0.0, workspace.data());
        for (Index c = 0; c < cols; ++c) {
            long double m = 0, v = 0;
            for (Index r = 0; r < rows; ++r) m += x[static_cast<std::size_t>(r * cols + c)];
            m /= rows;
            for (Index r = 0; r < rows; ++r) v += std::pow(x[static_cast<std::size_t>(r * cols + c)] - m, 2.0L);
            v /= rows;
            CHECK(std::abs(double(mean[static_cast<std::size_t>(c)] - m)) < 1e-3);
            CHECK(std::abs(double(variance[static_cast<std::size_t>(c)] / v - 1)) < 1e-5);
        }
    });
}

TEST_CASE("normalization: masked rows are not read for statistics; without any row the moving ones stay",
          "[normalization]") {
    const Numbers<float> x = {1, NAN, 3, 5};
    Numbers<float> y(4), statistics(2), mean{7}, variance{8},
        workspace(static_cast<std::size_t>(normalization_workspace(4, 1)));
    Numbers<std::uint8_t> mask = {1, 0, 1, 1};
    BatchNorm<float> n{.rows = 4, .cols = 1, .mask = mask.data(), .epsilon = 0};
    batch_normalization_forward(y.data(), statistics.data(), mean.data(), variance.data(), x.data(), n, 0.5,
                                workspace.data());
    CHECK(statistics[0] == 3);
    CHECK(mean[0] == 5);
    CHECK(std::abs(variance[0] - (8 + 8.0f / 3) / 2) < 1e-6f);
    CHECK(y[2] == 0);
    CHECK(std::isnan(y[1]));
    mask = {0, 0, 0, 0};
    n.epsilon = 0.25f;
    batch_normalization_forward(y.data(), statistics.data(), mean.data(), variance.data(), x.data(), n, 0.5,
                                workspace.data());
    CHECK(mean[0] == 5);
    CHECK(statistics == Numbers<float>{0, 2});
    CHECK(y[3] == 10);
}

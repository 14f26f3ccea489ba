#include <gradus/kernels/crossentropy.hpp>
#include <gradus/kernels/math.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

std::vector<std::int32_t> labels(Index n, Index classes) {
    const Random random(5, 0, Purpose::sample);
    std::vector<std::int32_t> t(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) t[std::size_t(i)] = std::int32_t(random.below(1, i, classes));
    return t;
}

template <class T> Numbers<T> probabilities(Index rows, Index classes) {
    auto p = numbers<T>(rows * classes, 8);
    softmax_forward(p.data(), p.data(), rows, classes);
    return p;
}

} // namespace

TEMPLATE_TEST_CASE("cross-entropies agree with their twins, unaligned and of any size", "[kernels]", float, double) {
    using T = TestType;
    const double tolerance = 16 * std::numeric_limits<T>::epsilon();
    on_each_set([&] {
        for (bool logits : {false, true}) {
            for (Index n : {0, 1, 2, 15, 16, 17, 63, 64, 65, 130, 5000}) {
                const auto p = numbers<T>(n + 1, 1, logits ? -20 : 0, logits ? 20 : 1), t = numbers<T>(n + 1, 2, 0, 1);
                Numbers<T> loss(p.size() + 1, T(42)), expected = loss, d = loss, expected_d = loss;
                binary_crossentropy(loss.data() + 1, d.data() + 1, p.data() + 1, t.data() + 1, n, logits);
                ref::binary_crossentropy(expected.data() + 1, expected_d.data() + 1, p.data() + 1, t.data() + 1, n,
                                         logits);
                CHECK(largest_difference(loss, expected) <= 10 * tolerance);
                for (std::size_t i = 1; i < d.size() - 1; ++i)
                    CHECK(std::abs(d[i] - expected_d[i]) <= tolerance * (1 + std::abs(expected_d[i])));
                const auto with = loss;
                binary_crossentropy<T>(loss.data() + 1, nullptr, p.data() + 1, t.data() + 1, n, logits);
                CHECK(same(loss, with));
            }
            for (Index classes : {1, 2, 10, 33, 64, 100, 1000}) {
                const Index rows = 37;
                const auto p = logits ? numbers<T>(rows * classes, 1, -20, 20) : probabilities<T>(rows, classes);
                const auto t = labels(rows, classes);
                Numbers<T> loss(std::size_t(rows) + 1, T(42)), expected = loss, d(p.size()), expected_d = d;
                sparse_categorical_crossentropy(loss.data(), d.data(), p.data(), t.data(), rows, classes, logits);
                ref::sparse_categorical_crossentropy(expected.data(), expected_d.data(), p.data(), t.data(), rows,
                                                     classes, logits);
                CHECK(largest_difference(loss, expected) <= 10 * tolerance);
                for (std::size_t i = 0; i < d.size(); ++i)
                    CHECK(std::abs(d[i] - expected_d[i]) <= tolerance * (1 + std::abs(expected_d[i])));
                const auto with = loss;
                sparse_categorical_crossentropy<T>(loss.data(), nullptr, p.data(), t.data(), rows, classes, logits);
                CHECK(same(loss, with));
                auto in_place = p;
                sparse_categorical_crossentropy(loss.data(), in_place.data(), in_place.data(), t.data(), rows, classes,
                                                logits);
                CHECK(same(loss, with));
                CHECK(same(in_place, d));
            }
        }
    });
}

TEMPLATE_TEST_CASE("categorical cross-entropies agree with their twins, unaligned and of any size", "[kernels]", float,
                   double) {
    using T = TestType;
    const double tolerance = 16 * std::numeric_limits<T>::epsilon();
    const auto close = [&](const Numbers<T>& a, const Numbers<T>& b, double factor) {
        for (std::size_t i = 0; i < a.size(); ++i)
            if (!(std::abs(double(a[i]) - double(b[i])) <= factor * tolerance * (1 + std::abs(double(b[i])))))
                return false;
        return a.size() == b.size();
    };
    on_each_set([&] {
        for (int form : {0, 1, 2})
            for (Index classes : {1, 2, 10, 33, 64, 100, 1000})
                for (T smoothing : {T(0), T(0.1)}) {
                    const bool logits = form == 1;
                    const Index rows = 13;
                    auto p = logits ? numbers<T>(rows * classes, 1, -20, 20) : probabilities<T>(rows, classes);
                    auto t = numbers<T>(rows * classes, 4, 0, 1);
                    softmax_forward(t.data(), t.data(), rows, classes);
                    const auto run = [&](T* loss, T* d, const T* x) {
                        if (form == 2)
                            softmax_categorical_crossentropy(loss, d, x, t.data() + 1, rows, classes, T(1e-7),
                                                             smoothing);
                        else
                            categorical_crossentropy(loss, d, x, t.data() + 1, rows, classes, logits, T(1e-7),
                                                     smoothing);
                    };
                    p.insert(p.begin(), T(7));
                    t.insert(t.begin(), T(7));
                    Numbers<T> loss(std::size_t(rows) + 1, T(42)), expected = loss, d(p.size() + 1, T(42)),
                                                                   expected_d = d;
                    run(loss.data(), d.data() + 1, p.data() + 1);
                    if (form == 2)
                        ref::softmax_categorical_crossentropy(expected.data(), expected_d.data() + 1, p.data() + 1,
                                                              t.data() + 1, rows, classes, T(1e-7), smoothing);
                    else
                        ref::categorical_crossentropy(expected.data(), expected_d.data() + 1, p.data() + 1,
                                                      t.data() + 1, rows, classes, logits, T(1e-7), smoothing);
                    CHECK(close(loss, expected, 10));
                    CHECK(close(d, expected_d, 10));
                    const auto with = loss;
                    run(loss.data(), nullptr, p.data() + 1);
                    CHECK(same(loss, with));
                    auto in_place = p;
                    run(loss.data(), in_place.data() + 1, in_place.data() + 1);
                    CHECK(std::equal(in_place.begin() + 1, in_place.end(), d.begin() + 1));
                }
        const Index n = 130;
        const auto z = numbers<T>(n, 1, -9, 9), q = numbers<T>(n, 2, 0, 1), t = numbers<T>(n, 3, 0, 1);
        Numbers<T> loss(z.size()), d(z.size()), expected(z.size()), expected_d(z.size());
        for (bool logits : {false, true}) {
            const T* p = logits ? z.data() : q.data();
            binary_crossentropy(loss.data(), d.data(), p, t.data(), n, logits, T(1e-7), T(0.2));
            ref::binary_crossentropy(expected.data(), expected_d.data(), p, t.data(), n, logits, T(1e-7), T(0.2));
            CHECK(close(loss, expected, 10));
            CHECK(close(d, expected_d, 10));
        }
        sigmoid_binary_crossentropy(loss.data(), d.data(), q.data(), t.data(), n, T(1e-7), T(0.2));
        ref::sigmoid_binary_crossentropy(expected.data(), expected_d.data(), q.data(), t.data(), n, T(1e-7), T(0.2));
        CHECK(close(loss, expected, 10));
        CHECK(close(d, expected_d, 10));
    });
}

TEMPLATE_TEST_CASE("categorical cross-entropy of one-hot targets is the sparse one", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([&] {
        for (Index classes : {2, 10, 100}) {
            const Index rows = 13;
            const auto z = numbers<T>(rows * classes, 1, -9, 9);
            const auto target = labels(rows, classes);
            Numbers<T> one_hot(z.size()), p(z.size()), loss(13), sparse(13), d(z.size()), sparse_d(z.size());
            for (Index r = 0; r < rows; ++r) one_hot[std::size_t(r * classes + target[std::size_t(r)])] = 1;
            softmax_forward(p.data(), z.data(), rows, classes);
            categorical_crossentropy(loss.data(), d.data(), z.data(), one_hot.data(), rows, classes, true);
            sparse_categorical_crossentropy(sparse.data(), sparse_d.data(), z.data(), target.data(), rows, classes,
                                            true);
            CHECK(same(loss, sparse));
            CHECK(same(d, sparse_d));
            softmax_categorical_crossentropy(loss.data(), d.data(), p.data(), one_hot.data(), rows, classes);
            softmax_sparse_crossentropy(sparse.data(), sparse_d.data(), p.data(), target.data(), rows, classes);
            CHECK(same(loss, sparse));
            CHECK(same(d, sparse_d));
        }
    });
}

TEST_CASE("gradients of cross-entropies are those of finite differences", "[kernels]") {
    const double h = 1e-6;
    on_each_set([&] {
        for (bool logits : {false, true}) {
            const Index n = 37;
            const auto p = numbers<double>(n, 1, logits ? -4 : 0.05, logits ? 4 : 0.95),
                       t = numbers<double>(n, 2, 0, 1);
            Numbers<double> loss(p.size()), d(p.size()), above(p.size()), below(p.size());
            binary_crossentropy(loss.data(), d.data(), p.data(), t.data(), n, logits);
            auto moved = p;
            for (double& v : moved) v += h;
            binary_crossentropy<double>(above.data(), nullptr, moved.data(), t.data(), n, logits);
            for (double& v : moved) v -= 2 * h;
            binary_crossentropy<double>(below.data(), nullptr, moved.data(), t.data(), n, logits);
            for (std::size_t i = 0; i < p.size(); ++i) CHECK(std::abs((above[i] - below[i]) / (2 * h) - d[i]) <= 1e-6);

            const Index rows = 4, classes = 7;
            const auto q = logits ? numbers<double>(rows * classes, 3, -4, 4) : probabilities<double>(rows, classes);
            const auto target = labels(rows, classes);
            Numbers<double> l(4), dq(q.size()), high(4), low(4);
            sparse_categorical_crossentropy(l.data(), dq.data(), q.data(), target.data(), rows, classes, logits);
            for (std::size_t i = 0; i < q.size(); ++i) {
                auto x = q;
                x[i] += h;
                sparse_categorical_crossentropy<double>(high.data(), nullptr, x.data(), target.data(), rows, classes,
                                                        logits);
                x[i] -= 2 * h;
                sparse_categorical_crossentropy<double>(low.data(), nullptr, x.data(), target.data(), rows, classes,
                                                        logits);
                const std::size_t r = i / std::size_t(classes);
                CHECK(std::abs((high[r] - low[r]) / (2 * h) - dq[i]) <= 1e-6);
            }
            const auto soft = numbers<double>(rows * classes, 4, 0, 1);
            categorical_crossentropy(l.data(), dq.data(), q.data(), soft.data(), rows, classes, logits, 1e-7, 0.1);
            for (std::size_t i = 0; i < q.size(); ++i) {
                auto x = q;
                x[i] += h;
                categorical_crossentropy<double>(high.data(), nullptr, x.data(), soft.data(), rows, classes, logits,
                                                 1e-7, 0.1);
                x[i] -= 2 * h;
                categorical_crossentropy<double>(low.data(), nullptr, x.data(), soft.data(), rows, classes, logits,
                                                 1e-7, 0.1);
                const std::size_t r = i / std::size_t(classes);
                CHECK(std::abs((high[r] - low[r]) / (2 * h) - dq[i]) <= 1e-6 * (1 + std::abs(dq[i])));
            }
        }
    });
}

TEMPLATE_TEST_CASE("fused cross-entropies give the gradient below sigmoid and softmax", "[kernels]", float, double) {
    using T = TestType;
    const double tolerance = 32 * std::numeric_limits<T>::epsilon();
    on_each_set([&] {
        const Index n = 130;
        const auto z = numbers<T>(n, 1), t = numbers<T>(n, 2, 0, 1);
        Numbers<T> p(z.size()), loss(z.size()), dz(z.size()), expected(z.size()), expected_dz(z.size());
        vsigmoid(p.data(), z.data(), n);
        sigmoid_binary_crossentropy(loss.data(), dz.data(), p.data(), t.data(), n);
        binary_crossentropy(expected.data(), expected_dz.data(), z.data(), t.data(), n, true);
        CHECK(largest_difference(loss, expected) <= tolerance);
        CHECK(same(dz, expected_dz));
        sigmoid_binary_crossentropy<T>(expected.data(), nullptr, p.data(), t.data(), n);
        CHECK(same(loss, expected));
        ref::sigmoid_binary_crossentropy(expected.data(), expected_dz.data(), p.data(), t.data(), n);
        CHECK(largest_difference(loss, expected) <= tolerance);

        const Index rows = 13, classes = 10;
        const auto target = labels(rows, classes);
        Numbers<T> q = z;
        softmax_forward(q.data(), z.data(), rows, classes);
        Numbers<T> l(13), l2(13);
        softmax_sparse_crossentropy(l.data(), dz.data(), q.data(), target.data(), rows, classes);
        sparse_categorical_crossentropy(l2.data(), expected_dz.data(), z.data(), target.data(), rows, classes, true);
        CHECK(largest_difference(l, l2) <= tolerance);
        CHECK(largest_difference(dz, expected_dz) <= tolerance);
        ref::softmax_sparse_crossentropy(l2.data(), expected_dz.data(), q.data(), target.data(), rows, classes);
        CHECK(largest_difference(l, l2) <= tolerance);
        CHECK(same(dz, expected_dz));
    });
}

TEMPLATE_TEST_CASE("cross-entropies at their edges", "[kernels]", float, double) {
    using T = TestType;
    const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    on_each_set([&] {
        const Numbers<T> p{0, 1, 0, 1, nan}, t{0, 1, 1, 0, 1};
        Numbers<T> loss(5), d(5);
        binary_crossentropy(loss.data(), d.data(), p.data(), t.data(), 5, false);
        CHECK(std::abs(loss[0]) <= T(3e-7));
        CHECK(std::abs(loss[1]) <= T(3e-7));
        CHECK(std::abs(loss[2] - 16.118) <= 0.001);
        CHECK(std::abs(loss[3] - 16) <= 0.2);
        CHECK(std::isnan(loss[4]));
        for (std::size_t i = 0; i < 4; ++i) CHECK(d[i] == 0);
        CHECK(std::isnan(d[4]));

        const Numbers<T> z{-200, 200, -200, 200, nan};
        binary_crossentropy(loss.data(), d.data(), z.data(), t.data(), 5, true);
        CHECK(loss[0] <= T(1e-30));
        CHECK(loss[1] <= T(1e-30));
        CHECK(loss[2] == 200);
        CHECK(loss[3] == 200);
        CHECK(std::isnan(loss[4]));
        CHECK(d[2] == -1);
        CHECK(d[3] == 1);
        CHECK(std::isnan(d[4]));
        // A loss far below one keeps its digits.
        const T far[] = {T(-30)}, none[] = {T(0)};
        binary_crossentropy<T>(loss.data(), nullptr, far, none, 1, true);
        CHECK(std::abs(double(loss[0]) / std::exp(-30.0) - 1) <= 1e-6);

        const std::vector<std::int32_t> target{0, 3, -1};
        const Numbers<T> x{1, 0, 0, /**/ inf, 0, 0, /**/ T(0.5), T(0.25), T(0.25)};
        Numbers<T> dx(9);
        for (bool logits : {false, true}) {
            sparse_categorical_crossentropy(loss.data(), dx.data(), x.data(), target.data(), 3, 3, logits);
            CHECK(std::isfinite(loss[0]));
            CHECK(std::isnan(loss[1]));
            CHECK(std::isnan(loss[2]));
        }
        softmax_sparse_crossentropy(loss.data(), dx.data(), x.data(), target.data(), 3, 3);
        CHECK(loss[0] == 0);
        CHECK(std::isnan(loss[2]));

        // A class that is ruled out by its logit, one certain of the wrong class, NaN.
        const Numbers<T> y{0, 1, 0, /**/ 0, 1, 0, /**/ 0, 1, 0}, logit{-inf, 0, 0, /**/ 300, 0, 0, /**/ 0, 0, nan};
        categorical_crossentropy(loss.data(), dx.data(), logit.data(), y.data(), 3, 3, true);
        CHECK(std::abs(double(loss[0]) - std::log(2.0)) <= 1e-6);
        CHECK(dx[0] == 0);
        CHECK(loss[1] == 300);
        CHECK(std::isnan(loss[2]));
        const Numbers<T> certain{0, 1, 0, /**/ 1, 0, 0, /**/ 0, 0, nan};
        categorical_crossentropy(loss.data(), dx.data(), certain.data(), y.data(), 3, 3, false);
        CHECK(std::abs(double(loss[0])) <= 3e-7);
        CHECK(std::abs(double(loss[1]) - 16.118) <= 0.001);
        CHECK(std::isnan(loss[2]));
        for (std::size_t i = 0; i < 6; ++i) CHECK(dx[i] == 0);
        softmax_categorical_crossentropy(loss.data(), dx.data(), certain.data(), y.data(), 3, 3);
        CHECK(loss[0] == 0);
        CHECK(dx[3] == 1);
        CHECK(dx[4] == -1);
    });
}

TEMPLATE_TEST_CASE("cross-entropies have the same bits on every set and for any number of threads", "[kernels]", float,
                   double) {
    using T = TestType;
    for (bool logits : {false, true}) {
        const Index n = 20001;
        const auto p = numbers<T>(n, 1, logits ? -20 : 0, logits ? 20 : 1), t = numbers<T>(n, 2, 0, 1);
        check_same_bits([&] {
            Numbers<T> r(2 * p.size());
            binary_crossentropy(r.data(), r.data() + n, p.data(), t.data(), n, logits);
            return r;
        });
        for (Index classes : {10, 333}) {
            const Index rows = 500;
            const auto q = numbers<T>(rows * classes, 3, 0.01, 9);
            const auto target = labels(rows, classes);
            check_same_bits([&] {
                Numbers<T> r(q.size() + std::size_t(rows));
                sparse_categorical_crossentropy(r.data(), r.data() + rows, q.data(), target.data(), rows, classes,
                                                logits);
                return r;
            });
            const auto soft = numbers<T>(rows * classes, 4, 0, 1);
            check_same_bits([&] {
                Numbers<T> r(2 * q.size() + 2 * std::size_t(rows));
                categorical_crossentropy(r.data(), r.data() + rows, q.data(), soft.data(), rows, classes, logits,
                                         T(1e-7), T(0.1));
                T* const below = r.data() + rows + rows * classes;
                softmax_categorical_crossentropy(below, below + rows, q.data(), soft.data(), rows, classes);
                return r;
            });
        }
    }
}

#include <gradus/kernels/update.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

/// Some zeros among the numbers.
template <class T> Numbers<T> with_zeros(Index n, std::uint64_t seed) {
    auto x = numbers<T>(n, seed);
    for (std::size_t i = 0; i < x.size(); i += 5) x[i] = 0;
    return x;
}

template <class T> constexpr double tolerance = 64 * std::numeric_limits<T>::epsilon();

} // namespace

TEMPLATE_TEST_CASE("update kernels agree with their twins, of any size", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (Index n : {0, 1, 2, 7, 15, 16, 17, 63, 64, 65, 130, 32768, 70001}) {
            const auto w = with_zeros<T>(n, 1);
            auto g = numbers<T>(n + 1, 2);
            auto expected = g;
            penalize(g.data(), w.data(), T(0.3), T(0.2), n);
            ref::penalize(expected.data(), w.data(), T(0.3), T(0.2), n);
            CHECK(largest_difference(g, expected) < tolerance<T>);
            average(g.data(), w.data(), T(0.1), n);
            ref::average(expected.data(), w.data(), T(0.1), n);
            CHECK(largest_difference(g, expected) < tolerance<T>);
            expected = g;
            clamp(g.data(), T(0.75), n);
            ref::clamp(expected.data(), T(0.75), n);
            CHECK(same(g, expected));
            const double sum = double(ref::sum_absolute(w.data(), n));
            CHECK(std::abs(double(sum_absolute(w.data(), n)) - sum) <= 1e-5 * sum);
        }
        for (Index rows : {1, 3, 64, 65, 300})
            for (Index columns : {1, 2, 15, 16, 17, 64, 130}) {
                auto w = numbers<T>(rows * columns + 1, 4);
                auto expected = w;
                const T limit = T(1.7 * std::sqrt(double(rows)));
                limit_columns(w.data(), limit, rows, columns);
                ref::limit_columns(expected.data(), limit, rows, columns);
                CHECK(largest_difference(w, expected) < tolerance<T>);
                CHECK(w.back() == expected.back());
            }
    });
}

TEMPLATE_TEST_CASE("sum_squares_by_row: rows of zeros change no bit", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (const auto& [rows, dim] : {std::pair<Index, Index>{1, 1},
                                        {1, 300},
                                        {7, 3},
                                        {1000, 1},
                                        {100003, 1},
                                        {40001, 5},
                                        {5000, 50},
                                        {300, 129},
                                        {200, 257},
                                        {3000, 256}}) {
            auto x = Numbers<T>(std::size_t(rows * dim), T(0));
            const auto values = numbers<T>(rows * dim, 3);
            std::vector<std::int32_t> ids;
            Numbers<T> drows;
            double exact = 0;
            for (Index r = 0; r < rows; ++r) {
                if (r % 7 == 3 || (r > rows / 3 && r < rows / 2)) continue;
                ids.push_back(std::int32_t(r));
                for (Index j = 0; j < dim; ++j) {
                    const T v = x[std::size_t(r * dim + j)] = values[std::size_t(r * dim + j)];
                    drows.push_back(v);
                    exact += double(v) * double(v);
                }
            }
            const double dense = sum_squares_by_row(x.data(), rows, dim);
            CHECK(std::abs(dense - exact) <= 10 * tolerance<T> * exact);
            CHECK(sum_squares_of_rows(drows.data(), ids.data(), Index(ids.size()), rows, dim) == dense);
            CHECK(sum_squares_of_rows(drows.data(), ids.data(), 0, rows, dim) == 0);
        }
    });
}

TEMPLATE_TEST_CASE("update kernels have the same bits everywhere", "[kernels]", float, double) {
    using T = TestType;
    check_same_bits([] {
        const Index n = 200003;
        const auto w = with_zeros<T>(n, 1);
        auto g = numbers<T>(n, 2);
        penalize(g.data(), w.data(), T(0.3), T(0.2), n);
        average(g.data(), w.data(), T(0.1), n);
        clamp(g.data(), T(0.9), n);
        auto m = numbers<T>(300 * 333, 3);
        limit_columns(m.data(), T(20), 300, 333);
        g.insert(g.end(), m.begin(), m.end());
        g.push_back(sum_absolute(w.data(), n));
        g.push_back(T(sum_squares_by_row(w.data(), n, 1)));
        g.push_back(T(sum_squares_by_row(w.data(), n / 50, 50)));
        return g;
    });
}

TEST_CASE("update kernels: NaN and infinity", "[kernels]") {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    on_each_set([&] {
        Numbers<float> x{nan, inf, -inf, 1, -3};
        clamp(x.data(), 2.0f, 5);
        CHECK(std::isnan(x[0]));
        CHECK(x[1] == 2);
        CHECK(x[2] == -2);
        CHECK(x[3] == 1);
        CHECK(x[4] == -2);
    });
    CHECK(std::isnan(clip_factor<float>(double(nan), 1)));
    CHECK(std::isnan(clip_factor<float>(double(inf), 1)));
    CHECK(clip_factor<float>(0.5, 1) == 1);
    CHECK(clip_factor<float>(4, 1) == 0.25f);
}

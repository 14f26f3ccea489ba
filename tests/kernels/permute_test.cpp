#include <gradus/kernels/permute.hpp>

#include "kernel_support.hpp"

#include <algorithm>
#include <array>
#include <numeric>

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

TEMPLATE_TEST_CASE("permute agrees with its twin for every order of axes, on every set", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([&] {
        for (const Shape& shape :
             {Shape{7}, Shape{0, 3}, Shape{1, 1}, Shape{5, 9}, Shape{33, 70}, Shape{17, 16}, Shape{3, 5, 4},
              Shape{2, 33, 65}, Shape{4, 1, 7, 3}, Shape{2, 3, 4, 5}, Shape{2, 3, 1, 4, 3}}) {
            const Index n = shape.size();
            const auto x = numbers<T>(n + 1, 1);
            std::array<Index, 8> axes;
            std::iota(axes.begin(), axes.end(), Index{0});
            do {
                Numbers<T> y(x.size() + 1, T(42)), expected = y;
                permute(y.data() + 1, x.data() + 1, shape, axes.data());
                ref::permute(expected.data() + 1, x.data() + 1, shape, axes.data());
                CHECK(same(y, expected));
            } while (std::next_permutation(axes.begin(), axes.begin() + shape.rank()));
        }
    });
}

TEST_CASE("permute is the same for any number of threads", "[kernels]") {
    const Shape shape{37, 130, 150};
    const auto x = numbers<float>(shape.size(), 3);
    for (const std::array<Index, 3> axes :
         {std::array<Index, 3>{0, 2, 1}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}}) {
        Numbers<float> expected(x.size());
        ref::permute(expected.data(), x.data(), shape, axes.data());
        for (const int t : {1, 2, 3, 8}) {
            set_threads(t);
            Numbers<float> y(x.size());
            permute(y.data(), x.data(), shape, axes.data());
            CHECK(same(y, expected));
        }
    }
    set_threads(0);
}

#include <gradus/kernels/dropout.hpp>

#include "kernel_support.hpp"

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

TEMPLATE_TEST_CASE("dropout masks are their twins' on every set", "[kernels]", float, double) {
    using T = TestType;
    on_each_set([] {
        for (Index cols : {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 50, 64, 65, 130})
            for (Index rows : {0, 1, 5}) {
                const Random random(11, 4, Purpose::dropout, 77, 3, 1000);
                Numbers<T> mask(std::size_t(rows * cols) + 2, T(42)), expected = mask;
                dropout_mask(mask.data() + 1, random, T(0.3), rows, cols);
                ref::dropout_mask(expected.data() + 1, random, T(0.3), rows, cols);
                CHECK(same(mask, expected));
            }
    });
}

TEMPLATE_TEST_CASE("dropout keeps the share that it should", "[kernels]", float, double) {
    using T = TestType;
    const Index rows = 300, cols = 700;
    Numbers<T> mask(std::size_t(rows * cols));
    for (T rate : {T(0), T(0.2), T(0.5), T(0.9), T(1)}) {
        dropout_mask(mask.data(), Random(1, 2, Purpose::dropout), rate, rows, cols);
        Index kept = 0;
        for (T v : mask) {
            kept += v != 0;
            if (v != 0 && v != 1 / (1 - rate)) FAIL();
        }
        CHECK(std::abs(double(kept) / double(rows * cols) - (1 - double(rate))) <= 0.004);
    }
    CHECK(mask == Numbers<T>(mask.size(), T(0)));
}

TEST_CASE("a dropout mask is a function of its rows' places", "[kernels]") {
    const Index cols = 50;
    Numbers<float> all(8 * 50), part(3 * 50), other(3 * 50);
    dropout_mask(all.data(), Random(1, 2, Purpose::dropout, 9), 0.5f, 8, cols);
    dropout_mask(part.data(), Random(1, 2, Purpose::dropout, 9, 0, 4), 0.5f, 3, cols);
    dropout_mask(other.data(), Random(1, 2, Purpose::dropout, 10, 0, 4), 0.5f, 3, cols);
    CHECK(std::memcmp(part.data(), all.data() + 4 * cols, sizeof(float) * part.size()) == 0);
    CHECK(part != other);
}

TEMPLATE_TEST_CASE("dropout masks have the same bits for any number of threads", "[kernels]", float, double) {
    using T = TestType;
    for (Index cols : {10, 100, 20000})
        check_same_bits([&] {
            const Index rows = 200000 / cols;
            Numbers<T> mask(std::size_t(rows * cols));
            dropout_mask(mask.data(), Random(3, 1, Purpose::dropout), T(0.1), rows, cols);
            return mask;
        });
}

#include <gradus/kernels/detail/recurrent.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/lstm.hpp>

#include "kernel_support.hpp"

#include <iostream>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace kernels::detail {
template <class T> struct SecondRecurrentTable {
    void (*product)(T* y, const T* const* a, const T* b, Index rows, Index inner);
};
} // namespace kernels::detail
GRADUS_END
#define GRADUS_REGION_FILE "kernels/second_recurrent_region.hpp"
#include <gradus/kernels/detail/each_isa.hpp>

using namespace gradus;
using namespace gradus::kernels;

TEST_CASE("the machine's best set is chosen", "[kernels]") {
    const Isa best = kernels::detail::choose_isa(nullptr);
    CHECK(available(best));
    for (Isa set : all_isas) {
        if (available(set))
            CHECK(set <= best);
        else
            std::cout << "skipped: this machine or build has no " << name_of(set) << '\n';
    }
    CHECK(kernels::detail::choose_isa("") == best);
}

TEST_CASE("GRADUS_ISA names a set, or the error says what there is", "[kernels]") {
    for (Isa set : all_isas) {
        if (available(set))
            CHECK(kernels::detail::choose_isa(name_of(set)) == set);
        else
            CHECK_THROWS_AS(kernels::detail::choose_isa(name_of(set)), ValueError);
    }
    std::string message;
    try {
        (void)kernels::detail::choose_isa("avx1024");
    } catch (const ValueError& e) { message = e.what(); }
    CHECK(message.find("GRADUS_ISA") != std::string::npos);
    CHECK(message.find("avx1024") != std::string::npos);
    CHECK(message.find(name_of(kernels::detail::choose_isa(nullptr))) != std::string::npos);
}

TEST_CASE("IsaScope changes the set and gives it back", "[kernels]") {
    const Isa before = isa();
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        CHECK(isa() == set);
        float y[3] = {1, 2, 3};
        scale(y, y, 2.f, 3);
        CHECK(y[2] == 6.f);
    }
    CHECK(isa() == before);
}

#if !GRADUS_EIGEN_KERNELS
TEMPLATE_TEST_CASE("a second recurrent kernel stands beside the LSTM's", "[kernels]", float, double) {
    using T = TestType;
    constexpr Index rows = 7, inner = 5, columns = 256 / Index(sizeof(T));
    std::vector<T> a(rows * inner), b(inner * columns), y(rows * columns);
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<T>(i % 7) - 3;
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<T>(i % 11) - 5;
    std::vector<const T*> at;
    for (Index r = 0; r < rows; ++r) at.push_back(a.data() + r * inner);
    kernel_support::on_each_set([&] {
        y.assign(y.size(), T(-100));
        GRADUS_DISPATCH(second_recurrent_table<T>).product(y.data(), at.data(), b.data(), rows, inner);
        for (Index r = 0; r < rows; ++r)
            for (Index c = 0; c < columns; ++c) {
                T sum = 0;
                for (Index k = 0; k < inner; ++k)
                    sum += a[static_cast<std::size_t>(r * inner + k)] * b[static_cast<std::size_t>(k * columns + c)];
                REQUIRE(y[static_cast<std::size_t>(r * columns + c)] == sum);
            }
    });
}
#endif

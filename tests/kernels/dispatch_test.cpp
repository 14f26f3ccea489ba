#include <gradus/kernels/elementwise.hpp>

#include "catch.hpp"

#include <iostream>
#include <string>

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

#include "../catch.hpp"

#include <gradus/data/k_fold.hpp>

#include <map>
#include <set>

using namespace gradus;

namespace {

void check_partition(const std::vector<SplitIndices>& folds, Index n) {
    std::set<Index> held_out;
    for (const SplitIndices& f : folds) {
        std::set<Index> all(f.train.begin(), f.train.end());
        all.insert(f.test.begin(), f.test.end());
        REQUIRE(static_cast<Index>(all.size()) == n);
        REQUIRE(static_cast<Index>(f.train.size() + f.test.size()) == n);
        REQUIRE((*all.begin() == 0 && *all.rbegin() == n - 1));
        held_out.insert(f.test.begin(), f.test.end());
    }
    CHECK(static_cast<Index>(held_out.size()) == n);
}

} // namespace

TEST_CASE("k_fold holds every row out once") {
    const auto folds = k_fold(23, {.folds = 4, .seed = 3});
    check_partition(folds, 23);
    for (std::size_t i = 0; i < 4; ++i) CHECK(folds[i].test.size() == (i < 3 ? 6 : 5));
    CHECK(folds[0].test == k_fold(23, {.folds = 4, .seed = 3})[0].test);
    CHECK(folds[0].test != k_fold(23, {.folds = 4, .seed = 4})[0].test);
    const auto runs = k_fold(7, {.folds = 3, .shuffle = false});
    CHECK(runs[0].test == std::vector<Index>{0, 1, 2});
    CHECK(runs[1].test == std::vector<Index>{3, 4});
    CHECK(runs[2].train == std::vector<Index>{0, 1, 2, 3, 4});
    check_partition(k_fold(5, {.folds = 5}), 5);
}

TEST_CASE("k_fold keeps the shares of classes") {
    Tensor<std::int32_t> y(Shape{103});
    for (Index i = 0; i < 103; ++i) y[i] = i < 70 ? 5 : i < 91 ? -3 : 1000000;
    for (bool shuffle : {true, false}) {
        const auto folds = k_fold(y, {.folds = 5, .shuffle = shuffle});
        check_partition(folds, 103);
        for (const SplitIndices& f : folds) {
            std::map<std::int32_t, Index> count;
            for (Index r : f.test) ++count[y[r]];
            CHECK(count[5] == 14);
            CHECK((count[-3] == 4 || count[-3] == 5));
            CHECK((count[1000000] == 2 || count[1000000] == 3));
            CHECK((f.test.size() == 20 || f.test.size() == 21));
        }
    }
    // Labels that are no classes: as rows alone.
    Tensor<float> target(Shape{10, 1});
    for (Index i = 0; i < 10; ++i) target[i] = static_cast<float>(i) + 0.5f;
    CHECK(k_fold(target, {.folds = 3})[1].test == k_fold(10, {.folds = 3})[1].test);
    CHECK(k_fold(Tensor<float>(Shape{10, 2}), {.folds = 3})[1].test == k_fold(10, {.folds = 3})[1].test);
    CHECK(k_fold(y, {.stratify = false})[0].test == k_fold(103)[0].test);
}

TEST_CASE("k_fold refuses what it cannot do") {
    CHECK_THROWS_AS(k_fold(10, {.folds = 1}), ValueError);
    CHECK_THROWS_AS(k_fold(10, {.folds = 11}), ValueError);
    CHECK_THROWS_AS(k_fold(-1), ValueError);
    CHECK_THROWS_AS(k_fold(Tensor<std::int32_t>(Shape{0})), ValueError);
}

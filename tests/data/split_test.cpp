#include "../catch.hpp"

#include <gradus/data/split.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

using namespace gradus;

namespace {

void check_partition(const SplitIndices& s, Index n) {
    std::vector<Index> all = s.train;
    all.insert(all.end(), s.test.begin(), s.test.end());
    std::sort(all.begin(), all.end());
    REQUIRE(static_cast<Index>(all.size()) == n);
    for (Index i = 0; i < n; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
}

} // namespace

TEST_CASE("train_test_split parts rows by a seeded shuffle") {
    const SplitIndices a = train_test_split(1000, {.test_size = 0.25, .seed = 3});
    check_partition(a, 1000);
    CHECK(a.test.size() == 250);
    CHECK(a.test == train_test_split(1000, {.test_size = 0.25, .seed = 3}).test);
    CHECK(a.test != train_test_split(1000, {.test_size = 0.25, .seed = 4}).test);
    CHECK_FALSE(std::is_sorted(a.train.begin(), a.train.end()));
}

TEST_CASE("train_test_split keeps the shares of classes by largest remainder") {
    // 70, 21 and 9 rows, a tenth: 7, 2.1 and 0.9 rows, so 7, 2 and 1.
    Tensor<std::int32_t> y(Shape{100});
    for (Index i = 0; i < 100; ++i) y[i] = i < 70 ? 5 : i < 91 ? -3 : 1000000;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const SplitIndices s = train_test_split(y, {.seed = seed});
        check_partition(s, 100);
        std::map<std::int32_t, int> count;
        for (Index i : s.test) ++count[y[i]];
        CHECK(count[5] == 7);
        CHECK(count[-3] == 2);
        CHECK(count[1000000] == 1);
    }
    Tensor<float> column(Shape{100, 1});
    for (Index i = 0; i < 100; ++i) column[i] = static_cast<float>(i % 2);
    Index ones = 0;
    for (Index i : train_test_split(column, {.test_size = 0.5}).test) ones += column[i] == 1;
    CHECK(ones == 25);
}

TEST_CASE("train_test_split of regression targets is a plain shuffle") {
    Tensor<float> y(Shape{10});
    for (Index i = 0; i < 10; ++i) y[i] = static_cast<float>(i) + 0.5f;
    CHECK(train_test_split(y, {.test_size = 0.3}).test == train_test_split(10, {.test_size = 0.3}).test);
    y[0] = std::numeric_limits<float>::quiet_NaN();
    check_partition(train_test_split(y, {.test_size = 0.3}), 10);
}

TEST_CASE("train_test_split of tensors and texts keeps rows together") {
    Tensor<float> x(Shape{20, 2});
    Tensor<std::int32_t> y(Shape{20});
    TextData texts;
    texts.labels = Tensor<std::int32_t>(Shape{20});
    for (Index i = 0; i < 20; ++i) {
        x(i, 0) = x(i, 1) = static_cast<float>(i);
        y[i] = texts.labels[i] = static_cast<std::int32_t>(i % 2);
        texts.texts.push_back(std::to_string(i));
    }
    const auto [x_train, x_test, y_train, y_test] = train_test_split(x, y, {.test_size = 0.2, .seed = 1});
    CHECK(x_train.shape() == Shape{16, 2});
    CHECK(x_test.shape() == Shape{4, 2});
    for (Index i = 0; i < 16; ++i) CHECK(static_cast<std::int32_t>(x_train(i, 1)) % 2 == y_train[i]);
    for (Index i = 0; i < 4; ++i) CHECK(static_cast<std::int32_t>(x_test(i, 0)) % 2 == y_test[i]);

    const TextSplit split = train_test_split(texts, {.test_size = 0.2, .seed = 1});
    CHECK(split.test.size() == 4);
    for (Index i = 0; i < 4; ++i) {
        CHECK(std::stoi(split.test.texts[static_cast<std::size_t>(i)]) == static_cast<int>(x_test(i, 0)));
        CHECK(split.test.labels[i] == y_test[i]);
    }
}

TEST_CASE("train_test_split refuses what it cannot do") {
    for (double size : {0.0, 1.0, -0.1, 2.0, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(train_test_split(10, {.test_size = size}), ValueError);
    CHECK_THROWS_AS(train_test_split(1), ValueError);
    CHECK_THROWS_AS(train_test_split(0), ValueError);
    CHECK_THROWS_AS(train_test_split(3, {.test_size = 0.01}), ValueError);
    CHECK_THROWS_AS(train_test_split(Tensor<float>(Shape{3, 1}), Tensor<float>(Shape{4})), ShapeError);
    TextData bad;
    bad.texts = {"a", "b"};
    bad.labels = Tensor<std::int32_t>(Shape{3});
    CHECK_THROWS_AS(train_test_split(bad), ShapeError);
    const std::vector<Index> rows{0, 3};
    CHECK_THROWS_AS(take(Tensor<float>(Shape{3}), rows), ValueError);
}

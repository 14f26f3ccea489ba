#include "../catch.hpp"

#include <gradus/data/labels.hpp>

#include <limits>

using namespace gradus;

using Names = std::vector<std::string>;

TEST_CASE("one_hot") {
    const auto y = one_hot(tensor<std::int32_t>({2, 0, 1}));
    CHECK(y.shape() == Shape{3, 3});
    CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{0, 0, 1, 1, 0, 0, 0, 1, 0});
    CHECK(one_hot(tensor<std::int32_t>({2, 0, 1}), 10).shape() == Shape{3, 10});
    const auto column = one_hot<double>(tensor<float>({{1}, {0}}));
    CHECK(column.shape() == Shape{2, 2});
    CHECK((column(0, 1) == 1 && column(1, 0) == 1 && column(0, 0) == 0));
    CHECK(one_hot<std::uint8_t>(Tensor<std::uint8_t>(Shape{4, 7}), 5).shape() == Shape{4, 7, 5});
    CHECK(one_hot(Tensor<std::int32_t>(Shape{0}), 3).shape() == Shape{0, 3});
    CHECK(one_hot(Tensor<std::int32_t>(Shape{0})).shape() == Shape{0, 0});

    CHECK_THROWS_WITH(one_hot(tensor<std::int32_t>({0, 3}), 3),
                      "one_hot: expects class numbers from 0 to 2, got 3 in element 1");
    CHECK_THROWS_AS(one_hot(tensor<std::int32_t>({-1})), ValueError);
    CHECK_THROWS_AS(one_hot(tensor<std::int32_t>({1}), -1), ValueError);
    for (float bad : {0.5f, -1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        CHECK_THROWS_AS(one_hot(tensor<float>({bad})), ValueError);
}

TEST_CASE("LabelEncoder") {
    LabelEncoder e;
    const auto y = e.fit_transform(Names{"dog", "cat", "dog", "ant"});
    CHECK(std::vector<std::int32_t>(y.begin(), y.end()) == std::vector<std::int32_t>{2, 1, 2, 0});
    CHECK(e.classes() == Names{"ant", "cat", "dog"});
    CHECK(e.size() == 3);
    CHECK(e.inverse_transform(y) == Names{"dog", "cat", "dog", "ant"});
    CHECK(e.name(1) == "cat");
    e.fit(Names{"10", "9", "10"});
    CHECK(e.classes() == Names{"9", "10"});
    const LabelEncoder own(Names{"no", "yes"});
    CHECK(own.transform(Names{"yes"})[0] == 1);

    CHECK_THROWS_WITH(own.transform(Names{"no", "maybe"}),
                      "label_encoder: expects one of no, yes, got \"maybe\" in row 1");
    CHECK_THROWS_AS(own.inverse_transform(tensor<std::int32_t>({2})), ValueError);
    CHECK_THROWS_AS(own.name(-1), ValueError);
    CHECK_THROWS_AS(LabelEncoder(Names{"a", "a"}), ValueError);
    CHECK_THROWS_AS(LabelEncoder().transform(Names{"a"}), ValueError);
    CHECK_THROWS_AS(e.fit(Names{}), ValueError);
    CHECK(e.size() == 2);
}

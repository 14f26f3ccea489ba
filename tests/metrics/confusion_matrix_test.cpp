#include <gradus/metrics/confusion_matrix.hpp>

#include "../catch.hpp"

#include <limits>
#include <sstream>

using namespace gradus;

TEST_CASE("confusion_matrix counts and prints") {
    const auto y = tensor({2, 0, 2, 2, 0, 1}), p = tensor({0, 0, 2, 2, 0, 2});
    const ConfusionMatrix m(y, p); // scikit-learn's example
    REQUIRE(m.classes() == 3);
    const Index expected[3][3] = {{2, 0, 0}, {0, 0, 1}, {1, 0, 2}};
    for (Index t = 0; t < 3; ++t)
        for (Index c = 0; c < 3; ++c) CHECK(m(t, c) == expected[t][c]);
    CHECK(m.support(2) == 3);
    CHECK(m.predicted(0) == 3);
    CHECK(m.rows() == 6);
    CHECK(std::abs(m.accuracy() - 4.0 / 6) <= 1e-15);
    std::ostringstream out;
    out << ConfusionMatrix(y, p, {"ant", "bird", "caf\u00e9 cat"});
    CHECK(out.str() == "true \\ predicted   ant  bird café cat\n"
                       "             ant     2     0        0\n"
                       "            bird     0     0        1\n"
                       "        café cat     1     0        2\n");
    CHECK(m.to_string() == "true \\ predicted     0     1     2\n"
                           "               0     2     0     0\n"
                           "               1     0     0     1\n"
                           "               2     1     0     2\n");
}

TEST_CASE("confusion_matrix takes scores, probabilities, one-hot targets, steps and vectors") {
    const auto scores = tensor<float>({{0.1f, 0.7f, 0.2f}, {0.5f, 0.5f, 0}, {0, 0.1f, 0.9f}});
    const ConfusionMatrix a(std::vector<std::int32_t>{1, 1, 0}, scores);
    CHECK(a.classes() == 3);
    CHECK(a(1, 1) == 1);
    CHECK(a(1, 0) == 1);
    CHECK(a(0, 2) == 1);
    const ConfusionMatrix b(tensor<float>({{0, 1, 0}, {0, 1, 0}, {1, 0, 0}}), scores);
    CHECK(b.to_string() == a.to_string());
    const ConfusionMatrix c(tensor<std::uint8_t>({1, 0, 1}), tensor<float>({{0.7f}, {0.5f}, {0.2f}}));
    CHECK(c.classes() == 2);
    CHECK(c(1, 1) == 1);
    CHECK(c(0, 0) == 1);
    CHECK(c(1, 0) == 1);
    const ConfusionMatrix d(tensor({{0, 1}, {1, 0}}), Tensor<double>(Shape{2, 2, 2}, 0.5));
    CHECK(d(0, 0) == 2);
    CHECK(d(1, 0) == 2);
    const ConfusionMatrix real(tensor<double>({0, 2}), tensor({0, 2}));
    CHECK(real(2, 2) == 1);
    const ConfusionMatrix none(Tensor<std::int32_t>(Shape{0}), Tensor<std::int32_t>(Shape{0}));
    CHECK(none.classes() == 0);
    CHECK(none.accuracy() == 0);
}

TEST_CASE("confusion_matrix refuses what is no class") {
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0, 1}), tensor({0})), ShapeError);
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0, -1}), tensor({0, 0})), ValueError);
    CHECK_THROWS_AS(ConfusionMatrix(tensor<float>({0, 0.5f}), tensor({0, 0})), ValueError);
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0, 2}), tensor({0, 1}), {"a", "b"}), ValueError);
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0, 1}), tensor<float>({0.5f, 2})), ValueError);
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0, 1000000000}), tensor({0, 1})), ValueError);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(ConfusionMatrix(tensor({0}), tensor<float>({{0, nan}})), ValueError);
}

TEST_CASE("confusion_matrix: weights, and a mask that leaves padding out") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto y = tensor({0, 1, 1, -1}), p = tensor({0, 1, 0, 7});
    const ConfusionMatrix m(y, p, {}, std::vector<std::uint8_t>{1, 1, 1, 0});
    CHECK(m.classes() == 2);
    CHECK(m(1, 1) == 1);
    CHECK(m(1, 0) == 1);
    CHECK(m.rows() == 3);
    const ConfusionMatrix w(y, p, {"a", "b"}, std::vector<double>{0.5, 2, 0.25, 0});
    CHECK(w(1, 0) == 0.25);
    CHECK(w.support(1) == 2.25);
    CHECK(w.accuracy() == 2.5 / 2.75);
    CHECK(w.to_string() == "true \\ predicted     a     b\n"
                           "               a  0.50     0\n"
                           "               b  0.25     2\n");
    // Steps, with a mask of their own or their sample's weight; scores at padding may be anything.
    const auto tags = tensor({{0, 1}, {1, 1}});
    const Tensor<float> scores(Shape{2, 2, 2}, std::vector<float>{0.9f, 0.1f, nan, nan, 0.2f, 0.8f, 0.6f, 0.4f});
    const ConfusionMatrix steps(tags, scores, {}, tensor<std::uint8_t>({{1, 0}, {1, 1}}));
    CHECK(steps(0, 0) == 1);
    CHECK(steps(1, 1) == 1);
    CHECK(steps(1, 0) == 1);
    const ConfusionMatrix samples(tags, scores, {}, tensor({0, 3}));
    CHECK(samples.rows() == 6);
    CHECK_THROWS_AS(ConfusionMatrix(y, p, {}, tensor({1, 1, 1})), ShapeError);
    CHECK_THROWS_WITH(ConfusionMatrix(y, p, {}, tensor({1, -1, 1, 0})),
                      "confusion_matrix: expects finite weights of at least 0, got -1.000000 at row 1");
    CHECK_THROWS_AS(ConfusionMatrix(y, p, {}, tensor<float>({1, nan, 1, 0})), ValueError);
    const ConfusionMatrix none(Tensor<std::int32_t>(Shape{0}), Tensor<std::int32_t>(Shape{0}), {},
                               Tensor<float>(Shape{0}));
    CHECK(none.rows() == 0);
}

#include <gradus/metrics/r2_score.hpp>

#include "golden.hpp"

using namespace gradus;

TEST_CASE("r2_score equals Keras") {
    golden::check(R2Score(), "r2", "t", "p");
    golden::check(R2Score({.class_aggregation = ClassAggregation::variance_weighted_average}), "r2_variance", "t", "p");
}

TEST_CASE("r2_score of known values") {
    R2Score<double> m;
    m.reset(3);
    CHECK(m.result() == 0);
    m.update(tensor({1, 4, 3}).view(), tensor<double>({{2}, {4}, {4}})); // Keras's example
    CHECK(std::abs(m.result() - 4.0 / 7) <= 1e-15);
    // A mean a billion times the deviation: squares summed apart would lose every digit.
    m.reset(3);
    m.update(tensor<double>({1e9 + 1, 1e9 + 4, 1e9 + 3}).view(), tensor<double>({1e9 + 2, 1e9 + 4, 1e9 + 4}));
    CHECK(std::abs(m.result() - 4.0 / 7) <= 1e-6);
    // Targets that do not vary, as scikit-learn.
    m.reset(2);
    m.update(tensor({2, 2}).view(), tensor<double>({2, 2}));
    CHECK(m.result() == 1);
    m.update(tensor({2}).view(), tensor<double>({3}));
    CHECK(m.result() == 0);
}

TEST_CASE("r2_score refuses what does not fit, and carries its state") {
    R2Score<float> m, other;
    CHECK_THROWS_AS(m.update(tensor({0}).view(), tensor<float>({{1, 2}})), ShapeError);
    m.reset(4);
    m.update(tensor({{0, 3}, {1, 5}}).view(), tensor<float>({{1, 2}, {1, 4}}));
    CHECK_THROWS_AS(m.update(tensor({0}).view(), tensor<float>({{1}})), ShapeError);
    FieldReader(FieldWriter::write_state(m), "r2_score").read_state(other);
    CHECK(other.result() == m.result());
    const FieldMap broken{{"total", FieldValue{1.0}}, {"sums", FieldValue{std::vector<double>{1, 2}}}};
    CHECK_THROWS_AS(FieldReader(broken, "r2_score").read_state(other), ValueError);
    CHECK(MetricHandle<double>(R2Score())->name() == "r2_score");
}

#include <gradus/metrics/root_mean_squared_error.hpp>

#include "golden.hpp"

using namespace gradus;

TEST_CASE("root_mean_squared_error equals Keras") { golden::check(RootMeanSquaredError(), "rmse", "t", "p"); }

TEST_CASE("root_mean_squared_error: known values, masks, batches") {
    RMSE<float> m;
    m.reset(4);
    CHECK(m.result() == 0);
    const auto p = tensor<float>({{1}, {2}, {3}, {100}});
    m.update(tensor({1, 4, 5, 0}).view(), p, {}, tensor<std::uint8_t>({1, 1, 1, 0}).view());
    CHECK(std::abs(m.result() - std::sqrt(8.0 / 3)) <= 1e-15);
    RMSE<float> cut;
    cut.reset(4);
    for (Index i = 0; i < 3; ++i) cut.update(tensor({1, 4, 5}).view().rows(i, i + 1), p.view().rows(i, i + 1));
    CHECK(cut.result() == m.result());
}

TEST_CASE("root_mean_squared_error refuses what does not fit, and carries its state") {
    RootMeanSquaredError<float> m, other;
    CHECK_THROWS_AS(m.update(tensor({0}).view(), tensor<float>({{1, 2}})), ShapeError);
    m.update(tensor({0, 3}).view(), tensor<float>({{1, 2}}));
    FieldReader(FieldWriter::write_state(m), "rmse").read_state(other);
    CHECK(other.result() == m.result());
    const MetricHandle<double> h = RMSE({.name = "metres"});
    CHECK(h->name() == "metres");
}

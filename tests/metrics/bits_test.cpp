// The bits of results as numbers in the source: every compiler and optimisation must give them, also where it may fuse
// products with sums (-march=native).
#include <gradus/core/random.hpp>
#include <gradus/metrics/auc.hpp>
#include <gradus/metrics/classification_report.hpp>
#include <gradus/metrics/f1_score.hpp>
#include <gradus/metrics/r2_score.hpp>
#include <gradus/metrics/root_mean_squared_error.hpp>

#include "../catch.hpp"

#include <bit>

using namespace gradus;

namespace {

// Between 1/2 and 1, with all bits in use, so that every product rounds.
Tensor<double> numbers(const Shape& shape, std::uint64_t key) {
    Tensor<double> t(shape);
    const Random random(3, key, Purpose::sample);
    for (Index i = 0; i < t.size(); ++i) t[i] = 1 / (1 + static_cast<double>(random.below(0, i, 1 << 20)) * 0x1p-20);
    return t;
}

std::uint64_t bits(Metric<double>&& metric, const AnyView& target, const Tensor<double>& p) {
    const Tensor<double> w = numbers(Shape{p.shape()[0]}, 7);
    metric.reset(p.size());
    metric.update(target, p, w);
    return std::bit_cast<std::uint64_t>(metric.result());
}

} // namespace

TEST_CASE("metrics give the bits that are written here") {
    const auto p = numbers(Shape{501, 3}, 1), t = numbers(Shape{501, 3}, 2), score = numbers(Shape{501, 1}, 3);
    Tensor<std::int32_t> labels(Shape{501}), yes(Shape{501});
    for (Index i = 0; i < 501; ++i) {
        labels[i] = static_cast<std::int32_t>(i * 5 % 3);
        yes[i] = score[i] + p[i] > 1.4;
    }
    CHECK(bits(AUC<double>(), yes.view(), score) == 0x3fe9e674cd0b8329);
    CHECK(bits(RootMeanSquaredError<double>(), t.view(), p) == 0x3fc8d860218dd27e);
    CHECK(bits(R2Score<double>(), t.view(), p) == 0xbfec720cfaba5d18);
    CHECK(bits(R2Score<double>({.class_aggregation = ClassAggregation::variance_weighted_average}), t.view(), p) ==
          0xbfec67cb03b82700);
    CHECK(bits(F1Score<double>({.average = Averaging::weighted}), labels.view(), p) == 0x3fd690f0a0ddc4f0);
    const auto report = classification_report(labels, p);
    CHECK(std::bit_cast<std::uint64_t>(report.weighted_average.f1 + report.macro_average.precision) ==
          0x3fe6b2a15f20d19f);
}

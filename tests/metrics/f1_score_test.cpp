#include <gradus/metrics/f1_score.hpp>

#include "golden.hpp"

#include <limits>

using namespace gradus;

TEST_CASE("f1_score equals Keras, but for its epsilon") {
    golden::check(F1Score({.average = Averaging::micro}), "f1_micro", "labels", "p", 3e-7);
    golden::check(F1Score(), "f1_macro", "labels", "p", 3e-7);
    golden::check(F1Score({.average = Averaging::weighted}), "f1_weighted", "labels", "p", 3e-7);
    golden::check(F1Score({.threshold = 0.4}), "f1_threshold", "multi", "p", 3e-7);
    golden::check(F1Score(), "f1_binary", "bits", "score", 3e-7);
    golden::check(F1Score({.average = Averaging::binary}), "f1_binary", "bits", "score", 3e-7);
}

TEST_CASE("f1_score of known values") {
    // Keras's example: 0.5, 0.8 and 2/3.
    const auto y = tensor({{1, 1, 1}, {1, 0, 0}, {1, 1, 0}});
    const auto p = tensor<float>({{0.2f, 0.6f, 0.7f}, {0.2f, 0.6f, 0.6f}, {0.6f, 0.8f, 0.0f}});
    F1Score<float> macro({.threshold = 0.5}), micro({.average = Averaging::micro, .threshold = 0.5}),
        weighted({.average = Averaging::weighted, .threshold = 0.5});
    for (auto* m : {&macro, &micro, &weighted}) {
        m->reset(9);
        CHECK(m->result() == 0);
        m->update(y.view(), p);
    }
    CHECK(std::abs(macro.result() - (0.5 + 0.8 + 2.0 / 3) / 3) <= 1e-15);
    CHECK(std::abs(micro.result() - 2 * 4.0 / (2 * 4 + 2 + 2)) <= 1e-15);
    CHECK(std::abs(weighted.result() - (3 * 0.5 + 2 * 0.8 + 2.0 / 3) / 6) <= 1e-15);
    // A row with NaN predicts nothing; a class without rows scores 0.
    const float nan = std::numeric_limits<float>::quiet_NaN();
    F1Score<float> m;
    m.update(tensor({0, 0}).view(), tensor<float>({{0.9f, 0.1f}, {nan, 1}}));
    CHECK(std::abs(m.result() - (2.0 / 3) / 2) <= 1e-15);
}

TEST_CASE("f1_score refuses what does not fit, and carries its state") {
    const auto p = tensor<float>({{0.5f, 0.7f}, {0.5f, 0.2f}});
    F1Score<float> m, other, binary({.average = Averaging::binary});
    CHECK_THROWS_AS(m.update(tensor({0}).view(), p), ShapeError);
    CHECK_THROWS_AS(m.update(tensor({0, 2}).view(), p), ValueError);
    CHECK_THROWS_AS(binary.update(tensor({0, 1}).view(), p), ShapeError);
    m.reset(4);
    m.update(tensor({1, 1}).view(), p, tensor<float>({1, 3}).view());
    CHECK_THROWS_AS(m.update(tensor({0, 1}).view(), tensor<float>({0.1f, 0.2f})), ShapeError);
    FieldReader(FieldWriter::write_state(m), "f1_score").read_state(other);
    CHECK(other.result() == m.result());
    CHECK_THROWS_AS(
        FieldReader(FieldMap{{"counts", FieldValue{std::vector<double>{1, 2}}}}, "f1_score").read_state(other),
        ValueError);
    const MetricHandle<double> h = F1Score({.average = Averaging::micro, .name = "f1"});
    CHECK(h->name() == "f1");
    CHECK(h->kind() == "f1_score");
}

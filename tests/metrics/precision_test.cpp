#include <gradus/metrics/precision.hpp>

#include "golden.hpp"

#include <limits>

using namespace gradus;

TEST_CASE("precision and recall equal Keras") {
    golden::check(Precision(), "precision_binary", "bits", "score");
    golden::check(Precision({.thresholds = 0.3}), "precision_low", "bits", "score");
    golden::check(Precision(), "precision_multi", "multi", "p");
    golden::check(Precision({.top_k = 2}), "precision_top_2", "multi", "p");
    golden::check(Precision({.class_id = 1}), "precision_class_1", "multi", "p");
    golden::check(Precision({.top_k = 1, .class_id = 2}), "precision_top_1_class_2", "multi", "p");
    golden::check(Recall(), "recall_binary", "bits", "score");
    golden::check(Recall({.thresholds = 0.3}), "recall_low", "bits", "score");
    golden::check(Recall(), "recall_multi", "multi", "p");
    golden::check(Recall({.top_k = 2}), "recall_top_2", "multi", "p");
    golden::check(Recall({.class_id = 1}), "recall_class_1", "multi", "p");
    golden::check(Recall({.top_k = 1, .class_id = 2}), "recall_top_1_class_2", "multi", "p");
}

TEST_CASE("precision and recall of known values") {
    Precision<float> p;
    Recall<float> r;
    for (Metric<float>* m : {static_cast<Metric<float>*>(&p), static_cast<Metric<float>*>(&r)}) {
        m->reset(4);
        CHECK(m->result() == 0);
        m->update(tensor({0, 1, 1, 1}).view(), tensor<float>({1, 0, 1, 1}));
        CHECK(std::abs(m->result() - 2.0 / 3) <= 1e-15); // Keras's example of both
        m->reset(4);
        m->update(tensor({0, 1, 1, 1}).view(), tensor<float>({1, 0, 1, 1}), tensor<float>({0, 0, 1, 0}).view());
        CHECK(m->result() == 1);
    }
    // Labels of several classes, NaN, ties.
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto scores = tensor<float>({{0.9f, 0.9f, 0.2f}, {nan, 0.4f, 0.1f}, {nan, nan, nan}});
    Precision<float> top({.top_k = 1});
    top.update(tensor({0, 0, 1}).view(), scores);
    CHECK(top.result() == 0.5); // of ties the first; the row of NaN predicts nothing
    Recall<float> one({.class_id = 1});
    one.update(tensor({1, 0, 1}).view(), scores);
    CHECK(one.result() == 0.5);
}

TEST_CASE("precision refuses what does not fit, and carries its state") {
    const auto p = tensor<float>({{0.5f, 0.7f}, {0.5f, 0.2f}});
    Precision<float> m, other;
    CHECK_THROWS_AS(m.update(tensor({0}).view(), p), ShapeError);
    CHECK_THROWS_AS(m.update(tensor({0, 2}).view(), p), ValueError);
    CHECK_THROWS_AS(Precision<float>({.class_id = 2}).update(tensor({0, 1}).view(), p), ValueError);
    CHECK_THROWS_AS(Precision<float>({.class_id = -2}).update(tensor({0, 1}).view(), p), ValueError);
    CHECK_THROWS_AS(Recall<float>({.top_k = -1}).reset(1), ValueError);
    m.reset(4);
    m.update(tensor({1, 1}).view(), p, tensor<float>({1, 3}).view());
    FieldReader(FieldWriter::write_state(m), "precision").read_state(other);
    CHECK(other.result() == m.result());
    const MetricHandle<double> h = Recall({.name = "found"});
    CHECK(h->name() == "found");
    CHECK(h->kind() == "recall");
}

#include "../catch.hpp"

#include <gradus/core/random.hpp>
#include <gradus/metrics/accuracy.hpp>
#include <gradus/metrics/auc.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace gradus;

namespace {

struct Sample {
    Tensor<float> scores, weights;
    Tensor<std::int32_t> labels;
};

// Few distinct scores, so that ties are common.
Sample sample(Index n, Index distinct) {
    const Random r(1, 2, Purpose::sample);
    Sample s{Tensor<float>(Shape{n, 1}), Tensor<float>(Shape{n}), Tensor<std::int32_t>(Shape{n})};
    for (Index i = 0; i < n; ++i) {
        s.labels[i] = static_cast<std::int32_t>(r.below(0, i, 2));
        s.scores[i] = static_cast<float>(r.below(1, i, distinct) + (s.labels[i] ? distinct / 4 : 0)) /
                      (1.3f * static_cast<float>(distinct));
        s.weights[i] = static_cast<float>(r.below(2, i, 5)) / 2;
    }
    return s;
}

double pairs(const Sample& s, bool weighted) {
    double wins = 0, all = 0;
    for (Index i = 0; i < s.labels.size(); ++i)
        for (Index j = 0; j < s.labels.size(); ++j) {
            if (s.labels[i] != 1 || s.labels[j] != 0) continue;
            const double w = weighted ? double(s.weights[i]) * double(s.weights[j]) : 1;
            all += w;
            wins += s.scores[i] > s.scores[j] ? w : s.scores[i] == s.scores[j] ? w / 2 : 0;
        }
    return wins / all;
}

} // namespace

TEST_CASE("auc of known values") {
    AUC<float> a;
    a.update(tensor({0, 0, 1, 1}).view(), tensor<float>({0.1f, 0.4f, 0.35f, 0.8f}));
    CHECK(a.result() == 0.75); // scikit-learn's example
    a.reset(4);
    a.update(tensor({0, 0, 1, 1}).view(), tensor<float>({0.5f, 0.5f, 0.5f, 0.5f}));
    CHECK(a.result() == 0.5);
    a.reset(4);
    a.update(tensor({1, 0}).view(), tensor<float>({0.1f, 0.9f}));
    CHECK(a.result() == 0);
}

TEST_CASE("auc equals the count over all pairs, ties and weights included") {
    for (Index distinct : {2, 10, 1000}) {
        const Sample s = sample(333, distinct);
        AUC<float> a;
        a.reset(333);
        a.update(s.labels.view(), s.scores);
        CHECK(std::abs(a.result() - pairs(s, false)) <= 1e-14);
        CHECK(std::abs(a.running() - a.result()) <= 0.01);
        a.reset(333);
        a.update(s.labels.view(), s.scores, s.weights.view());
        CHECK(std::abs(a.result() - pairs(s, true)) <= 1e-13);
    }
}

TEST_CASE("auc depends neither on batches nor on order, and goes on after a result") {
    const Sample s = sample(200, 50);
    AUC<float> whole;
    whole.update(s.labels.view(), s.scores, s.weights.view());
    for (Index batch : {1, 9, 64}) {
        AUC<float> cut;
        cut.reset(200);
        for (Index i = 0; i < 200; i += batch) {
            const Index e = std::min<Index>(i + batch, 200);
            cut.update(s.labels.view().rows(i, e), s.scores.view().rows(i, e), s.weights.view().rows(i, e));
            (void)cut.result();
        }
        CHECK(cut.result() == whole.result());
        CHECK(cut.running() == whole.running());
    }
}

TEST_CASE("auc of masked rows, one class, logits and NaN") {
    AUC<double> a;
    const auto mask = tensor<std::uint8_t>({1, 1, 0});
    a.update(tensor({0, 1, 1}).view(), tensor<double>({0.3, 0.6, 0.1}), {}, mask.view());
    CHECK(a.result() == 1);
    a.reset(2);
    CHECK(a.result() == 0);
    a.update(tensor({1, 1}).view(), tensor<double>({0.3, 0.6}));
    CHECK(a.result() == 0);
    CHECK(a.running() == 0);
    a.reset(3);
    a.update(tensor({0, 0, 1}).view(), tensor<double>({-1e300, -5.0, std::numeric_limits<double>::infinity()}));
    CHECK(a.result() == 1);
    a.update(tensor({0, 1}).view(), tensor<double>({std::numeric_limits<double>::quiet_NaN(), 1.0}));
    CHECK(std::isnan(a.result()));
    CHECK(std::isnan(a.running()));
    a.reset(1);
    CHECK(a.result() == 0);
}

TEST_CASE("auc refuses what does not fit") {
    AUC<float> a;
    CHECK_THROWS_AS(a.update(tensor({0, 1}).view(), tensor<float>({0.5f})), ShapeError);
    CHECK_THROWS_AS(a.update(tensor({2}).view(), tensor<float>({0.5f})), ValueError);
    CHECK_THROWS_AS(a.update(tensor({1}).view(), tensor<float>({0.5f}), tensor<float>({-1}).view()), ValueError);
}

TEST_CASE("metrics carry their state") {
    const Sample s = sample(40, 10);
    AUC<float> a, b;
    a.update(s.labels.view(), s.scores, s.weights.view());
    FieldReader(FieldWriter::write_state(a), "auc").read_state(b);
    CHECK(b.result() == a.result());
    CHECK(b.running() == a.running());

    Accuracy<float> c, d;
    c.update(s.labels.view(), s.scores, s.weights.view());
    FieldReader(FieldWriter::write_state(c), "accuracy").read_state(d);
    CHECK(d.result() == c.result());

    const FieldMap broken{{"scores", FieldValue{std::vector<double>{1, 2}}},
                          {"weights", FieldValue{std::vector<double>{1}}}};
    CHECK_THROWS_AS(FieldReader(broken, "auc").read_state(b), ValueError);
}

TEST_CASE("auc converts between scalars") {
    const MetricHandle<double> h = AUC({.name = "area"});
    CHECK(h->name() == "area");
    CHECK(h->kind() == "auc");
}

TEST_CASE("auc: what update would refuse is found beforehand") {
    const AUC<float> auc;
    const auto y = tensor({0, 1, 2, 1});
    CHECK_THROWS_AS(auc.check(y.view(), {}), ValueError);
    CHECK_NOTHROW(auc.check(y.view(), tensor<float>({1, 1, 0, 1}).view()));
    CHECK_THROWS_AS(auc.check(y.view(), tensor<double>({1, 1, 0, -1}).view()), ValueError);
}

// Losses and metrics in models: joined to softmax, with weights, and without allocation in a step.
#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>

using namespace gradus;

namespace {

Tensor<float> numbers(const Shape& shape, std::uint64_t key) {
    Tensor<float> t(shape);
    const Random random(5, key, Purpose::sample);
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<float>(random.below(0, i, 1 << 20)) * 0x1p-20f;
    return t;
}

std::string trained(const LossHandle<float>& loss, const Columns& x, const Columns& y) {
    Sequential model{Dense(9, relu), Dense(4, softmax)};
    model.compile({.optimizer = Adam(0.01), .loss = loss, .metrics = {Accuracy()}, .seed = 5});
    const History h = model.fit(x, y, {.batch_size = 16, .epochs = 3, .verbose = Verbose::silent});
    return model.fingerprint() + " " + std::to_string(h["loss"].back()) + " " + std::to_string(h["accuracy"].back());
}

} // namespace

TEST_CASE("losses: one-hot targets train the same bits as labels") {
    const auto x = numbers(Shape{50, 6}, 1);
    Tensor<std::int32_t> labels(Shape{50});
    Tensor<float> one_hot(Shape{50, 4});
    for (Index i = 0; i < 50; ++i) {
        labels[i] = static_cast<std::int32_t>(4 * x[6 * i]);
        one_hot[4 * i + labels[i]] = 1;
    }
    CHECK(trained(CategoricalCrossentropy(), x, one_hot) == trained(SparseCategoricalCrossentropy(), x, labels));
    CHECK(trained(CategoricalCrossentropy({.label_smoothing = 0.1}), x, one_hot) !=
          trained(CategoricalCrossentropy(), x, one_hot));
}

TEST_CASE("losses: targets that are not known have weight 0 and may be NaN") {
    const auto x = numbers(Shape{40, 3}, 1);
    Tensor<float> y(Shape{40, 2}), weights(Shape{40}, 1.f);
    for (Index i = 0; i < 40; ++i) {
        y[2 * i] = x[3 * i] + x[3 * i + 1];
        y[2 * i + 1] = i % 5 == 0 ? std::numeric_limits<float>::quiet_NaN() : x[3 * i + 2];
        if (i % 5 == 0) weights[i] = 0;
    }
    for (const LossHandle<float>& loss :
         {LossHandle<float>(MSE()), LossHandle<float>(MAE()), LossHandle<float>(Huber())}) {
        Sequential model{Dense(8, relu), Dense(2)};
        model.compile({.optimizer = Adam(0.02), .loss = loss, .metrics = {RMSE(), R2Score(), MAE()}});
        const History h = model.fit(
            x, y,
            {.batch_size = 8, .epochs = 40, .verbose = Verbose::silent, .sample_weight = weights, .allow_nan = true});
        CHECK(h["loss"].back() < h["loss"].front() / 2);
        CHECK(h["r2_score"].back() > 0.5);
        CHECK(std::isfinite(h["mean_absolute_error"].back()));
    }
}

TEST_CASE("metrics allocate nothing once they know the shapes") {
    const Index n = 64;
    const auto p = numbers(Shape{n, 3}, 2), score = numbers(Shape{n, 1}, 3), weights = numbers(Shape{n}, 4);
    Tensor<std::int32_t> labels(Shape{n}), bits(Shape{n});
    for (Index i = 0; i < n; ++i) {
        labels[i] = static_cast<std::int32_t>(i * 7 % 3);
        bits[i] = static_cast<std::int32_t>(i * 5 % 2);
    }
    const auto check = [&](MetricHandle<float> m, const AnyView& y, const Tensor<float>& x, bool at_once) {
        INFO(m->name());
        for (int epoch : {0, 1}) {
            m->reset(x.size());
            const AllocationGuard guard;
            m->update(y, x, weights);
            (void)m->running();
            if (epoch == 1 || at_once) CHECK(guard.count() == 0);
        }
    };
    for (const MetricHandle<float>& m :
         {MetricHandle<float>(Accuracy()), MetricHandle<float>(SparseCategoricalAccuracy()),
          MetricHandle<float>(TopKCategoricalAccuracy(2)), MetricHandle<float>(SparseTopKCategoricalAccuracy(2)),
          MetricHandle<float>(Precision()), MetricHandle<float>(Recall({.top_k = 2})), MetricHandle<float>(F1Score())})
        check(m, labels.view(), p, true);
    for (const MetricHandle<float>& m : {MetricHandle<float>(AUC()), MetricHandle<float>(BinaryAccuracy()),
                                         MetricHandle<float>(F1Score({.average = Averaging::binary}))})
        check(m, bits.view(), score, true);
    const auto t = numbers(Shape{n, 3}, 5);
    for (const MetricHandle<float>& m :
         {MetricHandle<float>(CategoricalAccuracy()), MetricHandle<float>(RMSE()), MetricHandle<float>(R2Score())})
        check(m, t.view(), p, true);
    check(MAE(), t.view(), p, false);
    check(CategoricalCrossentropy(), t.view(), p, false);
}

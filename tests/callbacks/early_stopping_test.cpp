#include "catch.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;

namespace {

// A model whose only variables are what the test says.
struct Stub : ModelBase {
    Tensor<float> weights = Tensor<float>(Shape{3}, 0.0f);
    Tensor<double> mean = Tensor<double>(Shape{1}, 0.0);
    bool stopped = false;
    std::vector<Variable> variables() const override {
        return {{"w", AnyView(weights.view()), true}, {"mean", AnyView(mean.view()), false}};
    }
    double learning_rate() const override { return 0; }
    void set_learning_rate(double) override {}
    Index updates() const override { return 0; }
    void stop_training() override { stopped = true; }
};

struct Outcome {
    Index epochs;
    float weight;
};

// Runs over the values of the monitored log; the weights of an epoch are its number.
Outcome run(EarlyStopping& stop, std::initializer_list<double> values, const char* name = "val_loss") {
    Stub model;
    stop.on_train_begin(model);
    Index epoch = 0;
    for (const double v : values) {
        for (float& w : model.weights) w = static_cast<float>(epoch);
        model.mean[0] = static_cast<double>(epoch);
        const Log logs[] = {{"loss", 1}, {name, v}};
        stop.on_epoch_end(model, epoch++, logs);
        if (model.stopped) break;
    }
    stop.on_train_end(model);
    CHECK(model.mean[0] == model.weights[2]);
    return {epoch, model.weights[0]};
}

} // namespace

TEST_CASE("EarlyStopping: patience") {
    EarlyStopping none;
    CHECK(run(none, {5, 4, 4, 3}).epochs == 3);
    CHECK(none.stopped_epoch() == 2);
    CHECK(none.best() == 4);
    CHECK(none.best_epoch() == 1);
    EarlyStopping two({.patience = 2});
    CHECK(run(two, {5, 4, 6, 3, 7, 7, 7}).epochs == 6);
    CHECK(two.best_epoch() == 3);
    EarlyStopping enough({.patience = 5});
    CHECK(run(enough, {5, 4, 6, 3, 7}).epochs == 5);
    CHECK(enough.stopped_epoch() == -1);
    CHECK(run(none, {5, 4, 3, 2}).epochs == 4);
}

TEST_CASE("EarlyStopping: restores the best weights, and state") {
    EarlyStopping keep({.patience = 2, .restore_best_weights = true});
    CHECK(run(keep, {5, 3, 6, 4}).weight == 1);
    CHECK(run(keep, {5, 3, 2, 4}).weight == 2); // training ran to its end
    EarlyStopping last({.patience = 2});
    CHECK(run(last, {5, 3, 6, 4}).weight == 3);
}

TEST_CASE("EarlyStopping: direction, min_delta, first epoch") {
    EarlyStopping up({.monitor = "val_auc"});
    CHECK(run(up, {0.5, 0.6, 0.7, 0.6}, "val_auc").epochs == 4);
    EarlyStopping down({.monitor = "val_auc", .mode = Improves::down});
    CHECK(run(down, {0.5, 0.6}, "val_auc").epochs == 2);
    EarlyStopping named({.monitor = "score", .mode = Improves::up});
    CHECK(run(named, {1, 2, 3}, "score").epochs == 3);
    EarlyStopping delta({.min_delta = 0.5});
    CHECK(run(delta, {5, 4.6, 3}).epochs == 2);
    EarlyStopping negative({.min_delta = -0.5});
    CHECK(run(negative, {5, 4.6, 3}).epochs == 2);
    EarlyStopping late({.start_from_epoch = 2});
    CHECK(run(late, {1, 2, 3, 2, 2.5}).epochs == 5);
    EarlyStopping nan({.patience = 1});
    CHECK(run(nan, {1, std::nan("")}).epochs == 2);
}

TEST_CASE("EarlyStopping: what it refuses") {
    EarlyStopping missing({.monitor = "val_acuracy"});
    Stub model;
    const Log logs[] = {{"loss", 1}, {"val_accuracy", 0.5}};
    missing.on_train_begin(model);
    std::string text;
    try {
        missing.on_epoch_end(model, 0, logs);
    } catch (const ValueError& e) { text = e.what(); }
    CHECK(text == "early_stopping: monitor expects one of loss, val_accuracy, got \"val_acuracy\"");
    CHECK_THROWS_AS(EarlyStopping({.patience = -1}), ValueError);
}

TEST_CASE("EarlyStopping: in fit") {
    Sequential model{Dense(16, relu), Dense(1, sigmoid)};
    Tensor<float> x(Shape{60, 4});
    Tensor<std::int32_t> y(Shape{60});
    for (Index i = 0; i < x.size(); ++i)
        x[i] = static_cast<float>(mix(static_cast<std::uint64_t>(i)) >> 41) * 0x1p-23f - 0.5f;
    for (Index i = 0; i < 60; ++i) y[i] = static_cast<std::int32_t>(mix(static_cast<std::uint64_t>(i) + 999) % 2);
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
    const auto stop =
        std::make_shared<EarlyStopping>(EarlyStoppingOptions{.patience = 3, .restore_best_weights = true});
    const History h = model.fit(
        x, y,
        {.batch_size = 10, .epochs = 100, .verbose = Verbose::silent, .callbacks = {stop}, .validation_split = 0.3});
    CHECK(h.epochs() < 100);
    CHECK(h.epochs() == stop->stopped_epoch() + 1);
    CHECK(stop->stopped_epoch() == stop->best_epoch() + 3);
    const double best = *std::min_element(h["val_loss"].begin(), h["val_loss"].end());
    CHECK(stop->best() == best);
    CHECK(model.evaluate(x.rows(42, 60), y.rows(42, 60), {.batch_size = 10}).loss() == best);
}

TEST_CASE("monitor: the words of a name say which way it improves") {
    const auto up = [](const char* name) { return detail::improves_up(Improves::automatic, name); };
    for (const char* name :
         {"accuracy", "val_accuracy", "val_sparse_categorical_accuracy", "acc", "auc", "val_auc", "precision", "recall",
          "f1_score", "val_r2_score", "r2", "head_top_k_categorical_accuracy"})
        CHECK(up(name));
    for (const char* name : {"loss", "val_loss", "val_decoder2_loss", "val_vaccine_loss", "accuracy_loss", "r2_mse",
                             "mae", "auc_rmse", "space", "", "_"})
        CHECK(!up(name));
}

// Mistakes that newcomers make, and what they are told: the verb, the loss, the output, what was expected and found.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace gradus;
using namespace hash_data;

namespace {

const FitOptions quiet{.verbose = Verbose::silent};
const auto x = values(1, 2, Shape{20, 4});
const auto y = integers(2, 3, Shape{20});
const double inf = std::numeric_limits<double>::infinity();

Sequential<float> model_of(Index units, activation::Kind activation, LossHandle<float> loss) {
    Sequential model{Dense(4, relu), Dense(units, activation)};
    CompileOptions<float> o{.optimizer = Adam()};
    o.loss.add("", std::move(loss));
    model.compile(o);
    return model;
}
Sequential<float> classifier() { return model_of(3, softmax, SparseCategoricalCrossentropy()); }
Sequential<float> binary() { return model_of(1, sigmoid, BinaryCrossentropy()); }
Sequential<float> regression() { return model_of(1, linear, MeanSquaredError()); }

} // namespace

TEST_CASE("messages: targets of a wrong shape name verb, loss and output, and hint at the loss that is meant") {
    auto model = classifier();
    CHECK(message([&] { model.fit(x, one_hot(y), quiet); }) ==
          "fit: sparse_categorical_crossentropy: target of output \"dense_1\": expects [batch], got [20, 3]; one-hot "
          "targets are for CategoricalCrossentropy");
    auto one_hots = model_of(3, softmax, CategoricalCrossentropy());
    const std::string labels = ": categorical_crossentropy: target of output \"dense_1\": expects [batch, 3], got ";
    const std::string hint = "; class numbers are for SparseCategoricalCrossentropy, or go through one_hot";
    CHECK(message([&] { one_hots.fit(x, y, quiet); }) == "fit" + labels + "[20]" + hint);
    CHECK(message([&] { one_hots.evaluate(x, y.reshaped({20, 1})); }) == "evaluate" + labels + "[20, 1]" + hint);
    auto many = regression();
    CHECK(message([&] { many.fit(x, values(1, 2, Shape{20, 2}), quiet); }) ==
          "fit: mean_squared_error: target of output \"dense_1\": expects [batch, 1], got [20, 2]");
    model.forward(x);
    CHECK(message([&] { model.loss(y.rows(0, 5)); }) ==
          "loss: sparse_categorical_crossentropy: target of output \"dense_1\": expects [batch = 20], got [5]");
    CHECK(message([&] {
              model.fit(x, y, {.verbose = Verbose::silent, .validation_data = {{x, one_hot(y)}}});
          }).find("fit: validation_data: sparse_categorical_crossentropy: target") == 0);
    CHECK(message([&] { model.fit(x, {}, quiet); }) == "fit: expects 1 target column(s), got 0");
    CHECK(message([&] { model.fit(x, integers(2, 3, Shape{20, 6}), quiet); }) ==
          "fit: sparse_categorical_crossentropy: target of output \"dense_1\": expects [batch], got [20, 6]");
    const std::vector<std::string> texts(20, "a");
    CHECK(message([&] { model.fit(x, texts, quiet); }) ==
          "fit: y expects numbers, got texts; LabelEncoder turns names of classes into numbers");
}

TEST_CASE("messages: labels outside the classes") {
    auto model = classifier();
    auto wrong = y;
    wrong[7] = 3;
    CHECK(message([&] { model.fit(x, wrong, quiet); }) == "fit: sparse_categorical_crossentropy: target of output "
                                                          "\"dense_1\": expects labels from 0 to 2, got 3 in row 7");
    auto one = model_of(1, sigmoid, SparseCategoricalCrossentropy());
    CHECK(message([&] {
              one.fit(x, y, quiet);
          }).find("; the output has one unit, for which BinaryCrossentropy takes labels 0 and 1") != std::string::npos);
}

TEST_CASE("messages: binary cross-entropy takes labels from 0 to 1, soft ones, too") {
    auto model = binary();
    auto labels = integers(2, 2, Shape{20});
    model.fit(x, labels, quiet);
    model.fit(x, Tensor<float>(Shape{20}, 0.3f), quiet);
    const std::string before = model.fingerprint();
    for (auto& v : labels) v = v ? 1 : -1;
    labels[0] = 1;
    labels[1] = -1;
    const std::string said =
        ": binary_crossentropy: target of output \"dense_1\": expects labels from 0 to 1, got -1 in row 1";
    CHECK(message([&] { model.fit(x, labels, quiet); }) == "fit" + said);
    CHECK(message([&] { model.evaluate(x, labels); }) == "evaluate" + said);
    CHECK(message([&] { model.train_on_batch(x, labels); }) == "train_on_batch" + said);
    CHECK(message([&] { model.fit(x, y, quiet); }).find("got 2 in row") != std::string::npos);
    CHECK(model.fingerprint() == before);
}

TEST_CASE("messages: what is not finite, or not in the model's scalar, is refused before anything changes") {
    auto model = regression();
    const Tensor<double> targets(Shape{20, 1}, 1.0);
    model.fit(x, targets, quiet);
    const std::string before = model.fingerprint();
    auto bad = x;
    bad(2, 1) = static_cast<float>(-inf);
    const std::string said = ": input #1: expects finite numbers, got -infinity in row 2, element 1";
    CHECK(message([&] { model.fit(bad, targets, quiet); }) == "fit" + said);
    CHECK(message([&] { model.evaluate(bad, targets); }) == "evaluate" + said);
    CHECK(message([&] { model.predict(bad); }) == "predict" + said);
    auto far = targets;
    far[3] = 1e300;
    CHECK(message([&] { model.fit(x, far, quiet); }) == "fit: mean_squared_error: target of output \"dense_1\": "
                                                        "expects numbers that float32 can hold, got 1e+300 in row 3");
    far[3] = inf;
    CHECK(message([&] { model.fit(x, far, quiet); }).find("expects finite numbers, got infinity in row 3") !=
          std::string::npos);
    std::vector<double> weights(20, 1.0);
    weights[4] = 1e300;
    CHECK(message([&] { model.fit(x, targets, {.verbose = Verbose::silent, .sample_weight = weights}); }) ==
          "fit: sample_weight: expects numbers that float32 can hold, got 1e+300 in row 4");
    CHECK(model.fingerprint() == before);
    CHECK(!std::isfinite(model.predict(bad, {.allow_nan = true})[2]));
    Sequential<double> wide{Dense<double>(1)};
    wide.compile({.optimizer = SGD(0.0), .loss = MeanSquaredError()});
    far[3] = 1e100;
    wide.fit(x, far, quiet);

    struct Infinite : Dataset {
        DatasetSpec s;
        Infinite() { s.inputs = {{Shape{4}, Dtype::f64}}, s.targets = {{Shape{1}, Dtype::f32}}; }
        Index size() const override { return 4; }
        const DatasetSpec& spec() const override { return s; }
        void read(std::span<const Index>, Batch& out) const override {
            const auto to = out.inputs[0].as<float>();
            std::fill(to.begin(), to.end(), std::numeric_limits<float>::infinity());
        }
    } infinite;
    CHECK(message([&] { model.fit(infinite, quiet); }) ==
          "fit: input #1: expects finite numbers, got infinity in row 0, element 0");
    CHECK(model.fingerprint() == before);
}

TEST_CASE("messages: weights") {
    auto model = classifier();
    std::vector<float> w(20, 1.0f);
    w[6] = -0.5f;
    const std::string said = ": sample_weight: expects weights of at least 0, got -0.5 in row 6";
    CHECK(message([&] { model.fit(x, y, {.verbose = Verbose::silent, .sample_weight = w}); }) == "fit" + said);
    CHECK(message([&] { model.evaluate(x, y, {.sample_weight = w}); }) == "evaluate" + said);
    CHECK(message([&] { model.train_on_batch(x, y, w); }) == "train_on_batch" + said);
    const auto weigh = [&](Sequential<float>& m, const Columns& targets, std::map<Index, double> classes) {
        return message([&] { m.fit(x, targets, {.verbose = Verbose::silent, .class_weight = std::move(classes)}); });
    };
    CHECK(weigh(model, y, {{0, 1.0}, {9, 2.0}}) == "fit: class_weight expects classes from 0 to 2, got 9");
    CHECK(weigh(model, y, {{-1, 1.0}}) == "fit: class_weight expects classes from 0 to 2, got -1");
    CHECK(weigh(model, y, {{1, -1.0}}) == "fit: class_weight expects finite weights of at least 0, got -1 for class 1");
    CHECK(weigh(model, y, {{2, 0.0}}) == "nothing was thrown");
    auto yes_or_no = binary();
    CHECK(weigh(yes_or_no, integers(2, 2, Shape{20}), {{2, 1.0}}) ==
          "fit: class_weight expects classes from 0 to 1, got 2");
    CHECK(!yes_or_no.is_built());
    auto numbers = regression();
    CHECK(weigh(numbers, y, {{7, 2.0}}) == "nothing was thrown");
}

TEST_CASE("messages: names of metrics are their own") {
    const auto compile = [](Metrics<float> metrics) {
        Sequential model{Dense(3, softmax)};
        model.build({dim::batch(), 4});
        return message([&] {
            model.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy(), .metrics = metrics});
        });
    };
    const std::string said =
        "compile: metrics expect names that nothing else has and that do not begin with \"val_\", ";
    CHECK(compile({Accuracy(), Accuracy()}) == said + "got \"accuracy\"; metrics take another with {.name = ...}");
    for (const char* name : {"loss", "epoch", "val_loss", "val_accuracy", ""}) {
        INFO(name);
        CHECK(compile({Accuracy({.name = name})}).find(said + "got \"" + name) == 0);
    }
    CHECK(compile({Accuracy(), Accuracy({.name = "again"})}) == "nothing was thrown");
}

TEST_CASE("messages: a model that was moved from") {
    auto model = classifier();
    model.fit(x, y, quiet);
    auto fresh = classifier(); // compiled, not built
    auto a = std::move(model), b = std::move(fresh);
    for (Sequential<float>* m : {&model, &fresh})
        for (const std::string& said :
             {message([&] { m->fit(x, y, quiet); }), message([&] { m->evaluate(x, y); }),
              message([&] { m->predict(x); }), message([&] { m->train_on_batch(x, y); }),
              message([&] { m->forward(x); }), message([&] { m->summary(); }), message([&] { (void)m->fingerprint(); }),
              message([&] { (void)m->clone(); }), message([&] { (void)m->learning_rate(); }),
              message([&] { m->compile({.optimizer = SGD(), .loss = MeanSquaredError()}); })})
            CHECK(said == "model: was moved from; assign a model to it before it is used");
    model = std::move(a);
    model.fit(x, y, quiet);
    b.fit(x, y, quiet);
}

TEST_CASE("messages: a predictor") {
    auto model = classifier();
    model.fit(x, y, quiet);
    Predictor small(model), predictor(model, {.batch = 20});
    CHECK(message([&] { predictor.output(); }) == "predictor: output expects run first");
    CHECK(message([&] { small.run(x); }) == "predictor: expects 1 to 1 rows (PredictorOptions::batch), got 20");
    CHECK(message([&] { predictor.run(values(1, 2, Shape{2, 9})); }) ==
          "predictor: input #1: expects [batch, 4], got [2, 9]");
    const std::vector<std::string> texts{"a b", "b a"};
    CHECK(message([&] { predictor.run(texts); }) ==
          "predictor: expects numbers, got texts, and a model without a TextVectorization");
    predictor.run(x);
    CHECK(predictor.output().shape() == Shape{20, 3});
}

TEST_CASE("messages: a predictor takes texts where the model does") {
    const std::vector<std::string> texts{"a b c", "c b a a"};
    TextVectorization words({.max_tokens = 10});
    words.adapt(texts);
    Sequential model{words, Embedding({.input_dim = 10, .output_dim = 4}), LSTM(4), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    model.fit(texts, tensor({0, 1}), quiet);
    Predictor predictor(model, {.batch = 2});
    const auto expected = model.predict(texts);
    Tensor<float> p(Shape{2, 1});
    predictor(texts, p);
    for (Index i = 0; i < 2; ++i) CHECK(p[i] == expected[i]);
    predictor.run(words.apply(texts));
    CHECK(predictor.output()[1] == expected[1]);
    Sequential narrow{words, Embedding({.input_dim = 3, .output_dim = 4}), LSTM(4), Dense(1, sigmoid)};
    narrow.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    CHECK(message([&] { narrow.fit(texts, tensor({0, 1}), quiet); }).find("; embedding has input_dim 3") !=
          std::string::npos);
}

TEST_CASE("messages: a fixed length for what needs one") {
    const auto ids = integers(1, 5, Shape{20, 6});
    const Tensor<float> targets(Shape{20, 1});
    Sequential model{Embedding({.input_dim = 5, .output_dim = 3}), Flatten(), Dense(1)};
    model.compile({.optimizer = Adam(), .loss = MeanSquaredError()});
    CHECK(message([&] { model.fit(ids, targets, quiet); }) ==
          "dense #3: expects a number of features known when the model is built, got [batch, 3*time]; its input is "
          "flatten #2; lengths may differ from batch to batch unless the model is built for one: build({dim::batch(), "
          "6})");
    model.build({dim::batch(), 6});
    model.fit(ids, targets, quiet);
    Sequential other{Embedding({.input_dim = 5, .output_dim = 3}), Dense(0)};
    other.compile({.optimizer = Adam(), .loss = MeanSquaredError()});
    CHECK(message([&] { other.fit(ids, targets, quiet); }) == "dense #2: units expects at least 1, got 0");
}

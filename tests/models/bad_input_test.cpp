// Bad input is an Error that says what was expected, what was found and where; the model stays as it was.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace hash_data;

namespace {

void expect(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    }
}

const FitOptions quiet{.verbose = Verbose::silent};

} // namespace

TEST_CASE("bad input: shapes, labels, ids, NaN; the fingerprint stays") {
    Sequential model{Dense(4, relu), Dense(3, softmax)};
    const auto x = values(1, 2, Shape{20, 5});
    const auto y = integers(2, 3, Shape{20});
    model.compile({.optimizer = Adam(0.1), .loss = SparseCategoricalCrossentropy(), .metrics = {Accuracy()}});
    model.fit(x, y, quiet);
    const std::string before = model.fingerprint();
    const auto all = [&](const Columns& cx, const Columns& cy, std::initializer_list<const char*> parts) {
        expect(message([&] { model.fit(cx, cy, quiet); }), parts);
        expect(message([&] { model.evaluate(cx, cy); }), parts);
        expect(message([&] { model.train_on_batch(cx, cy); }), parts);
        CHECK(model.fingerprint() == before);
    };
    all(values(1, 2, Shape{20, 4}), y, {"input #1: expects [batch, 5], got [20, 4]"});
    all(values(1, 2, Shape{20, 5, 1}), y, {"input #1: expects [batch, 5], got [20, 5, 1]"});
    all(values(1, 2, Shape{20}), y, {"input #1: expects [batch, 5], got [20]"});
    all({x, x}, y, {"expects 1 input column(s), got 2"});
    all(x, integers(2, 3, Shape{19}), {"expects 20 rows, got 19"});
    all(x, integers(2, 3, Shape{20, 2}),
        {": sparse_categorical_crossentropy: target of output \"dense_1\": expects [batch], got [20, 2]"});
    all(x, Columns({y, y}), {"expects 1 target column(s), got 2"});
    all(x, {}, {"expects 1 target column(s), got 0"});
    all(Tensor<float>(Shape{0, 5}), Tensor<std::int32_t>(Shape{0}), {"expects at least one row, got an empty set"});
    for (const std::int32_t bad : {3, -1}) {
        auto labels = y;
        labels[7] = bad;
        all(x, labels,
            {": sparse_categorical_crossentropy: target of output \"dense_1\": expects labels from 0 to 2, got ",
             bad == 3 ? "3" : "-1", " in row 7"});
    }
    Tensor<float> fractions(Shape{20}, 1.0f);
    fractions[3] = 0.5f;
    all(x, fractions, {"expects whole numbers, got 0.5 in row 3"});
    expect(message([&] { model.predict(values(1, 2, Shape{20, 4})); }),
           {"predict: input #1: expects [batch, 5], got [20, 4]"});
    expect(message([&] { model.predict(Tensor<float>(Shape{0, 5})); }), {"expects at least one row, got an empty set"});
    expect(message([&] { model.predict({}); }), {"expects data, got none"});

    auto holes = x;
    holes(4, 2) = std::nanf("");
    const auto nan = {"input #1: expects finite numbers, got NaN in row 4, element 2"};
    expect(message([&] { model.fit(holes, y, quiet); }), nan);
    expect(message([&] { model.evaluate(holes, y); }), nan);
    expect(message([&] { model.predict(holes); }), nan);
    auto weights = Tensor<float>(Shape{20}, 1.0f);
    weights[6] = std::nanf("");
    expect(message([&] { model.fit(x, y, {.verbose = Verbose::silent, .sample_weight = weights}); }),
           {"sample_weight", "NaN in row 6"});
    CHECK(model.fingerprint() == before);
    const auto p = model.predict(holes, {.allow_nan = true});
    for (Index i = 0; i < 20; ++i) CHECK(std::isnan(p(i, 0)) == (i == 4));
    CHECK(model.fingerprint() == before);
    model.fit(holes, y, {.verbose = Verbose::silent, .allow_nan = true});
    CHECK(std::isnan(model.parameter("dense_1.bias")[0]));
}

TEST_CASE("bad input: ids beyond the vocabulary") {
    Sequential model{Embedding({.input_dim = 10, .output_dim = 4}), LSTM(3), Dense(1, sigmoid)};
    auto x = integers(1, 10, Shape{6, 5});
    const auto y = integers(2, 2, Shape{6});
    model.compile({.optimizer = Adam(0.1), .loss = BinaryCrossentropy()});
    model.fit(x, y, quiet);
    const std::string before = model.fingerprint();
    x(2, 3) = 10;
    const auto parts = {"input #1: expects ids from 0 to 9, got 10 in row 2, element 3; embedding has input_dim 10"};
    expect(message([&] { model.fit(x, y, quiet); }), parts);
    expect(message([&] { model.evaluate(x, y); }), parts);
    expect(message([&] { model.predict(x); }), parts);
    expect(message([&] { model.forward(x); }), parts);
    expect(message([&] { model.train_on_batch(x, y); }), parts);
    Predictor<float> predictor(model, {.batch = 6});
    expect(message([&] { predictor.run(x); }),
           {"predictor: input #1: expects ids from 0 to 9, got 10 in row 2, element 3; embedding has input_dim 10"});
    x(2, 3) = -1;
    expect(message([&] { model.fit(x, y, quiet); }), {"expects ids from 0 to 9, got -1"});
    CHECK(model.fingerprint() == before);

    // Rows that a data set makes are looked at batch by batch.
    struct Wild : Dataset {
        DatasetSpec s;
        Wild() { s.inputs = {{Shape{5}, Dtype::i32}}, s.targets = {{Shape{}, Dtype::i32}}; }
        Index size() const override { return 4; }
        const DatasetSpec& spec() const override { return s; }
        void read(std::span<const Index>, Batch& out) const override {
            const auto ids = out.inputs[0].as<std::int32_t>();
            std::fill(ids.begin(), ids.end(), 11);
        }
    } wild;
    expect(message([&] { model.fit(wild, quiet); }), {"expects ids from 0 to 9, got 11"});
    CHECK(model.fingerprint() == before);
    // Also after a callback has evaluated rows that were looked at before.
    x(2, 3) = 3;
    FitOptions evaluates = quiet;
    evaluates.callbacks = {LambdaCallback({.on_train_begin = [&](ModelBase&) { model.evaluate(x, y); }})};
    expect(message([&] { model.fit(wild, evaluates); }), {"expects ids from 0 to 9, got 11"});
    CHECK(model.fingerprint() == before);
}

TEST_CASE("bad input: options and order of calls") {
    Sequential model{Dense(1, sigmoid)};
    const auto x = values(1, 2, Shape{8, 3});
    const auto y = integers(2, 2, Shape{8});
    expect(message([&] { model.fit(x, y, quiet); }), {"fit expects compile first"});
    expect(message([&] { model.evaluate(x, y); }), {"evaluate expects compile first"});
    expect(message([&] { model.train_on_batch(x, y); }), {"train_on_batch expects compile first"});
    expect(message([&] { model.predict(x); }), {"has no shapes yet"});
    expect(message([&] { model.summary(); }), {"has no shapes yet"});
    CHECK(!model.is_built());
    expect(message([&] { model.compile({.optimizer = {}, .loss = BinaryCrossentropy()}); }),
           {"expects an optimizer, got none"});
    model.build({dim::batch(), 3});
    const std::string before = model.fingerprint();
    expect(message([&] { model.step(); }), {"step expects compile first"});
    expect(message([&] { model.output(); }), {"expects forward first"});
    expect(message([&] { model.compile({.optimizer = Adam(), .loss = {BinaryCrossentropy(), BinaryCrossentropy()}}); }),
           {"compile: expects 1 loss(es), one for each output, got 2"});
    expect(message([&] { model.compile({.optimizer = Adam()}); }), {"expects 1 loss(es)", "got 0"});
    expect(message([&] { model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .loss_weights = {1, 2}}); }),
           {"loss_weights expects 1 values, got 2"});
    expect(message([&] { model.compile({.optimizer = Adam(), .loss = {{"dens", BinaryCrossentropy()}}}); }),
           {"loss of \"dens\" expects the name of an output (dense)"});
    expect(message([&] { model.fit(x, y, quiet); }), {"fit expects compile first"});
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    expect(message([&] { model.loss(y); }), {"loss expects forward first"});
    expect(message([&] { model.backward(); }), {"backward expects forward"});
    const auto fit = [&](const FitOptions& o) { return message([&] { model.fit(x, y, o); }); };
    expect(fit({.batch_size = 0}), {"fit: batch_size expects at least 1, got 0"});
    expect(fit({.epochs = -1}), {"fit: epochs expects at least 0, got -1"});
    expect(fit({.validation_split = 1}), {"validation_split expects a share from 0 to below 1"});
    expect(fit({.validation_split = -0.1}), {"validation_split expects"});
    expect(fit({.validation_data = {{values(1, 2, Shape{8, 4}), y}}}),
           {"fit: validation_data: input #1: expects [batch, 3], got [8, 4]"});
    expect(fit({.sample_weight = Tensor<float>(Shape{7}, 1.0f)}), {"sample_weight expects 8 rows, got 7"});
    expect(fit({.sample_weight = Tensor<float>(Shape{8, 2}, 1.0f)}),
           {"sample_weight: expects one weight for each of the losses"});
    expect(message([&] { model.evaluate(x, y, {.batch_size = 0}); }), {"evaluate: batch_size expects at least 1"});
    expect(message([&] { model.predict(x, {.batch_size = -2}); }), {"predict: batch_size expects at least 1, got -2"});
    expect(message([&] { model.parameter("dense.kernal"); }),
           {"expects one of dense.kernel, dense.bias, got \"dense.kernal\""});
    expect(message([&] { model.gradient("dense.kernal"); }), {"no dense gradient of \"dense.kernal\""});
    expect(message([&] { model.input_gradient(); }), {"expects want_input_gradients()"});
    model.forward(x);
    const Tensor<float> dy(Shape{8, 2});
    expect(message([&] { model.backward(dy.view()); }), {"expects a gradient of [8, 1], got [8, 2]"});
    expect(message([&] { model.backward(std::vector<View<const float>>()); }), {"expects 1 gradient(s), got 0"});
    expect(message([&] { model.set_learning_rate(-1); }), {"learning_rate expects a finite number of at least 0"});
    CHECK(model.fingerprint() == before);
    CHECK_THROWS_AS(Columns({x, x, x, x, x, x, x, x, x}), ValueError);
}

TEST_CASE("bad input: the first data do not fix a model's shape where they do not fit") {
    const Dense shared(4, relu);
    Sequential model{shared, Dense(3, softmax)};
    model.compile({.optimizer = Adam(0.1), .loss = SparseCategoricalCrossentropy()});
    const auto y = integers(2, 3, Shape{20});
    auto wrong = y;
    wrong[5] = 3;
    expect(message([&] { model.fit(values(1, 2, Shape{20, 7}), wrong, quiet); }),
           {"expects labels from 0 to 2, got 3 in row 5"});
    CHECK(!model.is_built());
    expect(message([&] { model.train_on_batch(values(1, 2, Shape{20, 6}), wrong); }),
           {"expects labels from 0 to 2, got 3 in row 5"});
    expect(message([&] { model.forward({values(1, 2, Shape{20, 6}), y}); }), {"expects one input column, got 2"});
    CHECK(!model.is_built());
    model.fit(values(1, 2, Shape{20, 5}), y, quiet);
    CHECK(model.parameter("dense.kernel").shape() == Shape{5, 4});
    CHECK(model.is_compiled());
}

TEST_CASE("bad input: errors name the place in a Sequential") {
    Sequential model{Dense(4), LSTM({.units = 3}), Dense(1)};
    expect(message([&] { model.build({dim::batch(), 5}); }),
           {"lstm #2: expects [batch, time, features], got [batch, 4]; its input is dense #1"});
    Sequential named{Dense(4).named("first"), Dense(2).named("second"), LSTM({.units = 3})};
    expect(message([&] { named.build({dim::batch(), 5}); }), {"lstm #3: expects", "its input is dense #2 \"second\""});
    Sequential units{Dense(0)};
    expect(message([&] { units.build({dim::batch(), 5}); }), {"dense #1: units expects at least 1, got 0"});
    Sequential ids{Embedding({.input_dim = 5, .output_dim = 2, .mask_zero = true})};
    expect(message([&] { ids.build({dim::batch()}); }),
           {"embedding #1: expects int32 ids", "its input is the model's input"});
    Sequential empty{Dense(1)};
    empty.build({dim::batch(), 2});
    expect(message([&] { empty.add(Dense(1)); }), {"add expects a model whose shapes are not known yet"});
    expect(message([&] { empty.build({dim::batch(), 2}); }), {"build expects a model whose shapes are not known yet"});
    expect(message([&] { Sequential<float>().build({dim::batch(), 2}); }), {"expects at least one layer"});
    expect(message([&] { Model<float>({}, {}); }), {"expects at least one output"});
    const Node a = input({dim::batch(), 2}), b = input({dim::batch(), 2});
    expect(message([&] { Model<float>({a}, {Dense(1)(b)}); }),
           {"depends on an input that is not among the model's inputs"});
    expect(message([&] { Model<double>({a}, {Dense(1)(a)}); }), {"expects layers of float64, got input of float32"});
}

TEST_CASE("bad input: what a metric refuses is found before training begins") {
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .metrics = {AUC()}});
    const auto x = values(1, 2, Shape{64, 3});
    Tensor<float> y(Shape{64});
    for (Index i = 0; i < 64; ++i) y[i] = static_cast<float>(i % 2);
    model.fit(x, y, quiet);
    const std::string before = model.fingerprint();
    const FitOptions small{.batch_size = 8, .verbose = Verbose::silent, .shuffle = false};
    y[60] = 0.5f;
    expect(message([&] { model.fit(x, y, small); }), {"auc: expects labels 0 or 1, got 0.5"});
    expect(message([&] { model.train_on_batch(x, y); }), {"auc: expects labels 0 or 1, got 0.5"});
    y[60] = 0;
    Tensor<float> weights(Shape{64}, 1.0f);
    weights[60] = -1;
    auto weighted = small;
    weighted.sample_weight = weights;
    expect(message([&] { model.fit(x, y, weighted); }), {"fit: sample_weight: expects weights of at least 0, got -1"});
    CHECK(model.fingerprint() == before);
    CHECK(model.updates() == 2);
    expect(message([&] { model.fit(x, y, {.epochs = 1, .verbose = Verbose::silent, .initial_epoch = -1}); }),
           {"initial_epoch expects at least 0"});
}

TEST_CASE("bad input: a metric that does not fit the output is found before a step changes statistics") {
    const auto check = [](const MetricHandle<float>& metric, const char* part) {
        Sequential model{Dense(4), BatchNormalization(), Dense(3, softmax)};
        model.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy(), .metrics = {metric}});
        const auto x = values(1, 2, Shape{20, 5});
        const auto y = integers(2, 3, Shape{20});
        model.build({dim::batch(), 5});
        const std::string before = model.fingerprint();
        bool began = false;
        const LambdaCallback notes({.on_train_begin = [&](ModelBase&) { began = true; }});
        expect(message([&] { model.fit(x, y, {.verbose = Verbose::silent, .callbacks = {notes}}); }), {part});
        expect(message([&] { model.train_on_batch(x, y); }), {part});
        CHECK(!began);
        CHECK(model.fingerprint() == before);
    };
    check(Precision({.class_id = 7}), "precision: ");
    check(RootMeanSquaredError(), "root_mean_squared_error: ");
    check(BinaryAccuracy(), "binary_accuracy: ");
    check(SparseTopKCategoricalAccuracy({.k = 0}), "top_k");
}

TEST_CASE("bad input: a metric of an output that has no loss") {
    const Node x = input({dim::batch(), 3});
    const Node y = Dense(2)(x);
    Model<float> model({x}, {y});
    model.add_loss(y);
    expect(message([&] { model.compile({.optimizer = SGD(0.1), .metrics = {Accuracy()}}); }),
           {"compile: metric \"accuracy\" expects a loss on output \"dense\", which gives it targets, got none"});
}

TEST_CASE("bad input: a compile that throws does not choose the initial values") {
    const auto made = [](bool fails) {
        const Node x = input({dim::batch(), 3});
        Model<float> model({x}, {Dense(2)(x)});
        CompileOptions<float> o{.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .seed = 1, .frozen = {"nobody"}};
        if (fails) CHECK_THROWS_AS(model.compile(o), ValueError);
        o.frozen.clear();
        o.seed = 2;
        model.compile(o);
        return model.fingerprint();
    };
    CHECK(made(true) == made(false));
}

TEST_CASE("bad input: empty nodes, and losses of other models' inputs") {
    const Node a = input({dim::batch(), 3}), b = input({dim::batch(), 3});
    expect(message([&] { Model<float>({a}, {Node{}}); }),
           {"expects inputs and outputs that are nodes, got an empty one"});
    expect(message([&] { Model<float>({Node{}}, {Dense(1)(a)}); }),
           {"expects inputs and outputs that are nodes, got an empty one"});
    Model<float> model({a}, {Dense(2)(a)});
    expect(message([&] { model.add_loss(Node{}); }), {"add_loss: expects a node, got an empty one"});
    model.add_loss(Dense(1)(b));
    expect(message([&] { model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy()}); }),
           {"an added loss depends on an input that is not among the model's inputs"});
}

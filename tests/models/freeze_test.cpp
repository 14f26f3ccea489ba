// freeze and unfreeze: what stays, what is kept, what is refused.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"

#include <gradus/gradus.hpp>

using namespace gradus;
using namespace hash_data;

namespace {

const FitOptions quiet{.batch_size = 8, .verbose = Verbose::silent};
const auto x = values(1, 2, Shape{24, 5});
const auto y = integers(2, 3, Shape{24});

Sequential<float> small_model() { return Sequential{Dense(4, relu), Dense(6, relu), Dense(3, softmax)}; }
template <class O> CompileOptions<float> options(const O& optimizer, std::vector<std::string> frozen = {}) {
    return {.optimizer = optimizer,
            .loss = SparseCategoricalCrossentropy(),
            .metrics = {Accuracy()},
            .seed = 3,
            .frozen = std::move(frozen)};
}

std::vector<float> value(const Model<float>& model, std::string_view name) {
    for (const auto& v : model.variables())
        if (v.name == name) {
            const auto view = v.view.as<const float>();
            return {view.begin(), view.end()};
        }
    FAIL("no variable " << name);
    return {};
}
} // namespace

TEST_CASE("freeze: at once, by layer or parameter; the same as from the start") {
    for (const bool early : {false, true}) {
        auto model = small_model(), twin = small_model();
        twin.compile(options(Adam(0.05), {"dense", "dense_2.bias"}));
        if (early) { // before shapes are known and before compile
            model.freeze("dense");
            model.freeze("dense_2.bias");
            model.compile(options(Adam(0.05)));
        } else {
            model.compile(options(Adam(0.05)));
            model.build({dim::batch(), 5});
            model.compile(options(Adam(0.05)));
            model.freeze("dense");
            model.freeze("dense_2.bias");
            CHECK(model.frozen() == std::vector<std::string>{"dense", "dense_2.bias"});
        }
        model.fit(x, y, quiet);
        twin.fit(x, y, quiet);
        CHECK(model.fingerprint() == twin.fingerprint());
        CHECK(model.summary() == twin.summary());
        CHECK(model.summary().find("48 trained parameters, 27 frozen") != std::string::npos);
        CHECK(value(model, "dense_2.bias") == std::vector<float>(3, 0.0f));
        CHECK(value(model, "dense_1.bias") != std::vector<float>(6, 0.0f));
        CHECK_THROWS_AS(model.gradient("dense.kernel"), ValueError);
    }
}

TEST_CASE("freeze: what stays trained keeps its moments") {
    // By hand: the layer that is frozen keeps its values; the others' trajectory is that of gradients without it.
    auto model = small_model(), moved = small_model();
    for (auto* m : {&model, &moved}) {
        m->compile(options(Momentum({.learning_rate = 0.1, .momentum = 0.9})));
        m->fit(x, y, quiet);
    }
    CHECK(model.fingerprint() == moved.fingerprint());
    // A rate of 0 for a moment: velocities alone move the parameters.
    const auto before = value(model, "dense_1.kernel");
    model.freeze("dense");
    model.unfreeze("dense");
    model.set_learning_rate(0);
    moved.set_learning_rate(0);
    model.train_on_batch(x, y);
    moved.train_on_batch(x, y);
    for (const char* kept : {"dense_1.kernel", "dense_1.bias", "dense_2.kernel", "dense_2.bias"})
        CHECK(value(model, kept) == value(moved, kept));
    CHECK(value(model, "dense_1.kernel") != before);
    CHECK(value(model, "dense.kernel") != value(moved, "dense.kernel")); // its moments started anew
    CHECK(model.updates() == moved.updates());
}

TEST_CASE("freeze: a callback may, in the middle of an epoch") {
    auto model = small_model();
    model.compile(options(Adam(0.05)));
    std::vector<float> frozen_at;
    model.fit(x, y,
              {.batch_size = 4,
               .epochs = 2,
               .verbose = Verbose::silent,
               .callbacks = {LambdaCallback({.on_batch_end = [&](ModelBase&, Index b, std::span<const Log>) {
                   if (b != 2 || !frozen_at.empty()) return;
                   model.freeze("dense_1");
                   frozen_at = value(model, "dense_1.kernel");
               }})}});
    CHECK(value(model, "dense_1.kernel") == frozen_at);
    CHECK(model.updates() == 12);
}

TEST_CASE("freeze: lasts over compile, which may freeze more; unfreeze ends both") {
    auto model = small_model();
    model.build({dim::batch(), 5});
    model.freeze("dense");
    model.compile(options(SGD(0.1), {"dense_1"}));
    const auto trained = [&] {
        std::string s;
        for (const char* name : {"dense", "dense_1", "dense_2"}) {
            const auto before = value(model, std::string(name) + ".kernel");
            model.train_on_batch(x, y);
            s += value(model, std::string(name) + ".kernel") == before ? '-' : '+';
        }
        return s;
    };
    CHECK(trained() == "--+");
    model.compile(options(SGD(0.1)));
    CHECK(trained() == "-++");
    model.unfreeze("dense.kernel");
    CHECK(model.frozen() == std::vector<std::string>{"dense.bias"});
    CHECK(trained() == "+++");
    model.compile(options(SGD(0.1), {"dense_1"}));
    model.unfreeze("dense_1.kernel");
    CHECK(trained() == "+++");
    CHECK(model.compile_options()->frozen == std::vector<std::string>{"dense_1.bias"});
}

TEST_CASE("freeze: scopes, and copies of a model") {
    const Node in = input<float>({dim::batch(), 5});
    Node h;
    {
        const Scope scope("body");
        h = Dense(4, relu).named("first")(in);
        h = Dense(4, relu).named("second")(h);
    }
    Model<float> model({in}, {Dense(3, softmax).named("head")(h)});
    model.freeze("body");
    model.compile(options(SGD(0.5)));
    CHECK(model.frozen() == std::vector<std::string>{"body"});
    model.unfreeze("body.second");
    CHECK(model.frozen() == std::vector<std::string>{"body.first"});
    auto copy = model.clone();
    copy.fit(x, y, quiet);
    model.fit(x, y, quiet);
    CHECK(copy.fingerprint() == model.fingerprint());
}

TEST_CASE("freeze: nothing left to train, unknown names; the model stays as it was") {
    auto model = small_model();
    model.compile(options(SGD(0.1)));
    model.fit(x, y, quiet);
    const std::string before = model.fingerprint();
    CHECK(message([&] {
              model.freeze("dens");
          }).find("freeze expects names of layers, scopes or parameters (dense.kernel") == 0);
    CHECK(message([&] { model.unfreeze("dense_3"); }).find("unfreeze expects names") == 0);
    CHECK(model.frozen().empty());
    model.freeze("dense");
    model.freeze("dense_1");
    model.forward(x);
    model.loss(y);
    model.backward();
    model.step();
    const std::string partly = model.fingerprint();
    CHECK(partly != before);
    model.freeze("dense_2");
    const char* nothing = " expects parameters to train, got a model whose parameters are all frozen";
    CHECK(message([&] { model.fit(x, y, quiet); }) == std::string("fit:") + nothing);
    CHECK(message([&] { model.train_on_batch(x, y); }) == std::string("train_on_batch:") + nothing);
    model.forward(x);
    model.loss(y);
    model.backward();
    CHECK(message([&] { model.step(); }) == std::string("step:") + nothing);
    CHECK(model.fingerprint() == partly);
    CHECK(model.evaluate(x, y).loss() > 0);
    model.unfreeze("dense_2.bias");
    model.fit(x, y, quiet);
    CHECK(model.fingerprint() != partly);

    auto late = small_model(); // a name that is wrong shows when shapes are known
    late.freeze("dens");
    late.compile(options(SGD(0.1)));
    CHECK(message([&] { late.fit(x, y, quiet); }).find("freeze expects names") == 0);
    CHECK_FALSE(late.is_built());
    late.unfreeze("dens");
    late.fit(x, y, quiet);

    Sequential fixed{Embedding({.input_dim = 4, .output_dim = 2, .trainable = false}), GlobalAveragePooling1D(),
                     Dense(1)};
    fixed.build({dim::batch(), dim::time()});
    fixed.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError()});
    CHECK(message([&] { fixed.unfreeze("embedding"); }) ==
          "unfreeze: expects parameters that their layer trains, got embedding.embeddings (trainable = false)");
    fixed.freeze("dense");
    CHECK(message([&] { fixed.fit(integers(1, 4, Shape{5, 2}), values(2, 1, Shape{5, 1}), quiet); }) ==
          std::string("fit:") + nothing);
}

TEST_CASE("freeze: a table that is not trainable keeps its bits while the other layers learn") {
    const auto ids = integers(1, 20, Shape{24, 6});
    const auto check = [&](const auto& optimizer) {
        const Embedding table({.input_dim = 20, .output_dim = 3, .mask_zero = true, .trainable = false});
        Sequential model{table, LSTM(4), Dense(3, softmax)};
        auto o = options(optimizer);
        o.ema = {.momentum = 0.5, .overwrite = true};
        model.compile(o);
        model.build({dim::batch(), dim::time()});
        const auto embeddings = value(model, "embedding.embeddings");
        CHECK(embeddings != std::vector<float>(60, 0.0f));
        const char* trained[] = {"lstm.kernel", "lstm.recurrent_kernel", "lstm.bias", "dense.kernel", "dense.bias"};
        std::vector<std::vector<float>> before;
        for (const char* name : trained) before.push_back(value(model, name));
        model.fit(ids, y, {.batch_size = 8, .epochs = 3, .verbose = Verbose::silent});
        model.train_on_batch(ids, y);
        CHECK(value(model, "embedding.embeddings") == embeddings);
        for (std::size_t i = 0; i < before.size(); ++i) CHECK(value(model, trained[i]) != before[i]);
    };
    check(Momentum({.learning_rate = 0.1, .momentum = 0.9}));
    check(Adam(0.05));
    check(AdamW({.learning_rate = 0.05, .weight_decay = 0.1}));
}

TEST_CASE("freeze: a frozen BatchNormalization uses its running statistics and keeps them") {
    Sequential model{Dense(4), BatchNormalization(), Dense(3, softmax)};
    model.compile(options(SGD(0.1)));
    model.fit(x, y, quiet);
    const auto mean = value(model, "batch_normalization.moving_mean");
    CHECK(mean != std::vector<float>(4, 0.0f));
    model.freeze("batch_normalization");
    const double expected = model.evaluate(x, y).loss();
    CHECK(std::abs(model.train_on_batch(x, y).loss() - expected) < 1e-6);
    model.fit(x, y, quiet);
    CHECK(value(model, "batch_normalization.moving_mean") == mean);
    model.unfreeze("batch_normalization");
    model.fit(x, y, quiet);
    CHECK(value(model, "batch_normalization.moving_mean") != mean);
}

TEST_CASE("freeze: averages of what stays trained are kept, others start from the value") {
    auto model = small_model();
    auto o = options(SGD(0.5));
    o.ema = {.momentum = 0.5, .overwrite = false};
    model.compile(o);
    model.fit(x, y, quiet);
    const auto averaged = [&](const char* name) {
        const AveragedScope scope(model);
        return value(model, name);
    };
    const auto before = averaged("dense_1.kernel");
    model.freeze("dense");
    CHECK(averaged("dense_1.kernel") == before);
    CHECK(averaged("dense.kernel") == value(model, "dense.kernel"));
    model.unfreeze("dense");
    CHECK(averaged("dense_1.kernel") == before);
    CHECK(averaged("dense.kernel") == value(model, "dense.kernel"));
}

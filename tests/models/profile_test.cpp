// profile: the numbers add up, the table says what was measured, and the model stays as it is.
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <sstream>

using namespace gradus;
using namespace hash_data;

namespace {

struct Data {
    Tensor<std::int32_t> x = padded(1, 30, 12, 9);
    Tensor<std::int32_t> y = integers(3, 2, Shape{12});
};

Sequential<float> text_model() {
    Sequential model{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}),
                     Bidirectional(LSTM({.units = 4, .dropout = 0.2, .recurrent_dropout = 0.1})),
                     Dropout(0.2),
                     Dense(3).named("head"),
                     Activation(relu),
                     Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(0.01),
                   .loss = BinaryCrossentropy(),
                   .metrics = {Accuracy(), AUC()},
                   .seed = 7,
                   .accumulate = 2,
                   .ema = {.momentum = 0.9, .overwrite = false}});
    return model;
}

std::vector<std::string> names(const Profile& p) {
    std::vector<std::string> list;
    for (const ProfileRow& r : p.layers) list.push_back(r.name + "/" + r.kind);
    return list;
}

} // namespace

TEST_CASE("profile: rows are the places, and they add up") {
    const Data d;
    auto model = text_model();
    model.train_on_batch(d.x, d.y);
    std::ostringstream out;
    const Profile p = profile(model, d.x, d.y, {.steps = 3, .warm_up = 1, .output = &out});
    CHECK(names(p) == std::vector<std::string>{"embedding/embedding", "bidirectional/bidirectional", "dropout/dropout",
                                               "head+activation/dense", "dense/dense"});
    CHECK(p.trained);
    CHECK_FALSE(p.zero_targets);
    CHECK(p.batch == 12);
    CHECK(p.steps == 3);
    CHECK(p.threads == threads());
    CHECK(p.peak_gflops > 0);
    double ms = p.input.ms + p.loss.ms + p.optimizer.ms, share = p.input.share + p.loss.share + p.optimizer.share;
    for (const ProfileRow& r : p.layers) {
        CHECK(r.forward_ms > 0);
        CHECK(r.backward_ms > 0);
        CHECK(std::abs(r.ms - r.forward_ms - r.backward_ms) <= 1e-12);
        ms += r.ms;
        share += r.share;
    }
    CHECK(std::abs(p.total.ms - ms) <= 1e-9 * ms);
    CHECK(std::abs(share - 1) <= 1e-9);
    CHECK(p.total.share == 1);
    CHECK(p.optimizer.ms > 0);
    CHECK(p.loss.backward_ms > 0);

    // Products: the ids have no gradient, what follows the embedding has.
    const double lstm = 2 * (2.0 * 12 * 9 * (5 + 4) * 16), head = 2.0 * 12 * 8 * 3, last = 2.0 * 12 * 3 * 1;
    const auto is = [](double found, double flop) { return std::abs(found - 1e-9 * flop) <= 1e-18; };
    CHECK(p.layers[0].gflop == 0);
    CHECK(is(p.layers[1].gflop, 3 * lstm));
    CHECK(p.layers[2].gflop == 0);
    CHECK(is(p.layers[3].gflop, 3 * head));
    CHECK(is(p.layers[4].gflop, 3 * last));
    CHECK(is(p.total.gflop, 3 * (lstm + head + last)));
    CHECK(std::abs(p.layers[1].gflops - 1000 * p.layers[1].gflop / p.layers[1].ms) <= 1e-9);
    CHECK(std::abs(p.layers[1].of_peak * p.peak_gflops - p.layers[1].gflops) <= 1e-9);

    const std::string text = out.str();
    CHECK(text == to_string(p));
    for (const char* part :
         {"Layer", "Forward", "Backward", "Share", "GFLOP/s", "Of peak", "embedding ", "head+activation (dense)",
          "read batch", "loss", "optimizer", "total", "100.0 %", "batch of 12, medians of 3 steps"})
        CHECK_THAT(text, ContainsSubstring(part));
    CHECK(text.find("not compiled") == std::string::npos);
    CHECK(text.find("zeros") == std::string::npos);
}

TEST_CASE("profile: the model goes on as if nothing had been") {
    const Data d;
    const auto run = [&](bool profiles) {
        auto model = text_model();
        Results last;
        for (int i = 0; i < 5; ++i) {
            // In the middle of a group of two batches, and after one.
            if (profiles && i > 0) (void)profile(model, d.x, d.y, {.steps = 2, .warm_up = 0, .print = false});
            if (profiles && i > 0) (void)profile(model, d.x, {.steps = 1, .print = false});
            last = model.train_on_batch(d.x, d.y);
        }
        std::ostringstream numbers;
        numbers.precision(17);
        for (const auto& r : {last, model.evaluate(d.x, d.y)})
            for (const auto& [name, value] : r) numbers << name << " " << value << "\n";
        std::string all = numbers.str() + model.fingerprint() + " " + std::to_string(model.updates());
        model.swap_averaged();
        return all + model.fingerprint();
    };
    CHECK(run(true) == run(false));
}

TEST_CASE("profile: stateful layers keep their states") {
    const auto x = values(1, 1, Shape{4, 3, 2});
    Sequential model{LSTM({.units = 4, .stateful = true}), Dense(1)};
    model.build({dim::batch(), 3, 2});
    model.initialize(3);
    auto twin = model.clone();
    (void)model.predict(x);
    (void)twin.predict(x);
    (void)profile(model, x, {.print = false});
    const auto a = model.predict(x), b = twin.predict(x);
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST_CASE("profile: not compiled, forward only; compiled without targets, zeros") {
    const auto x = values(1, 1, Shape{8, 6});
    Sequential model{Dense(4, relu), Dense(3, softmax)};
    model.build({dim::batch(), 6});
    const std::string before = model.fingerprint();
    std::ostringstream out;
    Profile p = profile(model, x, {.output = &out});
    CHECK_FALSE(p.trained);
    CHECK(p.layers.size() == 2);
    for (const ProfileRow& r : p.layers) CHECK(r.backward_ms == 0);
    CHECK(p.optimizer.ms == 0);
    CHECK(std::abs(p.total.gflop - 1e-9 * (2 * 8 * 6 * 4 + 2 * 8 * 4 * 3)) <= 1e-18);
    CHECK_THAT(out.str(), ContainsSubstring("not compiled: forward only"));
    CHECK(out.str().find("optimizer") == std::string::npos);

    model.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy()});
    out.str({});
    p = profile(model, x, {.output = &out});
    CHECK(p.zero_targets);
    CHECK(p.layers[1].backward_ms > 0);
    CHECK_THAT(out.str(), ContainsSubstring("no targets given: zeros"));
    CHECK(model.fingerprint() == before);
}

TEST_CASE("profile: texts, in double") {
    std::vector<std::string> texts{"a b c", "b c", "c a", "a"};
    const std::vector<std::int32_t> labels{1, 0, 0, 1};
    TextVectorization words({.max_tokens = 10});
    words.adapt(texts);
    Sequential<double> model{words, Embedding<double>({.input_dim = 10, .output_dim = 4}),
                             GlobalAveragePooling1D<double>(), Dense<double>(1, sigmoid)};
    model.compile({.optimizer = SGD<double>(0.1), .loss = BinaryCrossentropy<double>()});
    model.train_on_batch(texts, labels);
    const Profile p = profile(model, texts, labels, {.print = false});
    CHECK(p.batch == 4);
    CHECK(p.input.ms > 0);
    CHECK(p.layers.size() == 3);
}

TEST_CASE("profile: errors") {
    const Data d;
    auto model = text_model();
    CHECK_THROWS_WITH(profile(model, d.x), ContainsSubstring("has no shapes yet"));
    model.train_on_batch(d.x, d.y);
    CHECK_THROWS_AS(profile(model, d.x, d.y, {.steps = 0}), ValueError);
    CHECK_THROWS_AS(profile(model, d.x, d.y, {.warm_up = -1}), ValueError);
    auto bad = d.x;
    bad[3] = 30;
    CHECK_THROWS_AS(profile(model, bad, d.y), ValueError);
    CHECK_THROWS_AS(profile(model, d.x, integers(3, 2, Shape{11})), ShapeError);
    CHECK_THROWS_AS(profile(model, Columns()), ShapeError);
    Sequential plain{Embedding({.input_dim = 30, .output_dim = 5}), GlobalAveragePooling1D(), Dense(1)};
    plain.build({dim::batch(), 9});
    CHECK_THROWS_AS(profile(plain, bad), ValueError);
}

// What the other tests of the contract build, saved, loaded and trained on: as if the run had not stopped.
#include "../io/temporary_folder.hpp"
#include "support.hpp"

#include <gradus/io.hpp>

using namespace contract;

namespace {

const LoadOptions<float> kinds{
    .layers = {layer<Scale>(), layer<RunningMean>(), layer<TiedProjection>(), layer<SumOfSquares>()}};

// Trains, saves, trains on; the loaded model trained on must end with the same bits, losses included.
void check_resume(Model<float>& model, const Columns& x, const Columns& y) {
    for (int i = 0; i < 3; ++i) model.train_on_batch(x, y);
    const TemporaryFolder folder;
    save(model, folder / "m.safetensors");
    Model<float> loaded = load(folder / "m.safetensors", kinds);
    CHECK(loaded.fingerprint() == model.fingerprint());
    CHECK(loaded.updates() == 3);
    for (int i = 0; i < 3; ++i) {
        const double a = model.train_on_batch(x, y).loss(), b = loaded.train_on_batch(x, y).loss();
        CHECK(a == b);
    }
    CHECK(loaded.fingerprint() == model.fingerprint());
}

} // namespace

TEST_CASE("files: frozen layers, statistics and added losses with layers of their own resume") {
    const Node x = input({dim::batch(), 3});
    const Node body = Dense(4, activation::tanh).named("body")(x);
    const Node fixed = RunningMean<float>().named("fixed")(body);
    fixed.place()->training = false;
    const Node mean = RunningMean<float>()(fixed);
    const Node y = Dense(1, sigmoid)(Dropout(0.2)(mean));
    Model<float> model({x}, {y});
    model.add_loss(SumOfSquares<float>()(Scale<float>()(Dense(2).named("auxiliary")(mean))), 0.05);
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy(), .seed = 6, .frozen = {"dense.bias", "body"}});
    check_resume(model, numbers(Shape{9, 3}, 1), integers(Shape{9}, 2, 2));
}

TEST_CASE("files: tied weights are held once") {
    const Embedding<float> embedding({.input_dim = 7, .output_dim = 3});
    const Node ids = input({dim::batch(), dim::time()}, Dtype::i32);
    const Node logits =
        TiedProjection<float>(embedding, 7)(LSTM({.units = 3, .return_sequences = true})(embedding(ids)));
    Model<float> model({ids}, {logits});
    model.compile({.optimizer = Adam(0.05), .loss = SparseCategoricalCrossentropy({.from_logits = true})});
    check_resume(model, integers(Shape{2, 4}, 1, 7), integers(Shape{2, 4}, 2, 7));
}

TEST_CASE("files: one layer at two places, two inputs, two outputs, scopes") {
    const Node a = input({dim::batch(), 3}), b = input({dim::batch(), dim::time(), 3});
    const Dense shared(2, relu);
    const Scope scope("tower");
    const Node p = Dense(1, sigmoid)(shared(a)), q = Dense(3, softmax)(LSTM(4)(shared(b)));
    Model<float> model({a, b}, {p, q});
    model.compile({.optimizer = SGD({.learning_rate = 0.1}),
                   .loss = {BinaryCrossentropy(), SparseCategoricalCrossentropy()},
                   .loss_weights = {1, 0.5}});
    const auto xa = numbers(Shape{6, 3}, 1), xb = numbers(Shape{6, 4, 3}, 2);
    const auto ya = integers(Shape{6}, 3, 2), yb = integers(Shape{6}, 4, 3);
    check_resume(model, {xa, xb}, {ya, yb});
}

// compile, fit, evaluate, predict, train_on_batch: what they mean.
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace hash_data;

namespace {

struct Data {
    Tensor<std::int32_t> x = padded(1, 30, 50, 9);
    Tensor<std::int32_t> y = integers(3, 2, Shape{50});
};

Sequential<float> text_model() {
    return Sequential{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}),
                      Bidirectional(LSTM({.units = 4, .dropout = 0.2, .recurrent_dropout = 0.1})), Dropout(0.2),
                      Dense(1, sigmoid)};
}
CompileOptions<float> text_options(std::uint64_t seed = 7) {
    return {.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .metrics = {Accuracy(), AUC()}, .seed = seed};
}

template <class U> Tensor<U> pick(const Tensor<U>& from, std::span<const Index> rows) {
    Shape s = from.shape();
    s[0] = static_cast<Index>(rows.size());
    Tensor<U> t(s);
    gather_rows(AnyView(t.view()), AnyView(from.view()), rows);
    return t;
}

// What fit does, in public calls.
std::string manual_loop(const Data& d, Index batch, Index epochs) {
    auto model = text_model();
    model.compile(text_options());
    std::vector<Index> order(static_cast<std::size_t>(d.x.shape()[0]));
    for (Index epoch = 0; epoch < epochs; ++epoch) {
        permutation(std::span<Index>(order),
                    Random(7, 0, Purpose::shuffle, static_cast<std::uint32_t>(model.updates())));
        for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(batch)) {
            const auto rows = std::span<const Index>(order).subspan(
                first, std::min(static_cast<std::size_t>(batch), order.size() - first));
            model.forward(pick(d.x, rows));
            model.loss(pick(d.y, rows));
            model.backward();
            model.step();
        }
    }
    return model.fingerprint();
}

struct Recorder : Callback {
    std::string_view kind() const override { return "recorder"; }
    void on_train_begin(ModelBase&) override { text += "["; }
    void on_train_end(ModelBase&) override { text += "]"; }
    void on_epoch_begin(ModelBase&, Index epoch) override { text += "(" + std::to_string(epoch); }
    void on_epoch_end(ModelBase& model, Index epoch, std::span<const Log> logs) override {
        text += ")";
        epochs.emplace_back(logs.begin(), logs.end());
        if (epoch == stop_after) model.stop_training();
    }
    void on_batch_end(ModelBase&, Index batch, std::span<const Log> logs) override {
        text += " " + std::to_string(batch);
        batch_names = static_cast<Index>(logs.size());
    }
    std::string text;
    std::vector<std::vector<Log>> epochs;
    Index batch_names = 0, stop_after = -1;
};

} // namespace

TEST_CASE("fit: is a loop over the public calls, bit for bit") {
    const Data d;
    auto model = text_model();
    model.compile(text_options());
    model.fit(d.x, d.y, {.batch_size = 16, .epochs = 3, .verbose = Verbose::silent});
    CHECK(model.fingerprint() == manual_loop(d, 16, 3));
    CHECK(model.updates() == 12);
    auto batches = text_model();
    batches.compile(text_options());
    auto ordered = text_model();
    ordered.compile(text_options());
    ordered.fit(d.x, d.y, {.batch_size = 16, .epochs = 1, .verbose = Verbose::silent, .shuffle = false});
    for (Index first = 0; first < 50; first += 16)
        batches.train_on_batch(d.x.rows(first, std::min<Index>(50, first + 16)),
                               d.y.rows(first, std::min<Index>(50, first + 16)));
    CHECK(ordered.fingerprint() == batches.fingerprint());
    CHECK(ordered.fingerprint() != model.fingerprint());
}

TEST_CASE("fit: another seed is another run, epochs in two calls continue") {
    const Data d;
    const auto run = [&](std::uint64_t seed) {
        auto model = text_model();
        model.compile(text_options(seed));
        model.fit(d.x, d.y, {.batch_size = 16, .epochs = 2, .verbose = Verbose::silent});
        return model.fingerprint();
    };
    CHECK(run(7) == run(7));
    CHECK(run(7) != run(8));
    auto model = text_model();
    model.compile(text_options());
    model.fit(d.x, d.y, {.batch_size = 16, .epochs = 1, .verbose = Verbose::silent});
    model.fit(d.x, d.y, {.batch_size = 16, .epochs = 2, .verbose = Verbose::silent, .initial_epoch = 1});
    CHECK(model.fingerprint() == run(7));
    auto again = text_model();
    again.compile(text_options());
    for (int i = 0; i < 2; ++i) again.fit(d.x, d.y, {.batch_size = 16, .epochs = 1, .verbose = Verbose::silent});
    CHECK(again.fingerprint() == run(7));
}

TEST_CASE("fit: History and logs") {
    const Data d;
    auto model = text_model();
    model.compile(text_options());
    auto recorder = std::make_shared<Recorder>();
    const History h = model.fit(
        d.x, d.y,
        {.batch_size = 20, .epochs = 3, .verbose = Verbose::silent, .callbacks = {recorder}, .validation_split = 0.2});
    CHECK(h.epochs() == 3);
    std::string names;
    for (const auto& [name, values] : h.columns()) names += name + " ";
    CHECK(names == "loss accuracy auc val_loss val_accuracy val_auc ");
    CHECK(recorder->text == "[(0 0 1)(1 0 1)(2 0 1)]");
    CHECK(recorder->batch_names == 3);
    CHECK(recorder->epochs.size() == 3);
    for (std::size_t i = 0; i < 6; ++i) CHECK(recorder->epochs[2][i].value == h.columns()[i].second[2]);
    CHECK_THROWS_AS(h["val_acc"], ValueError);
    auto stopping = std::make_shared<Recorder>();
    stopping->stop_after = 1;
    CHECK(model.fit(d.x, d.y, {.epochs = 9, .verbose = Verbose::silent, .callbacks = {stopping}}).epochs() == 2);
    CHECK(stopping->text == "[(0 0 1)(1 0 1)]");
}

TEST_CASE("fit: validation_split holds the last rows out, before shuffling") {
    const Data d;
    auto split = text_model(), given = text_model();
    split.compile(text_options());
    given.compile(text_options());
    const auto xt = d.x.rows(0, 40), xv = d.x.rows(40, 50), yt = d.y.rows(0, 40), yv = d.y.rows(40, 50);
    const History a =
        split.fit(d.x, d.y, {.batch_size = 8, .epochs = 2, .verbose = Verbose::silent, .validation_split = 0.2});
    const History b =
        given.fit(xt, yt, {.batch_size = 8, .epochs = 2, .verbose = Verbose::silent, .validation_data = {{xv, yv}}});
    CHECK(split.fingerprint() == given.fingerprint());
    for (const auto& [name, values] : a.columns()) CHECK(values == b[name]);
    const Results r = split.evaluate(xv, yv, {.batch_size = 8});
    CHECK(r.loss() == a["val_loss"].back());
    CHECK(r["auc"] == a["val_auc"].back());
    // Rows that train are rounded down, as in Keras; a side without rows is an error.
    auto uneven = text_model();
    uneven.compile(text_options());
    const History c =
        uneven.fit(d.x.rows(0, 11), d.y.rows(0, 11), {.verbose = Verbose::silent, .validation_split = 0.25});
    CHECK(uneven.evaluate(d.x.rows(8, 11), d.y.rows(8, 11)).loss() == c["val_loss"].back());
    CHECK_THROWS_AS(uneven.fit(d.x.rows(0, 3), d.y.rows(0, 3), {.verbose = Verbose::silent, .validation_split = 0.9}),
                    ValueError);
    // Validation neither trains nor draws random numbers.
    auto without = text_model();
    without.compile(text_options());
    without.fit(xt, yt, {.batch_size = 8, .epochs = 2, .verbose = Verbose::silent});
    CHECK(without.fingerprint() == split.fingerprint());
}

TEST_CASE("evaluate: metrics are exact whatever the batch size") {
    const Data d;
    auto model = text_model();
    model.compile(text_options());
    model.fit(d.x, d.y, {.epochs = 2, .verbose = Verbose::silent});
    const Results whole = model.evaluate(d.x, d.y, {.batch_size = 50});
    const auto p = model.predict(d.x);
    double correct = 0, loss = 0;
    for (Index i = 0; i < 50; ++i) {
        correct += (p[i] > 0.5f) == (d.y[i] == 1);
        loss -= std::log(d.y[i] ? static_cast<double>(p[i]) : 1 - static_cast<double>(p[i]));
    }
    CHECK(whole["accuracy"] == correct / 50);
    CHECK(std::abs(whole.loss() - loss / 50) < 1e-6);
    for (const Index batch : {1, 7, 32}) {
        const Results r = model.evaluate(d.x, d.y, {.batch_size = batch});
        CHECK(r["accuracy"] == whole["accuracy"]);
        CHECK(r["auc"] == whole["auc"]);
        CHECK(std::abs(r.loss() - whole.loss()) < 1e-6);
        const auto q = model.predict(d.x, {.batch_size = batch});
        for (Index i = 0; i < 50; ++i) CHECK(std::abs(q[i] - p[i]) <= (GRADUS_EIGEN_KERNELS ? 1e-6f : 0.0f));
    }
    CHECK_THROWS_AS(whole["val_loss"], ValueError);
}

TEST_CASE("evaluate: metrics per step leave masked steps out") {
    Sequential model{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}),
                     LSTM({.units = 4, .return_sequences = true}), Dense(3, softmax)};
    model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .metrics = {Accuracy()}});
    const auto x = padded(1, 30, 20, 9);
    const auto y = integers(3, 3, Shape{20, 9});
    const Results r = model.evaluate(x, y, {.batch_size = 6});
    const auto p = model.predict(x);
    double n = 0, correct = 0, loss = 0;
    for (Index i = 0; i < 180; ++i) {
        if (x[i] == 0) continue;
        const float* row = p.data() + 3 * i;
        n += 1;
        correct += std::max_element(row, row + 3) - row == y[i];
        loss -= std::log(static_cast<double>(row[y[i]]));
    }
    CHECK(r["accuracy"] == correct / n);
    CHECK(std::abs(r.loss() - loss / n) < 1e-6);
}

TEST_CASE("fit: sample weights multiply losses, not the normaliser") {
    const auto x = values(1, 2, Shape{12, 3});
    const auto y = integers(2, 2, Shape{12});
    Tensor<float> w(Shape{12}, 1.0f), none(Shape{12}, 1.0f);
    for (Index i = 6; i < 12; ++i) w[i] = 0;
    const auto train = [&](const Columns& cx, const Columns& cy, const Columns& weights, double rate) {
        Sequential model{Dense(4, activation::tanh), Dense(1, sigmoid)};
        model.compile({.optimizer = SGD(rate), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}, .seed = 2});
        const History h =
            model.fit(cx, cy, {.batch_size = 12, .epochs = 3, .verbose = Verbose::silent, .sample_weight = weights});
        return std::pair(model.fingerprint(), h);
    };
    CHECK(train(x, y, none, 0.1).first == train(x, y, {}, 0.1).first);
    // Half of the rows weigh nothing: half the mean loss, and half the gradient.
    const auto half = train(x, y, w, 0.1).second;
    const auto alone = train(x.rows(0, 6), y.rows(0, 6), {}, 0.05).second;
    for (std::size_t e = 0; e < 3; ++e) {
        CHECK(std::abs(2 * half["loss"][e] - alone["loss"][e]) < 1e-6);
        CHECK(half["accuracy"][e] == alone["accuracy"][e]);
    }
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .seed = 2});
    const double weighted = model.evaluate(x, y, {.sample_weight = w}).loss();
    CHECK(std::abs(weighted - model.evaluate(x.rows(0, 6), y.rows(0, 6)).loss() / 2) < 1e-6);
}

TEST_CASE("train_on_batch: reports the batch before the update") {
    const Data d;
    auto model = text_model();
    model.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}, .seed = 1});
    const Results a = model.train_on_batch(d.x, d.y), b = model.train_on_batch(d.x, d.y);
    CHECK(a.loss() != b.loss()); // dropout draws anew with each update
    CHECK(a["accuracy"] > 0);
    Sequential plain{Dense(1, sigmoid)};
    plain.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
    const auto x = values(1, 2, Shape{12, 3});
    const auto y = integers(2, 2, Shape{12});
    const double before = plain.evaluate(x, y).loss();
    CHECK(std::abs(plain.train_on_batch(x, y).loss() - before) < 1e-6);
    CHECK(plain.evaluate(x, y).loss() < before);
}

TEST_CASE("model: learning rate, recompiling, and a set of rows of one's own") {
    Sequential model{Dense(1, sigmoid)};
    const auto x = values(1, 2, Shape{12, 3});
    const auto y = integers(2, 2, Shape{12});
    model.compile({.optimizer = Adam(0.3), .loss = BinaryCrossentropy()});
    CHECK(model.learning_rate() == 0.3);
    model.set_learning_rate(0.1);
    model.fit(x, y, {.verbose = Verbose::silent});
    CHECK(model.learning_rate() == 0.1);
    model.set_learning_rate(0);
    const std::string before = model.fingerprint();
    model.fit(x, y, {.verbose = Verbose::silent});
    CHECK(model.fingerprint() == before);
    CHECK(model.updates() == 2);
    model.compile({.optimizer = SGD(0.5), .loss = BinaryCrossentropy()});
    CHECK(model.fingerprint() == before);
    CHECK(model.updates() == 0);

    struct Rows : Dataset {
        DatasetSpec s;
        Rows() { s.inputs = {{Shape{3}, Dtype::f32}}, s.targets = {{Shape{}, Dtype::i32}}; }
        Index size() const override { return 10; }
        const DatasetSpec& spec() const override { return s; }
        void read(std::span<const Index> rows, Batch& out) const override {
            const auto in = out.inputs[0].as<float>();
            const auto t = out.targets[0].as<float>();
            for (std::size_t i = 0; i < rows.size(); ++i) {
                for (Index c = 0; c < 3; ++c)
                    in[static_cast<Index>(i) * 3 + c] = static_cast<float>(rows[i]) / 10 + static_cast<float>(c);
                t[static_cast<Index>(i)] = rows[i] > 4 ? 1 : 0;
            }
        }
    } rows;
    Sequential other{Dense(1, sigmoid)};
    other.compile({.optimizer = Adam(0.3), .loss = BinaryCrossentropy()});
    const History h = other.fit(rows, {.batch_size = 4, .epochs = 60, .verbose = Verbose::silent}, &rows);
    CHECK(h["loss"].back() < 0.5 * h["loss"].front());
    CHECK(h.contains("val_loss"));
}

TEST_CASE("model: summary and counts") {
    auto model = text_model();
    model.build({dim::batch(), dim::time()});
    const std::string s = model.summary();
    for (const char* part :
         {"embedding", "bidirectional", "dropout", "dense", "[batch, time, 5]", "[batch, 8]", "trained parameters"})
        CHECK(s.find(part) != std::string::npos);
    CHECK(model.count_parameters() == 30 * 5 + 2 * (5 * 16 + 4 * 16 + 16) + 9);
    CHECK(s.find("479 trained parameters") != std::string::npos);
    Sequential frozen{Embedding({.input_dim = 4, .output_dim = 2, .trainable = false}), GlobalAveragePooling1D(),
                      Dense(1)};
    frozen.build({dim::batch(), dim::time()});
    CHECK(frozen.summary().find("3 trained parameters, 8 frozen") != std::string::npos);
}

TEST_CASE("clone: a model that was compiled before its shapes were known can train") {
    Sequential model{Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy()});
    model.build({dim::batch(), 3});
    auto copy = model.clone();
    const auto x = values(1, 1, Shape{20, 3});
    const auto y = integers(2, 2, Shape{20});
    copy.fit(x, y, {.verbose = Verbose::silent});
    model.fit(x, y, {.verbose = Verbose::silent});
    CHECK(copy.fingerprint() == model.fingerprint());
    model.set_learning_rate(0.02);
    CHECK(model.clone().learning_rate() == 0.02);
}

namespace {
template <class T = float> class Position : public Layer<Position, T> {
public:
    std::string_view kind() const override { return "position"; }
    void build(Build& b) override { b.out_as<std::int32_t>(0, {b.in(0).shape[0]}); }
    void forward(Run<T>& r) const override {
        for (Index i = 0; i < r.x(0).shape()[0]; ++i)
            r.template y_as<std::int32_t>(0)[i] = static_cast<std::int32_t>(i);
    }
    void backward(Run<T>&) const override {}
};
} // namespace

TEST_CASE("predict: outputs of another element type are converted") {
    const Node x = input<double>({dim::batch(), 3});
    const Model<double> model({x}, {Position<double>()(x)});
    const auto y = model.predict(Tensor<double>({5, 3}), {.batch_size = 2});
    CHECK(std::vector<double>(y.begin(), y.end()) == std::vector<double>{0, 1, 0, 1, 0});
    Predictor<double> p(model, {.batch = 5});
    p.run(Tensor<double>({5, 3}));
    CHECK_THROWS_AS(p.output(), ValueError);
}

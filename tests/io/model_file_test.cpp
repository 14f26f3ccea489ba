#include "../catch.hpp"
#include "swish.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include <cmath>
#include <cstring>
#include <functional>

using namespace gradus;

namespace {

/// A layer that holds code, as an Elementwise would.
template <class T = float> class Code : public Swish<T> {
public:
    std::string_view kind() const override { return "code"; }
    void fields(Fields&) override { throw_value_error("code: holds a function, which has no form in a file"); }
    std::unique_ptr<LayerBase> copy() const override { return std::make_unique<Code>(*this); }
    using scalar = T;
};

/// Parameters and state: y = x * scale, counting its training passes.
template <class T = float> class Counting : public Layer<Counting, T> {
public:
    std::string_view kind() const override { return "counting"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        scale_ = b.param("scale", {1}, initializers::constant(0.5));
        count_ = b.state<std::int32_t>("count", {1}, 0);
    }
    void forward(Run<T>& r) const override {
        const T s = r[scale_][0];
        for (Index i = 0; i < r.x(0).size(); ++i) r.y(0)[i] = s * r.x(0)[i];
        if (r.training()) ++r[count_][0];
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0), g = r.grad(scale_);
        const auto dy = r.dy(0), x = r.x(0);
        for (Index i = 0; i < x.size(); ++i) {
            if (!dx.empty()) dx[i] = dy.empty() ? T(0) : r[scale_][0] * dy[i];
            if (!g.empty() && !dy.empty()) g[0] += x[i] * dy[i];
        }
    }

private:
    Param scale_;
    State<std::int32_t> count_;
};

/// Logits against another layer's kernel: y = x E^T, tied by reference.
template <class T = float> class Tied : public Layer<Tied, T> {
public:
    Tied() = default;
    explicit Tied(const LayerHandle<T>& owner) : owner_(owner) {}
    std::string_view kind() const override { return "tied"; }
    void fields(Fields& f) override {
        LayerSlot<T> slot(owner_);
        f.reference("owner", slot);
    }
    void build(Build& b) override {
        SymbolicShape s = b.in(0).shape;
        s.back() = 6;
        b.out(0, s);
        table_ = b.alias(*owner_, "embeddings", true);
    }
    void forward(Run<T>& r) const override {
        const auto e = r[table_];
        const Index v = e.shape()[0], d = e.shape()[1], n = r.x(0).size() / d;
        for (Index i = 0; i < n; ++i)
            for (Index k = 0; k < v; ++k) {
                T sum = 0;
                for (Index j = 0; j < d; ++j) sum += r.x(0)[i * d + j] * e[k * d + j];
                r.y(0)[i * v + k] = sum;
            }
    }
    void backward(Run<T>&) const override {}

private:
    LayerHandle<T> owner_;
    Param table_;
};

Tensor<float> numbers(const Shape& shape, std::uint64_t seed) {
    Tensor<float> t(shape);
    initializers::random_uniform(-1, 1)(t.view(), Random(seed, 0, Purpose::initial));
    return t;
}
Tensor<std::int32_t> ids(const Shape& shape, Index below) {
    Tensor<std::int32_t> t(shape);
    const Random random(5, 0, Purpose::sample);
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<std::int32_t>(random.below(0, i, below));
    return t;
}
Tensor<float> zero_one(Index n) {
    Tensor<float> t(Shape{n, 1});
    for (Index i = 0; i < n; ++i) t[i] = static_cast<float>(i % 2);
    return t;
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
    return a.shape() == b.shape() &&
           std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

Sequential<float> classifier() {
    Sequential model{Embedding({.input_dim = 20, .output_dim = 5, .mask_zero = true}),
                     Bidirectional(LSTM({.units = 4, .dropout = 0.2, .recurrent_dropout = 0.2})), Dropout(0.3),
                     Dense(1, sigmoid)};
    model.compile({.optimizer = Adam({.learning_rate = 0.01, .epsilon = 1e-6}),
                   .loss = BinaryCrossentropy(),
                   .metrics = {Accuracy(), AUC({.name = "area"})},
                   .seed = 0xfedcba9876543210});
    return model;
}

/// The metadata of a file changed by `change`, the tensors kept but for those named in `without`.
void rewrite(const std::string& from, const std::string& to, const std::function<void(SafetensorsMetadata&)>& change,
             const std::string& without = "-") {
    const auto file = SafetensorsFile::read(from);
    SafetensorsMetadata m = file.metadata();
    change(m);
    std::vector<NamedView> views;
    for (const TensorEntry& e : file.entries())
        if (e.name != without)
            views.emplace_back(e.name, AnyView(const_cast<std::byte*>(file.bytes(e).data()), e.shape, *e.dtype));
    write_safetensors(to, views, m);
}
void replace(std::string& text, const std::string& a, const std::string& b) {
    const auto at = text.find(a);
    REQUIRE(at != std::string::npos);
    text.replace(at, a.size(), b);
}

std::string load_error(const std::string& path) {
    try {
        (void)load(path);
    } catch (const IoError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring(path));
        return e.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("a loaded classifier predicts, is compiled and trains on as if it had not stopped") {
    const TemporaryFolder folder;
    const auto x = ids({9, 7}, 20);
    const auto y = zero_one(9);
    auto straight = classifier(), stopped = classifier();
    for (int i = 0; i < 3; ++i) {
        straight.train_on_batch(x, y);
        stopped.train_on_batch(x, y);
    }
    save(stopped, folder / "m.safetensors");
    CHECK(folder.files() == 1);
    auto loaded = load(folder / "m.safetensors");
    CHECK(loaded.fingerprint() == stopped.fingerprint());
    CHECK(loaded.updates() == 3);
    CHECK(loaded.summary() == stopped.summary());
    CHECK(same_bits(loaded.predict(x), stopped.predict(x)));
    const Results a = stopped.evaluate(x, y), b = loaded.evaluate(x, y);
    for (const char* name : {"loss", "accuracy", "area"}) CHECK(a[name] == b[name]);
    for (int i = 0; i < 3; ++i) {
        straight.train_on_batch(x, y);
        loaded.train_on_batch(x, y);
    }
    CHECK(loaded.fingerprint() == straight.fingerprint());
    CHECK(loaded.updates() == 6);

    // What was loaded can be saved, to the same bytes.
    auto again = load(folder / "m.safetensors");
    save(again, folder / "n.safetensors");
    CHECK(read_bytes(folder / "m.safetensors") == read_bytes(folder / "n.safetensors"));

    // Without the optimizer the weights are there and training starts anew.
    save(stopped, folder / "small.safetensors", {.include_optimizer = false});
    CHECK(load(folder / "small.safetensors").updates() == 0);
    CHECK(!load(folder / "m.safetensors", {.compile = false}).is_compiled());

    auto wide = load<double>(folder / "m.safetensors");
    CHECK(wide.updates() == 3);
    const auto p = wide.predict(x);
    const auto q = stopped.predict(x);
    for (Index i = 0; i < p.size(); ++i) CHECK(std::abs(p[i] - static_cast<double>(q[i])) < 1e-5);
    wide.train_on_batch(x, y);
}

TEST_CASE("fit goes on after load") {
    const TemporaryFolder folder;
    const auto x = ids({20, 6}, 20);
    const auto y = zero_one(20);
    auto straight = classifier(), stopped = classifier();
    straight.fit(x, y, {.batch_size = 6, .epochs = 4, .verbose = Verbose::silent});
    stopped.fit(x, y, {.batch_size = 6, .epochs = 2, .verbose = Verbose::silent});
    stopped.set_learning_rate(0.01);
    save(stopped, folder / "m");
    auto loaded = load(folder / "m");
    loaded.fit(x, y, {.batch_size = 6, .epochs = 4, .verbose = Verbose::silent, .initial_epoch = 2});
    CHECK(loaded.fingerprint() == straight.fingerprint());
}

TEST_CASE("a model in double") {
    const TemporaryFolder folder;
    Sequential<double> model{Dense(3, relu), Dense(2, softmax)};
    model.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy(), .metrics = {Accuracy()}});
    const auto x = numbers({6, 4}, 1);
    const Tensor<std::int32_t> y({6});
    model.train_on_batch(x, y);
    save(model, folder / "m");
    auto loaded = load<double>(folder / "m");
    CHECK(loaded.fingerprint() == model.fingerprint());
    loaded.train_on_batch(x, y);
    model.train_on_batch(x, y);
    CHECK(loaded.fingerprint() == model.fingerprint());
    auto narrow = load(folder / "m");
    CHECK(narrow.predict(x).shape() == Shape{6, 2});
}

TEST_CASE("texts are classified after load") {
    const TemporaryFolder folder;
    const std::vector<std::string> texts{"good film", "bad film", "a good, good \xe9tude", "caf\xc3\xa9 bad"};
    TextVectorization vectorize({.output_sequence_length = 5});
    vectorize.adapt(texts);
    Sequential model{vectorize,
                     Embedding({.input_dim = vectorize.vocabulary_size(), .output_dim = 3, .mask_zero = true}), LSTM(4),
                     Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    model.fit(texts, zero_one(4), {.epochs = 2, .verbose = Verbose::silent});
    save(model, folder / "m");
    const auto loaded = load(folder / "m");
    CHECK(same_bits(loaded.predict(texts), model.predict(texts)));
    CHECK(loaded.predict(std::vector<std::string>{"good"}).size() == 1);
    const auto& learned = dynamic_cast<const TextVectorization&>(*loaded.preprocessor());
    CHECK(learned.vocabulary() == vectorize.vocabulary());
    CHECK_THROWS_AS(loaded.predict(ids({2, 3}, 2)), ValueError);
}

TEST_CASE("a graph with shared, frozen, nested and two-input layers, scopes and names") {
    const TemporaryFolder folder;
    const Node tokens = input<float>({dim::batch(), dim::time()}, Dtype::i32);
    const Embedding table({.input_dim = 6, .output_dim = 4, .trainable = false, .weights = numbers({6, 4}, 3)});
    Node h, again;
    {
        const Scope scope("encoder");
        h = table(tokens);
        again =
            Bidirectional(LSTM({.units = 2, .return_sequences = true}), {.merge_mode = Merge::ave}).named("reader")(h);
    }
    const Dense shared(4, relu);
    const Node a = shared(h), b = shared(shared(h));
    const LSTM state({.units = 4, .return_sequences = true, .return_state = true});
    const Node c = state(h);
    const Node d = LSTM({.units = 4, .return_sequences = true})(again, c.output(1), Node{});
    const Node out = Dense(1)(d), logits = Tied<float>(table)(b);
    Model<float> model({tokens}, {out, logits, a, c.output(2)});
    const auto x = ids({3, 5}, 6);
    save(model, folder / "m");
    auto loaded = load(folder / "m", {.layers = {layer<Tied>()}});
    CHECK(loaded.summary() == model.summary());
    CHECK(loaded.output_names() == model.output_names());
    CHECK(loaded.fingerprint() == model.fingerprint());
    const auto p = model.predict_all(x), q = loaded.predict_all(x);
    REQUIRE(q.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(same_bits(p[i], q[i]));
    // Shared and tied parameters stand in the file once.
    const auto file = SafetensorsFile::read(folder / "m");
    int kernels = 0, tables = 0;
    for (const TensorEntry& e : file.entries()) {
        kernels += e.name.find("dense") == 0 && e.name.find("kernel") != std::string::npos;
        tables += e.shape == Shape{6, 4};
    }
    CHECK(kernels == 2);
    CHECK(tables == 2); // the parameter, and the constant that it started from
    CHECK(file.find("encoder.reader.forward.kernel"));
    save(loaded, folder / "n");
    CHECK(read_bytes(folder / "m") == read_bytes(folder / "n"));
    CHECK_THAT(load_error(folder / "m"), ContainsSubstring("unknown kind of layer \"tied\""));
}

TEST_CASE("several losses, weights, added losses, state") {
    const TemporaryFolder folder;
    const auto make = [] {
        const Node x = input<float>({dim::batch(), 3});
        const Node h = Counting<float>()(Dense(4, relu)(x));
        const Node yes = Dense(1, sigmoid).named("yes")(h), which = Dense(3).named("which")(h);
        Model<float> m({x}, {yes, which});
        const Node small = Dense(2)(h);
        m.add_loss(BinaryCrossentropy({.from_logits = true})(yes, yes), 0.25);
        m.compile(
            {.optimizer = Adam(),
             .loss = {{"which", SparseCategoricalCrossentropy({.from_logits = true})}, {"yes", BinaryCrossentropy()}},
             .loss_weights = {0.5, 2},
             .metrics = {{"yes", AUC()}, {"which", Accuracy({.name = "right"})}}});
        return m;
    };
    const auto x = numbers({8, 3}, 2);
    const auto y = zero_one(8);
    const Tensor<std::int32_t> z({8}, 2);
    auto straight = make(), stopped = make();
    for (int i = 0; i < 2; ++i) {
        straight.train_on_batch(x, {y, z});
        stopped.train_on_batch(x, {y, z});
    }
    save(stopped, folder / "m");
    auto loaded = load(folder / "m", {.layers = {layer<Swish>(), layer<Counting>()}});
    for (int i = 0; i < 2; ++i) {
        straight.train_on_batch(x, {y, z});
        loaded.train_on_batch(x, {y, z});
    }
    CHECK(loaded.fingerprint() == straight.fingerprint());
    const Results a = straight.evaluate(x, {y, z}), b = loaded.evaluate(x, {y, z});
    CHECK(a["loss"] == b["loss"]);
    CHECK(a["yes_auc"] == b["yes_auc"]);
    CHECK(a["which_right"] == b["which_right"]);
}

TEST_CASE("custom layers are named by the call") {
    const TemporaryFolder folder;
    Sequential model{Dense(4), Swish<float>(), Dense(1)};
    model.build({dim::batch(), 3});
    save(model, folder / "m");
    const auto x = numbers({2, 3}, 4);
    CHECK(same_bits(load(folder / "m", {.layers = {layer<Swish>()}}).predict(x), model.predict(x)));
    CHECK_THAT(load_error(folder / "m"), ContainsSubstring("{.layers = {layer<...>()}}"));
}

TEST_CASE("a failed save leaves the old file") {
    const TemporaryFolder folder;
    Sequential model{Dense(2)};
    const auto error = [&](const auto& m, const std::string& path) -> std::string {
        try {
            save(m, path);
        } catch (const Error& e) { return e.what(); }
        return "saved";
    };
    CHECK_THAT(error(model, folder / "m"), ContainsSubstring("has no shapes yet"));
    model.build({dim::batch(), 3});
    save(model, folder / "m");
    const std::string old = read_bytes(folder / "m");
    Sequential code{Dense(2), Code<float>()};
    code.build({dim::batch(), 3});
    CHECK_THAT(
        error(code, folder / "m"),
        ContainsSubstring("layer code (code) cannot be saved: code: holds a function, which has no form in a file"));
    const Embedding table({.input_dim = 6, .output_dim = 4});
    Sequential first{table};
    first.build({dim::batch(), dim::time()});
    first.initialize(0);
    const Node x = input<float>({dim::batch(), 4});
    const Model<float> tied({x}, {Tied<float>(table)(x)});
    CHECK_THAT(error(tied, folder / "m"),
               ContainsSubstring("layer tied: owner: refers to a layer (embedding) that is not part of the model"));
    CHECK(read_bytes(folder / "m") == old);
    CHECK(folder.files() == 1);
    CHECK_THAT(error(model, folder / "none/m"), ContainsSubstring("cannot be created"));
}

TEST_CASE("load refuses what is not a model") {
    const TemporaryFolder folder;
    const std::string good = folder / "good", bad = folder / "bad";
    auto model = classifier();
    model.train_on_batch(ids({4, 5}, 20), zero_one(4));
    save(model, good);
    const auto edited = [&](const char* key, const std::string& a, const std::string& b) {
        rewrite(good, bad, [&](SafetensorsMetadata& m) { replace(m[key], a, b); });
        return load_error(bad);
    };
    CHECK_THAT(load_error(folder / "none"), ContainsSubstring("cannot be opened"));
    CHECK_THAT(edited("format", "gradus", "pt"), ContainsSubstring("no model saved by Gradus"));
    CHECK_THAT(edited("format_version", "1", "2"), ContainsSubstring("expects format version 1, got 2"));
    CHECK_THAT(edited("architecture", "\"lstm\"", "\"lstn\""), ContainsSubstring("unknown kind of layer \"lstn\""));
    CHECK_THAT(edited("architecture", "[[0,0]]", "[[1,0]]"),
               ContainsSubstring("expects an earlier node than #1, got #1"));
    CHECK_THAT(edited("architecture", "[[0,0]]", "[[0,1]]"), ContainsSubstring("no output 1"));
    CHECK_THAT(edited("architecture", "[[0,0]]", "[[-1,0]]"), ContainsSubstring("earlier node"));
    CHECK_THAT(edited("architecture", "[[0,0]]", "[[0]]"), ContainsSubstring("[node, output]"));
    CHECK_THAT(edited("architecture", "[[0,0]]", "[null]"), ContainsSubstring("embedding #1"));
    CHECK_THAT(edited("architecture", "\"outputs\":[[4,0]]", "\"outputs\":[[3,0]]"),
               ContainsSubstring("lead to no output"));
    CHECK_THAT(edited("architecture", "\"outputs\":[[4,0]]", "\"outputs\":[]"),
               ContainsSubstring("at least one output"));
    CHECK_THAT(edited("architecture", "\"outputs\":[[4,0]]", "\"outputs\":[null]"), ContainsSubstring("expect nodes"));
    CHECK_THAT(edited("architecture", "\"inputs\":[[0,0]],\"outputs\"", "\"inputs\":[],\"outputs\""),
               ContainsSubstring("not among the model's inputs"));
    CHECK_THAT(edited("architecture", "\"output_dim\":5", "\"output_dim\":6"),
               ContainsSubstring("expects shape [20, 6], got [20, 5]"));
    CHECK_THAT(edited("architecture", "\"output_dim\":5", "\"output_dim\":1000000000000"),
               ContainsSubstring("expects shape"));
    CHECK_THAT(edited("architecture", "\"output_dim\":5", "\"output_dim\":\"5\""),
               ContainsSubstring("output_dim expects an integer"));
    CHECK_THAT(edited("architecture", "\"output_dim\"", "\"outputs_dim\""), ContainsSubstring("no field"));
    CHECK_THAT(edited("architecture", "\"units\":1", "\"units\":1000000000000"), ContainsSubstring("1000000000000"));
    CHECK_THAT(edited("architecture", "\"name\":\"dense\"", "\"name\":\"other\""),
               ContainsSubstring("expects the name \"dense\""));
    CHECK_THAT(edited("architecture", "\"dtype\":\"int32\"", "\"dtype\":\"int16\""), ContainsSubstring("int16"));
    CHECK_THAT(edited("architecture", "\"time\"", "\"time+\""), ContainsSubstring("time+"));
    CHECK_THAT(edited("architecture", "{\"nodes\"", "[{\"nodes\""), ContainsSubstring("architecture: byte"));
    CHECK_THAT(edited("architecture", "{\"nodes\"", std::string(1000, '[')), ContainsSubstring("64 levels"));
    CHECK_THAT(edited("architecture", "\"nodes\"", "\"notes\""), ContainsSubstring("nodes"));
    CHECK_THAT(edited("compile", "\"adam\"", "\"eve\""), ContainsSubstring("unknown kind of optimizer \"eve\""));
    CHECK_THAT(edited("compile", "0.01", "-0.01"), ContainsSubstring("learning_rate"));
    CHECK_THAT(edited("compile", "\"auc\"", "\"auk\""), ContainsSubstring("unknown kind of metric"));
    CHECK_THAT(edited("compile", "\"binary_crossentropy\"", "\"dense\""), ContainsSubstring("unknown kind of loss"));
    CHECK_THAT(edited("compile", "\"losses\":[", "\"losses\":[],\"x\":["), ContainsSubstring("1 loss(es)"));
    CHECK_THAT(edited("compile", "\"seed\":", "\"speed\":"), ContainsSubstring("seed"));
    CHECK_THAT(edited("optimizer_state", "1", "-1"), ContainsSubstring("updates"));
    CHECK_THAT(edited("optimizer_state", "1", "1.5"), ContainsSubstring("updates"));
    CHECK_THAT(edited("fingerprint", model.fingerprint(), "0123456789abcdef"),
               ContainsSubstring("changed after saving"));
    for (const char* missing : {"dense.bias", "bidirectional.backward.kernel", "optimizer/0/dense.kernel",
                                "optimizer/1/embedding.embeddings"}) {
        rewrite(good, bad, [](SafetensorsMetadata&) {}, missing);
        CHECK_THAT(load_error(bad), ContainsSubstring("expects a tensor \"" + std::string(missing) + "\""));
    }
    for (const char* key : {"architecture", "format", "format_version"}) {
        rewrite(good, bad, [&](SafetensorsMetadata& m) { m.erase(key); });
        CHECK(load_error(bad) != "accepted");
    }
    // Inner layers that are not there, or of a kind that the wrapper cannot hold.
    for (const bool null : {true, false})
        for (const char* inner : {"layer", "backward_layer"}) {
            rewrite(good, bad, [&](SafetensorsMetadata& m) {
                Json j = Json::parse(m["architecture"], 1000);
                const auto edit = [](Json& at, const char* name) -> Json& { return const_cast<Json&>(*at.find(name)); };
                Json& node = std::get<Json::List>(edit(j, "nodes").value)[2];
                Json& layer = edit(edit(node, "fields"), inner);
                if (null)
                    layer = Json();
                else
                    layer = Json::parse("{\"category\":\"layer\",\"kind\":\"dense\",\"fields\":{\"units\":4}}", 10);
                m["architecture"] = j.print();
            });
            CHECK_THAT(load_error(bad), ContainsSubstring("bidirectional"));
        }
    CHECK(load_error(good) == "accepted");
}

TEST_CASE("sizes in files are parsed within bounds") {
    using detail::DimParser;
    const Dim batch = dim::batch(), time = dim::time();
    for (const Dim& d : {Dim(5), Dim(-3), batch, 2 * time + 1, -1 * batch * time, floor_div(time + 1, 2),
                         3 * floor_div(floor_div(time, 2) * batch - 4, Dim("a.b_1") + 1) * time - 7, batch * batch})
        CHECK(DimParser::parse(d.to_string()) == d);
    for (const std::string& text :
         {std::string(), std::string("2*"), std::string("time+"), std::string("(time)"), std::string("(time)/(0)"),
          std::string("time time"), std::string("99999999999999999999"), std::string("-"), std::string("1a"),
          std::string("a*a*a*a*a*a*a*a*a"), std::string(2000, '('), std::string(2000, '1')})
        CHECK_THROWS_AS(DimParser::parse(text), Error);
    CHECK_THROWS_AS(
        detail::shape_from_json(std::make_unique<Json>(Json::parse("[1099511627776,1099511627776]", 10)).get(), "x"),
        ValueError);
}

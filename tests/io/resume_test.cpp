// Everything that a run needs to go on: a file in the middle of it, and the same bits as not stopping.
#include "../catch.hpp"
#include "../models/hash_data.hpp"
#include "message.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

using namespace gradus;
using namespace hash_data;

namespace {

const auto x = padded(1, 60, 40, 7);
const auto y = integers(2, 2, Shape{40});

CompileOptions<float> everything() {
    return {.optimizer = Adam(CosineDecay({.initial_learning_rate = 0.05, .decay_steps = 40})),
            .loss = BinaryCrossentropy(),
            .metrics = {Accuracy()},
            .seed = 11,
            .frozen = {"dense.bias"},
            .groups = {{"embedding", 0.5}, {"lstm", 2}},
            .clip = {.global_norm = 0.5},
            .accumulate = 2,
            .ema = {.momentum = 0.9},
            .precision = bfloat16};
}
Sequential<float> model_of() {
    Sequential model{
        Embedding({.input_dim = 60, .output_dim = 6, .mask_zero = true}),
        LSTM({.units = 5, .kernel_regularizer = L2(0.001), .kernel_constraint = MaxNorm(1), .dropout = 0.2}),
        BatchNormalization(), Dense(1, sigmoid)};
    model.build({dim::batch(), dim::time()});
    return model;
}
FitOptions epochs(Index first, Index last) {
    return {.batch_size = 6,
            .epochs = last,
            .verbose = Verbose::silent,
            .class_weight = {{1, 2.0}},
            .initial_epoch = first};
}

} // namespace

TEST_CASE("resume: from a checkpoint of any epoch, the bits of a run that did not stop") {
    const TemporaryFolder folder;
    auto straight = model_of();
    straight.freeze("lstm.bias");
    straight.compile(everything());
    const auto checkpoint = std::make_shared<ModelCheckpoint<float>>(
        ModelCheckpointOptions{.filepath = folder / "run/epoch-{epoch:02d}.safetensors"});
    auto options = epochs(0, 4);
    options.callbacks = {checkpoint};
    straight.fit(x, y, options);
    CHECK(checkpoint->saved() == 4);
    CHECK(checkpoint->path() == folder / "run/epoch-04.safetensors");
    CHECK(straight.updates() == 16);
    for (const Index n : {1, 2, 3}) {
        auto resumed = load(folder / ("run/epoch-0" + std::to_string(n) + ".safetensors").c_str());
        CHECK(resumed.updates() == 4 * n);
        CHECK(resumed.frozen() == std::vector<std::string>{"lstm.bias"});
        CHECK(resumed.learning_rate() == CosineDecay({.initial_learning_rate = 0.05, .decay_steps = 40})(4 * n));
        save(resumed, folder / "again");
        CHECK(read_bytes(folder / "again") ==
              read_bytes(folder / ("run/epoch-0" + std::to_string(n) + ".safetensors").c_str()));
        resumed.fit(x, y, epochs(n, 4));
        CHECK(resumed.fingerprint() == straight.fingerprint());
        CHECK(resumed.summary() == straight.summary());
    }
}

TEST_CASE("resume: a file whose products are in bfloat16 loads as double, and the setting stays with compile") {
    const TemporaryFolder folder;
    auto model = model_of();
    model.compile(everything());
    save(model, folder / "model");
    CHECK(load<double>(folder / "model").compile_options()->precision == ProductPrecision());
    CHECK(load(folder / "model").compile_options()->precision == ProductPrecision(bfloat16));
    CHECK(load(folder / "model", {.compile = false}).compile_options() == nullptr);
}

TEST_CASE("resume: averages in place are saved as they are") {
    const TemporaryFolder folder;
    auto model = model_of();
    auto o = everything();
    o.ema.overwrite = false;
    model.compile(o);
    model.fit(x, y, epochs(0, 2));
    const std::string trained = model.fingerprint();
    {
        const AveragedScope scope(model);
        save(model, folder / "whole");
        save(model, folder / "averages", {.include_optimizer = false});
        CHECK(load(folder / "averages").fingerprint() == model.fingerprint());
    }
    auto loaded = load(folder / "whole");
    CHECK(loaded.is_averaged());
    CHECK_THROWS_AS(loaded.fit(x, y, epochs(2, 3)), ValueError);
    loaded.swap_averaged();
    CHECK(loaded.fingerprint() == trained);
    loaded.fit(x, y, epochs(2, 4));
    model.fit(x, y, epochs(2, 4));
    CHECK(loaded.fingerprint() == model.fingerprint());
    const AveragedScope a(loaded), b(model);
    CHECK(loaded.fingerprint() == model.fingerprint());
}

TEST_CASE("resume: gradients that wait for an update are not saved") {
    const TemporaryFolder folder;
    auto model = model_of();
    model.compile(everything());
    model.train_on_batch(x, y);
    CHECK(message([&] { save(model, folder / "m"); }).find("1 batch(es) wait for it") != std::string::npos);
    save(model, folder / "m", {.include_optimizer = false});
    model.step();
    save(model, folder / "m");
    CHECK(load(folder / "m").updates() == 1);
}

TEST_CASE("resume: a file whose settings do not fit is refused") {
    const TemporaryFolder folder;
    auto model = model_of();
    model.freeze("lstm");
    model.compile(everything());
    model.fit(x, y, epochs(0, 1));
    save(model, folder / "good");
    const auto edited = [&](const char* key, const std::string& from, const std::string& to) {
        const auto file = SafetensorsFile::read(folder / "good");
        SafetensorsMetadata m = file.metadata();
        const auto at = m[key].find(from);
        REQUIRE(at != std::string::npos);
        m[key].replace(at, from.size(), to);
        std::vector<NamedView> views;
        for (const TensorEntry& e : file.entries())
            views.emplace_back(e.name, AnyView(const_cast<std::byte*>(file.bytes(e).data()), e.shape, *e.dtype));
        write_safetensors(folder / "bad", views, m);
        try {
            (void)load(folder / "bad");
        } catch (const IoError& e) { return std::string(e.what()); }
        return std::string("accepted");
    };

    CHECK_THAT(edited("compile", "\"accumulate\":2", "\"accumulate\":0"),
               ContainsSubstring("accumulate expects at least 1"));
    CHECK_THAT(edited("compile", "\"accumulate\":2", "\"accumulate\":\"2\""), ContainsSubstring("accumulate"));
    CHECK_THAT(edited("compile", "\"clip\":[0", "\"clip\":[-1"), ContainsSubstring("clip.value"));
    CHECK_THAT(edited("compile", "\"clip\":[0", "\"clip\":[1"),
               ContainsSubstring("one of value, norm and global_norm"));
    CHECK_THAT(edited("compile", "\"clip\":[", "\"clip\":[0,"), ContainsSubstring("clip expects 3 numbers"));
    CHECK_THAT(edited("compile", "\"ema\":[0.9", "\"ema\":[9"), ContainsSubstring("ema.momentum"));
    CHECK_THAT(edited("compile", "[\"embedding\"", "[\"embed\""), ContainsSubstring("groups expects names"));
    CHECK_THAT(edited("compile", "[\"embedding\"", "[1"), ContainsSubstring("groups expects pairs"));
    CHECK_THAT(edited("frozen", "lstm", "lst"), ContainsSubstring("freeze expects names"));
    CHECK_THAT(edited("frozen", "[", "[1,"), ContainsSubstring("frozen expects a list of texts"));
    CHECK_THAT(edited("optimizer_state", "}", ",\"averaged\":1}"), ContainsSubstring("averaged expects"));
}

TEST_CASE("ModelCheckpoint: the best, names, weights alone, every few updates") {
    const TemporaryFolder folder;
    struct Run {
        Sequential<float> model{Dense(3, relu), Dense(1, sigmoid)};
        Run() {
            model.build({dim::batch(), 7});
            model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}});
        }
    } run;
    const auto best_of = [&](ModelCheckpoint<float>& c, const char* name, std::initializer_list<double> values) {
        std::string saved;
        c.on_train_begin(run.model);
        Index epoch = 0, before = 0;
        for (const double v : values) {
            const Log logs[] = {{"loss", 0.25}, {name, v}};
            c.on_epoch_begin(run.model, epoch);
            c.on_epoch_end(run.model, epoch++, logs);
            saved += std::exchange(before, c.saved()) < c.saved() ? '+' : '-';
        }
        return saved;
    };
    ModelCheckpoint best({.filepath = folder / "best", .save_best_only = true});
    CHECK(best_of(best, "val_loss", {5, 4, 4, 6, 3}) == "++--+");
    CHECK(best.best() == 3);
    ModelCheckpoint up(
        {.filepath = folder / "up", .monitor = "val_accuracy", .save_best_only = true, .initial_value_threshold = 0.5});
    CHECK(best_of(up, "val_accuracy", {0.5, 0.6, 0.6, 0.7}) == "-+-+");
    ModelCheckpoint all({.filepath = folder / "m-{epoch}-{epoch:03d}-{val_loss:.2f}-{loss}-{val_loss:8.1e}"});
    CHECK(best_of(all, "val_loss", {0.126, 12}) == "++");
    CHECK(all.path() == folder / "m-2-002-12.00-0.25- 1.2e+01");
    CHECK(best_of(best, "val_loss", {std::nan("")}) == "-");

    ModelCheckpoint weights({.filepath = folder / "w.safetensors", .save_weights_only = true});
    CHECK(best_of(weights, "val_loss", {1}) == "+");
    Run other;
    const std::string print = run.model.fingerprint();
    CHECK(SafetensorsFile::read(folder / "w.safetensors").entries().size() == 4);
    CHECK(load_weights(other.model, folder / "w.safetensors").complete());
    CHECK(other.model.fingerprint() == print);

    const auto few = std::make_shared<ModelCheckpoint<float>>(
        ModelCheckpointOptions{.filepath = folder / "u-{epoch}-{batch}", .save_freq = 3});
    run.model.fit(values(1, 2, Shape{20, 7}), integers(2, 2, Shape{20}),
                  {.batch_size = 5, .epochs = 2, .verbose = Verbose::silent, .callbacks = {few}});
    CHECK(few->saved() == 2);
    CHECK(few->path() == folder / "u-2-2");
    CHECK(load(folder / "u-1-3").updates() == 3);
    CHECK(load(folder / "u-2-2").updates() == 6);

    const auto error = [&](const ModelCheckpointOptions& o) {
        return message([&] {
            ModelCheckpoint c(o);
            best_of(c, "val_loss", {1});
        });
    };
    CHECK(error({.filepath = ""}) == "model_checkpoint: filepath expects a path, got none");
    CHECK(error({.filepath = "a", .save_freq = -1}) == "model_checkpoint: save_freq expects at least 0, got -1");
    CHECK(error({.filepath = "a", .monitor = "val_los", .save_best_only = true}) ==
          "model_checkpoint: monitor expects one of loss, val_loss, got \"val_los\"");
    CHECK(error({.filepath = "{val_auc}"}) ==
          "model_checkpoint: filepath expects one of loss, val_loss, got \"val_auc\"");
    for (const char* bad : {"{epoch", "{epoch:s}", "{epoch:02}", "{val_loss:.99f}", "{val_loss:.}", "{epoch:%n}"})
        CHECK_THAT(error({.filepath = bad}), ContainsSubstring("filepath expects"));
    CHECK_THAT(error({.filepath = folder / "best/x"}), ContainsSubstring("cannot be created"));
    Sequential<double> wide{Dense<double>(1)};
    CHECK(message([&] { all.on_train_begin(wide); }).find("expects a model of float32") != std::string::npos);
}

// What fit, predict and custom loops write into a trace; the same bits, and no allocation while it records.
#include "../io/temporary_folder.hpp"
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <thread>

using namespace gradus;
using namespace hash_data;
using nlohmann::json;

namespace {

Sequential<float> text_model() {
    Sequential model{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}),
                     LSTM({.units = 4, .dropout = 0.2}), Dense(1, sigmoid).named("head")};
    model.compile({.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .metrics = {Accuracy()}, .seed = 7});
    return model;
}

/// "thread: name/category[/pass]": how often.
std::map<std::string, int> spans_of(const json& file) {
    std::map<int, std::string> threads;
    for (const json& e : file.at("traceEvents"))
        if (e.at("name") == "thread_name") threads[e.at("tid")] = e.at("args").at("name");
    std::map<std::string, int> count;
    for (const json& e : file.at("traceEvents"))
        if (e.at("ph") == "X")
            ++count[threads.at(e.at("tid")) + ": " + e.at("name").get<std::string>() + "/" +
                    e.at("cat").get<std::string>() +
                    (e.contains("args") ? "/" + e.at("args").at("pass").get<std::string>() : "")];
    return count;
}

struct Counter : Callback {
    std::string_view kind() const override { return "counter"; }
    void on_epoch_begin(ModelBase&, Index epoch) override { warm = epoch > 0; }
    void on_batch_end(ModelBase&, Index batch, std::span<const Log>) override {
        const Index now = detail::allocation_count.load();
        if (warm && batch > 0) allocations += now - last;
        last = now;
    }
    Index allocations = 0, last = 0;
    bool warm = false;
};

} // namespace

TEST_CASE("trace: fit writes steps, layers, optimizer and input, thread by thread; the same bits") {
    const auto x = padded(1, 30, 75, 9);
    const auto y = integers(3, 2, Shape{75});
    const TemporaryFolder folder;
    const std::string path = folder / "fit.json";
    for (const bool prefetch : {false, true}) {
        const FitOptions options{
            .batch_size = 16, .epochs = 2, .verbose = Verbose::silent, .validation_split = 0.2, .prefetch = prefetch};
        auto quiet = text_model(), traced = text_model();
        quiet.fit(x, y, options);
        Trace trace(path);
        traced.fit(x, y, options);
        trace.close();
        CHECK(traced.fingerprint() == quiet.fingerprint());

        auto spans = spans_of(json::parse(read_bytes(path)));
        CHECK(spans["main: epoch/fit"] == 2);
        CHECK(spans["main: validation/fit"] == 2);
        const int train = 2 * 4, all = train + 2; // 60 rows train, 15 validate
        CHECK(spans["main: step/fit"] == all);
        CHECK(spans["main: load batch/input"] == all);
        CHECK(spans["prefetch: read batch/input"] == (prefetch ? all : 0));
        CHECK(spans["main: loss/loss"] == all);
        CHECK(spans["main: metrics/metrics"] == all);
        CHECK(spans["main: update/optimizer"] == train);
        for (const char* layer : {"embedding/embedding", "lstm/lstm", "head/dense"}) {
            CHECK(spans["main: " + std::string(layer) + "/forward"] == all);
            CHECK(spans["main: " + std::string(layer) + "/backward"] == train);
        }
        CHECK(spans["main: forward/pass"] == all);
        CHECK(spans["main: backward/pass"] == train);
    }
}

TEST_CASE("trace: a step of a small model stays on its thread, of a larger one it does not") {
    const TemporaryFolder folder;
    const std::string path = folder / "step.json";
    const int before = threads();
    set_threads(3);
    for (const Index units : {64, 700}) {
        Sequential model{Dense(units, relu), Dense(units, relu), Dense(10, softmax)};
        model.compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .metrics = {Accuracy()}});
        const auto x = values<float>(1, 2, Shape{32, 20});
        const auto y = integers(2, 10, Shape{32});
        model.train_on_batch(x, y);
        Trace trace(path);
        for (int i = 0; i < 50; ++i) model.train_on_batch(x, y);
        trace.close();
        int cells = 0;
        for (const auto& [name, count] : spans_of(json::parse(read_bytes(path))))
            if (name.find("/cells") != std::string::npos) cells += count;
        CAPTURE(units);
        CHECK((cells > 0) == (units > 64));
    }
    set_threads(before);
}

TEST_CASE("trace: steps, evaluate, predict and predictors") {
    const auto x = padded(1, 30, 8, 9);
    const auto y = integers(3, 2, Shape{8});
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    auto model = text_model();
    Trace trace(path);
    model.train_on_batch(x, y);
    model.forward(x);
    model.loss(y);
    model.backward();
    model.step();
    model.evaluate(x, y);
    (void)model.predict(x);
    std::thread([&] {
        trace_thread("server");
        Predictor<float> predictor(model, {.batch = 8});
        predictor.run(x);
    }).join();
    trace.close();
    const json file = json::parse(read_bytes(path));
    auto spans = spans_of(file);
    CHECK(spans["main: step/fit"] == 2);
    CHECK(spans["main: evaluate/fit"] == 1);
    CHECK(spans["main: update/optimizer"] == 2);
    CHECK(spans["main: loss/loss"] == 3);
    CHECK(spans["main: predict/predict"] == 1);
    CHECK(spans["server: predict/predict"] == 1);
    CHECK(spans["server: lstm/lstm/forward"] == 1);
    int rates = 0, training = 0, inference = 0;
    for (const json& e : file.at("traceEvents")) {
        rates += e.at("name") == "GFLOP/s" && e.at("args").at("value") > 0;
        training += e.at("name") == "arena bytes";
        inference += e.at("name") == "arena bytes, inference";
    }
    CHECK(rates > 0);
    CHECK(training > 0);
    CHECK(inference > 0);
}

TEST_CASE("trace: a step allocates nothing while it records into a chunk, nor with none open") {
    const auto x = padded(1, 30, 64, 9);
    const auto y = integers(3, 2, Shape{64});
    const TemporaryFolder folder;
    if (!AllocationGuard::counting()) return;
    for (const bool traces : {false, true}) {
        std::unique_ptr<Trace> trace;
        if (traces) trace = std::make_unique<Trace>(folder / "fit.json");
        set_threads(traces ? 1 : 0); // a worker allocates with its first cells in a trace
        auto model = text_model();
        const auto counter = std::make_shared<Counter>();
        model.fit(x, y, {.batch_size = 16, .epochs = 3, .verbose = Verbose::silent, .callbacks = {counter}});
        CHECK(counter->allocations == 0);
    }
    set_threads(0);
}

// fit with batches that are read ahead on a thread of their own: the same bits, no allocation, what the dataset throws.
#include "catch.hpp"
#include "hash_data.hpp"

#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <algorithm>
#include <thread>

using namespace gradus;
using namespace hash_data;

namespace {

Sequential<float> text_model() {
    Sequential model{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}),
                     LSTM({.units = 4, .dropout = 0.2}), Dropout(0.2), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .metrics = {Accuracy(), AUC()}, .seed = 7});
    return model;
}

/// Rows of an increasing length, padded to the longest of the batch.
struct Ragged : Dataset {
    explicit Ragged(Index n) : rows(n), x(padded(1, 30, n, 12)), y(integers(3, 2, Shape{n})) {
        s.inputs = {{Shape{12}, Dtype::i32}};
        s.targets = {{Shape{}, Dtype::i32}};
    }
    Index size() const override { return rows; }
    const DatasetSpec& spec() const override { return s; }
    static Index length(Index row) { return 4 + row % 9; }
    static Index longest(std::span<const Index> list) {
        Index n = 0;
        for (const Index r : list) n = std::max(n, length(r));
        return n;
    }
    void extents(std::span<const Index> list, Extents& e) const override { e.set("time", longest(list)); }
    void read(std::span<const Index> list, Batch& out) const override {
        const Index time = longest(list);
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (list[i] == bad) throw ValueError("row " + std::to_string(bad) + " is bad");
            auto* to = static_cast<std::int32_t*>(out.inputs[0].data) + static_cast<Index>(i) * time;
            for (Index t = 0; t < time; ++t) to[t] = t < length(list[i]) ? x(list[i], t) : 0;
            out.targets[0].as<float>()[static_cast<Index>(i)] = static_cast<float>(y[list[i]]);
        }
        if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        elsewhere = elsewhere || std::this_thread::get_id() != owner;
    }
    Index rows, bad = -1;
    bool slow = false;
    Tensor<std::int32_t> x, y;
    DatasetSpec s;
    std::thread::id owner = std::this_thread::get_id();
    mutable std::atomic<bool> elsewhere = false;
};

struct Counter : Callback {
    std::string_view kind() const override { return "counter"; }
    void on_epoch_begin(ModelBase&, Index epoch) override { first = epoch == 0 ? 1000 : 1; }
    void on_batch_end(ModelBase&, Index, std::span<const Log>) override {
        const Index now = AllocationGuard::counting() ? detail::allocation_count.load() : 0;
        if (first-- <= 0) allocations += now - last;
        last = now;
        ++batches;
    }
    Index allocations = 0, last = 0, first = 0, batches = 0;
};

struct Thrower : Callback {
    std::string_view kind() const override { return "thrower"; }
    void on_batch_end(ModelBase&, Index batch, std::span<const Log>) override {
        if (batch == 1) throw ValueError("enough");
    }
};

} // namespace

TEST_CASE("fit: prefetch changes no bits") {
    const auto x = padded(1, 30, 75, 9);
    const auto y = integers(3, 2, Shape{75});
    auto w = values(5, 1, Shape{75});
    for (float& v : w) v += 0.5f;
    const auto run = [&](bool prefetch, bool validation_data) {
        auto model = text_model();
        FitOptions o{
            .batch_size = 16, .epochs = 3, .verbose = Verbose::silent, .sample_weight = w, .prefetch = prefetch};
        if (validation_data)
            o.validation_data = {x, y};
        else
            o.validation_split = 0.2;
        const History h = model.fit(x, y, o);
        std::vector<double> losses = h["val_loss"];
        losses.insert(losses.end(), h["loss"].begin(), h["loss"].end());
        return std::pair(model.fingerprint(), losses);
    };
    CHECK(run(false, false) == run(true, false));
    CHECK(run(false, true) == run(true, true));
}

TEST_CASE("fit: prefetch of a dataset whose batches differ in length") {
    const auto run = [](bool prefetch, bool slow) {
        Ragged data(53), validation(11);
        data.slow = slow;
        Sequential model{Embedding({.input_dim = 30, .output_dim = 5, .mask_zero = true}), LSTM({.units = 4}),
                         Dense(1, sigmoid)};
        model.build({dim::batch(), dim::time()});
        model.compile({.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .seed = 7});
        model.fit(data, {.batch_size = 8, .epochs = 2, .verbose = Verbose::silent, .prefetch = prefetch}, &validation);
        CHECK(data.elsewhere == prefetch);
        return model.fingerprint();
    };
    const std::string plain = run(false, false);
    CHECK(run(true, false) == plain);
    CHECK(run(true, true) == plain);
}

TEST_CASE("fit: what a dataset throws on its thread reaches the caller") {
    const auto run = [](bool prefetch, Index bad) {
        Ragged data(64);
        data.bad = bad;
        auto model = text_model();
        auto counter = std::make_shared<Counter>();
        std::string what;
        try {
            model.fit(data, {.batch_size = 8,
                             .verbose = Verbose::silent,
                             .callbacks = {counter},
                             .shuffle = false,
                             .prefetch = prefetch});
        } catch (const ValueError& e) { what = e.what(); }
        CHECK(what == "row " + std::to_string(bad) + " is bad");
        CHECK(counter->batches == bad / 8);
        return model.fingerprint();
    };
    for (Index bad : {0, 20, 63}) CHECK(run(true, bad) == run(false, bad));

    // A callback that throws while batches wait, and a model that goes on.
    const Ragged data(64);
    auto model = text_model();
    const FitOptions o{
        .batch_size = 8, .verbose = Verbose::silent, .callbacks = {std::make_shared<Thrower>()}, .prefetch = true};
    CHECK_THROWS_WITH(model.fit(data, o), "enough");
    CHECK(model.updates() == 2);
    model.fit(data, {.batch_size = 8, .verbose = Verbose::silent, .prefetch = true});
    CHECK(model.updates() == 10);
}

TEST_CASE("fit: prefetch allocates nothing in a step") {
    const auto x = padded(1, 30, 75, 9);
    const auto y = integers(3, 2, Shape{75});
    auto model = text_model();
    auto counter = std::make_shared<Counter>();
    model.fit(x, y,
              {.batch_size = 16, .epochs = 4, .verbose = Verbose::silent, .callbacks = {counter}, .prefetch = true});
    CHECK(counter->batches == 20);
    CHECK(counter->allocations == 0);
}

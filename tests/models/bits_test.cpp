// The same bits for any number of threads and on both instruction sets with fused multiply-add; no allocation in a
// step.
#include "catch.hpp"
#include "hash_data.hpp"
#include "swish.hpp"

#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <cmath>
#include <cstdio>
#include <sstream>

using namespace gradus;
using namespace hash_data;

namespace {

Sequential<float> text_model() {
    return Sequential{
        Embedding({.input_dim = 200, .output_dim = 20, .mask_zero = true}),
        Bidirectional(LSTM({.units = 24, .dropout = 0.2, .recurrent_dropout = 0.2, .return_sequences = true})),
        LSTM({.units = 20}), Dropout(0.1), Dense(1, sigmoid)};
}
Sequential<float> dense_model() { return Sequential{Dense(70, relu), Dense(33, activation::tanh), Dense(10, softmax)}; }

template <class L> CompileOptions<float> options(const L& loss) {
    return {.optimizer = Adam(0.01), .loss = loss, .metrics = {Accuracy()}, .seed = 3};
}

std::string trained() {
    auto text = text_model();
    auto o = options(BinaryCrossentropy());
    o.metrics.add("", AUC());
    text.compile(o);
    text.fit(padded(1, 200, 72, 14), integers(2, 2, Shape{72}),
             {.batch_size = 32, .epochs = 2, .verbose = Verbose::silent});
    auto dense = dense_model();
    dense.compile(options(SparseCategoricalCrossentropy()));
    dense.fit(values(1, 2, Shape{300, 45}), integers(2, 10, Shape{300}),
              {.batch_size = 128, .epochs = 2, .verbose = Verbose::silent});
    return text.fingerprint() + " " + dense.fingerprint();
}

// Allocations between the ends of batches, from the second epoch on.
struct Counter : Callback {
    std::string_view kind() const override { return "counter"; }
    void on_epoch_begin(ModelBase&, Index epoch) override {
        epoch_ = epoch;
        first_ = true;
    }
    void on_batch_end(ModelBase&, Index, std::span<const Log>) override {
        const Index now = AllocationGuard::counting() ? detail::allocation_count.load() : 0;
        if (epoch_ > 0 && !first_) {
            allocations += now - last_;
            ++steps;
        }
        first_ = false;
        last_ = now;
    }
    Index allocations = 0, steps = 0;

private:
    Index epoch_ = 0, last_ = 0;
    bool first_ = true;
};

template <class M, class X, class Y>
void check_allocations(M& model, const X& x, const Y& y, Verbose verbose, std::ostream& out) {
    auto counter = std::make_shared<Counter>();
    const auto early = std::make_shared<EarlyStopping>(EarlyStoppingOptions{.monitor = "loss", .patience = 9});
    model.fit(x, y,
              {.batch_size = 20,
               .epochs = 3,
               .verbose = verbose,
               .callbacks = {early, counter},
               .validation_split = 0.2,
               .output = &out});
    CHECK(counter->steps >= 4);
    CHECK(counter->allocations == 0);

    model.train_on_batch(x, y);
    const auto small_x = x.rows(0, 3);
    const auto small_y = y.rows(0, 3);
    model.train_on_batch(small_x, small_y);
    Predictor<float> predict(model, {.batch = 5});
    Tensor<float> p(model.predict(small_x));
    predict(small_x, p);
    {
        const AllocationGuard guard;
        model.train_on_batch(x, y);
        model.train_on_batch(small_x, small_y);
        model.forward(x);
        model.loss(y);
        model.backward();
        model.step();
        CHECK(guard.count() == 0);
    }
    {
        const AllocationGuard guard;
        predict(small_x, p);
        CHECK(guard.count() == 0);
    }
}

} // namespace

TEST_CASE("allocations: none in a step of the examples' digits, characters and layer of one's own") {
#if GRADUS_EIGEN_KERNELS
    std::puts("skipped: Eigen's products allocate");
    return;
#endif
    std::ostringstream out;
    const auto falling = [](const auto& metrics) {
        CompileOptions<float> o{
            .optimizer = Adam({.learning_rate = CosineDecay({.initial_learning_rate = 2e-3, .decay_steps = 50})}),
            .loss = SparseCategoricalCrossentropy(),
            .seed = 3};
        o.metrics = metrics;
        return o;
    };
    const Metrics<float> accuracy{Accuracy()}, none;
    Sequential digits{Flatten(), Dense(40, relu), Dropout(0.2), Dense(40, relu), Dropout(0.2), Dense(10, softmax)};
    digits.compile(falling(accuracy));
    check_allocations(digits, values(1, 2, Shape{90, 28, 28}), integers(2, 10, Shape{90}), Verbose::silent, out);
    const LSTMOptions lstm{.units = 24, .return_sequences = true};
    Sequential characters{Embedding({.input_dim = 60, .output_dim = 16}),
                          LSTM(lstm),
                          Dropout(0.2),
                          LSTM(lstm),
                          Dropout(0.2),
                          Dense(60, softmax)};
    characters.compile(falling(none));
    check_allocations(characters, integers(1, 60, Shape{72, 14}), integers(2, 60, Shape{72, 14}), Verbose::silent, out);
    Sequential own{Dense(32), Swish<float>(), Dense(32), Swish<float>(), Dense(2, softmax)};
    own.compile(falling(accuracy));
    check_allocations(own, values(1, 2, Shape{90, 2}), integers(2, 2, Shape{90}), Verbose::silent, out);
}

TEST_CASE("bits: 1, 2, 3 and 8 threads") {
    set_threads(1);
    const std::string one = trained();
    for (const int n : {2, 3, 8}) {
        set_threads(n);
        CHECK(trained() == one);
    }
    set_threads(0);
}

TEST_CASE("bits: AVX2 and AVX-512") {
    using kernels::Isa;
    if (!kernels::available(Isa::avx2) || !kernels::available(Isa::avx512)) {
        std::puts("skipped: this machine or build lacks AVX2 or AVX-512");
        return;
    }
    std::string prints[2];
    for (const Isa isa : {Isa::avx2, Isa::avx512}) {
        const kernels::IsaScope scope(isa);
        prints[isa == Isa::avx512] = trained();
    }
    CHECK(prints[0] == prints[1]);
}

TEST_CASE("allocations: none in a step, the smaller last batch included") {
#if GRADUS_EIGEN_KERNELS
    std::puts("skipped: Eigen's products allocate");
    return;
#endif
    REQUIRE(AllocationGuard::counting());
    struct Null : std::streambuf {
        int overflow(int c) override { return c; }
        std::streamsize xsputn(const char*, std::streamsize n) override { return n; }
    } null;
    std::ostream out(&null);
    for (const Verbose v : {Verbose::silent, Verbose::line, Verbose::bar}) {
        auto text = text_model();
        auto o = options(BinaryCrossentropy());
        o.metrics.add("", AUC());
        text.compile(o);
        check_allocations(text, padded(1, 200, 72, 14), integers(2, 2, Shape{72}), v, out);
        auto dense = dense_model();
        dense.compile(options(SparseCategoricalCrossentropy()));
        check_allocations(dense, values(1, 2, Shape{90, 45}), integers(2, 10, Shape{90}), v, out);
        Sequential average{Embedding({.input_dim = 200, .output_dim = 8, .mask_zero = true}), GlobalAveragePooling1D(),
                           Dense(1, sigmoid)};
        average.compile(options(BinaryCrossentropy()));
        check_allocations(average, padded(1, 200, 72, 14), integers(2, 2, Shape{72}), v, out);
        Sequential tagger{Embedding({.input_dim = 200, .output_dim = 8, .mask_zero = true}), Dense(1, sigmoid)};
        auto steps = options(BinaryCrossentropy());
        steps.metrics.add("", AUC());
        tagger.compile(steps);
        check_allocations(tagger, padded(1, 200, 72, 14), integers(2, 2, Shape{72, 14}), v, out);
    }
}

// Products in bfloat16: how near training stays to float32, bits, allocations, errors.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"
#include "worse.hpp"

#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace hash_data;

namespace {

Sequential<float> network() {
    Sequential model{Dense(64, relu), Dense(64, relu), Dense(4, softmax)};
    model.build({dim::batch(), 12});
    return model;
}
CompileOptions<float> options(ProductPrecision precision) {
    return {.optimizer = Adam(0.003),
            .loss = SparseCategoricalCrossentropy(),
            .metrics = {Accuracy()},
            .seed = 3,
            .precision = precision};
}

const auto x = values<float>(1, 2, Shape{2400, 12});

// Which of four quarters of the circle two fixed projections of a row lie in.
Tensor<std::int32_t> quarters() {
    const auto w = values<float>(2, 2, Shape{2, 12});
    Tensor<std::int32_t> y(Shape{x.shape()[0]});
    for (Index i = 0; i < y.size(); ++i) {
        float sum[2] = {};
        for (Index j = 0; j < 12; ++j)
            for (Index k : {0, 1}) sum[k] += x(i, j) * w(k, j);
        y[i] = (sum[0] > 0 ? 1 : 0) + (sum[1] > 0 ? 2 : 0);
    }
    return y;
}
const auto y = quarters();

Results trained(ProductPrecision precision, std::string* fingerprint = nullptr) {
    auto model = network();
    model.compile(options(precision));
    model.fit(x.rows(0, 2000), y.rows(0, 2000), {.batch_size = 40, .epochs = 12, .verbose = Verbose::silent});
    if (fingerprint) *fingerprint = model.fingerprint();
    return model.evaluate(x.rows(2000, 2400), y.rows(2000, 2400));
}

const auto sequences = values<float>(3, 2, Shape{1200, 10, 6});

// Whether two features, one of them in reverse, sum to more than nothing over the steps.
Tensor<std::int32_t> signs() {
    Tensor<std::int32_t> labels(Shape{sequences.shape()[0]});
    for (Index i = 0; i < labels.size(); ++i) {
        float sum = 0;
        for (Index t = 0; t < 10; ++t) sum += sequences(i, t, 0) * float(t + 1) + sequences(i, t, 1) * float(10 - t);
        labels[i] = sum > 0;
    }
    return labels;
}

Results trained_recurrent(ProductPrecision precision, std::string* fingerprint = nullptr) {
    static const auto labels = signs();
    Sequential<float> model{Bidirectional(LSTM({.units = 17, .return_sequences = true})), LSTM({.units = 20}),
                            Dense(1, sigmoid)};
    model.build({dim::batch(), 10, 6});
    model.compile({.optimizer = Adam(0.01),
                   .loss = BinaryCrossentropy(),
                   .metrics = {Accuracy()},
                   .seed = 3,
                   .precision = precision});
    model.fit(sequences.rows(0, 800), labels.rows(0, 800),
              {.batch_size = 40, .epochs = 12, .verbose = Verbose::silent});
    if (fingerprint) *fingerprint = model.fingerprint();
    return model.evaluate(sequences.rows(800, 1200), labels.rows(800, 1200));
}

} // namespace

TEST_CASE("precision: recurrent layers in bfloat16 learn as in float32, to one percent of the rows") {
    const Results full = trained_recurrent({}), rounded = trained_recurrent(bfloat16);
    CAPTURE(full["loss"], rounded["loss"], full["accuracy"], rounded["accuracy"]);
    CHECK(full["accuracy"] > 0.94);
    CHECK(std::abs(rounded["accuracy"] - full["accuracy"]) <= 0.0101);
}

TEST_CASE("precision: bfloat16 learns as float32 does, to half a percent of the rows") {
    std::string full_bits, rounded_bits;
    const Results full = trained({}, &full_bits), rounded = trained(bfloat16, &rounded_bits);
    CAPTURE(full["loss"], rounded["loss"], full["accuracy"], rounded["accuracy"]);
    CHECK(full_bits != rounded_bits);
    CHECK(full["accuracy"] > 0.92);
    CHECK(std::abs(rounded["accuracy"] - full["accuracy"]) <= 0.0051);
    CHECK(std::abs(rounded["loss"] - full["loss"]) <= 0.05 * full["loss"]);
}

TEST_CASE("precision: a step's loss in bfloat16 is near float32's, and so is predict") {
    auto full = network(), rounded = network();
    full.compile(options({}));
    rounded.compile(options(bfloat16));
    const auto few = x.rows(0, 50);
    const auto a = full.predict(few), b = rounded.predict(few);
    double worst = 0;
    for (Index i = 0; i < a.size(); ++i) worst = worse(worst, std::abs(double(a[i]) - double(b[i])));
    CHECK(worst > 0);
    CHECK(worst < 0.01);
    const double one = full.train_on_batch(few, y.rows(0, 50))["loss"];
    CHECK(std::abs(rounded.train_on_batch(few, y.rows(0, 50))["loss"] - one) < 0.005 * one);

    Predictor<float> plain(rounded, {.batch = 50}), same(rounded, {.batch = 50, .precision = bfloat16});
    Tensor<float> p(a), q(a);
    plain(few, p);
    same(few, q);
    const auto now = rounded.predict(few);
    CHECK(std::equal(q.begin(), q.end(), now.begin()));
    CHECK(!std::equal(p.begin(), p.end(), now.begin()));
}

#if !GRADUS_EIGEN_KERNELS
TEST_CASE("precision: the same bits on every set with fused multiply-add and for any number of threads") {
    std::string first;
    for (const auto isa : {kernels::Isa::avx2, kernels::Isa::avx512}) {
        if (!kernels::available(isa)) continue;
        kernels::IsaScope scope(isa);
        for (const int n : {1, 3}) {
            set_threads(n);
            std::string bits, recurrent;
            trained(bfloat16, &bits);
            trained_recurrent(bfloat16, &recurrent);
            bits += recurrent;
            if (first.empty()) first = bits;
            CHECK(bits == first);
        }
    }
    set_threads(0);
}

TEST_CASE("precision: no allocation per step in bfloat16") {
    auto model = network();
    model.compile(options(bfloat16));
    const auto few = x.rows(0, 64);
    const auto labels = y.rows(0, 64);
    model.train_on_batch(few, labels);
    model.train_on_batch(few, labels);
    const AllocationGuard guard;
    model.train_on_batch(few, labels);
    CHECK(guard.count() == 0);
}

TEST_CASE("precision: an LSTM rounds backward, too, and allocates nothing") {
    const auto trained = [](ProductPrecision precision) {
        Sequential model{LSTM(8)};
        model.build({dim::batch(), 10, 6});
        model.compile({.optimizer = SGD(0.5), .loss = MeanSquaredError(), .precision = precision});
        return model;
    };
    auto full = trained({}), rounded = trained(bfloat16);
    const auto few = sequences.rows(0, 5);
    const auto targets = values<float>(4, 2, Shape{5, 8});
    for (auto* model : {&full, &rounded}) {
        model->train_on_batch(few, targets);
        const AllocationGuard guard;
        model->train_on_batch(few, targets);
        CHECK(guard.count() == 0);
    }
    for (const char* name : {"lstm.kernel", "lstm.recurrent_kernel"}) {
        CAPTURE(name);
        const auto a = full.parameter(name), b = rounded.parameter(name);
        double worst = 0;
        for (Index i = 0; i < a.size(); ++i) worst = worse(worst, std::abs(double(a[i]) - double(b[i])));
        CHECK(worst > 1e-6);
        CHECK(worst < 1e-2);
    }
}

TEST_CASE("precision: an LSTM rounds in predict, too, and only where it was asked to") {
    Sequential model{LSTM(8)};
    model.build({dim::batch(), 10, 6});
    const auto few = sequences.rows(0, 5);
    Predictor<float> plain(model, {.batch = 5}), rounded(model, {.batch = 5, .precision = bfloat16});
    Tensor<float> p(Shape{5, 8}), q(p);
    plain(few, p);
    rounded(few, q);
    const auto now = model.predict(few);
    CHECK(std::equal(p.begin(), p.end(), now.begin()));
    double worst = 0;
    for (Index i = 0; i < p.size(); ++i) worst = worse(worst, std::abs(double(p[i]) - double(q[i])));
    CHECK(worst > 0);
    CHECK(worst < 0.01);
}
#endif

TEST_CASE("precision: a compile that waits for shapes counts from the first predict on") {
    Sequential model{Dense(64, relu), Dense(4, softmax)};
    model.compile(options(bfloat16));
    model.build({dim::batch(), 12});
    const auto few = x.rows(0, 50);
    const auto before = model.predict(few);
    model.evaluate(few, y.rows(0, 50));
    const auto after = model.predict(few);
    CHECK(std::equal(before.begin(), before.end(), after.begin()));
}

TEST_CASE("precision: what is not there is an error") {
    Sequential<double> twin{Dense<double>(3)};
    twin.build({dim::batch(), 2});
    CHECK(message([&] { Predictor<double>(twin, {.precision = bfloat16}); }) ==
          "predictor: precision bfloat16 expects a model of float, got float64");
    Sequential<double> model{Dense<double>(3)};
    model.build({dim::batch(), 2});
    CHECK(message([&] { model.compile({.optimizer = SGD(), .loss = MeanSquaredError(), .precision = bfloat16}); }) ==
          "compile: precision bfloat16 expects a model of float, got float64");
}

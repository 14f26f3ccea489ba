// What a step does beside the optimizer: penalties, clipping, groups, accumulation, averages, class weights.
#include "catch.hpp"
#include "hash_data.hpp"
#include "message.hpp"
#include "worse.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io/safetensors.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <algorithm>
#include <cmath>

using namespace gradus;
using namespace hash_data;

namespace {

const FitOptions three{.batch_size = 8, .epochs = 3, .verbose = Verbose::silent, .shuffle = false};

template <class T> struct Case {
    CompileOptions<T> options;
    FitOptions fit = three;
    Regularizer regularizer = {};
    Constraint constraint = {};
};

template <class T> Sequential<T> small_model(const Regularizer& r = {}, const Constraint& c = {}) {
    Sequential<T> model{
        Dense<T>({.units = 4, .activation = activation::tanh, .kernel_regularizer = r, .kernel_constraint = c}),
        Dense(3, softmax)};
    model.build({dim::batch(), 5});
    return model;
}
template <class T> void start(Model<T>& model) {
    const auto set = [&](const char* name, const Tensor<T>& from) {
        std::copy(from.begin(), from.end(), model.parameter(name).begin());
    };
    set("dense.kernel", values<T>(3, 0.5f, Shape{5, 4}));
    set("dense_1.kernel", values<T>(4, 0.5f, Shape{4, 3}));
}
template <class T> const auto x_of = values<T>(1, 2, Shape{24, 5});
const auto labels = integers(2, 3, Shape{24});

// Losses of three epochs, parameters after them and a loss then, against Keras's; how far off.
template <class T> double difference(const std::string& name, Case<T> c) {
    static const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/fit.safetensors");
    auto model = small_model<T>(c.regularizer, c.constraint);
    c.options.loss = SparseCategoricalCrossentropy();
    c.options.metrics = {Accuracy()};
    model.compile(c.options);
    start(model);
    const History h = model.fit(x_of<T>, labels, c.fit);
    double worst = 0;
    const auto compare = [&](const char* what, const auto& found) {
        const auto expected = file.template tensor<double>(name + "/" + what);
        REQUIRE(expected.size() == static_cast<Index>(found.size()));
        for (Index i = 0; i < expected.size(); ++i)
            worst = worse(worst, std::abs(static_cast<double>(found[static_cast<std::size_t>(i)]) - expected[i]));
    };
    for (const char* p : {"dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"}) {
        const auto v = model.parameter(p);
        compare(p, std::vector<T>(v.begin(), v.end()));
    }
    compare("loss", h["loss"]);
    if (c.fit.class_weight.empty()) compare("accuracy", h["accuracy"]);
    compare("evaluate", std::vector<double>{model.evaluate(x_of<T>, labels, {.batch_size = 8}).loss()});
    return worst;
}

template <class T> void check_against_keras(double tolerance) {
    const auto with = [](const auto& optimizer) { return Case<T>{.options = {.optimizer = optimizer}}; };
    const auto check = [&](const char* name, const Case<T>& c, double within) {
        INFO(name);
        CHECK(difference(name, c) < within);
    };
    check("plain", with(SGD(0.5)), tolerance);
    auto c = with(SGD(0.5));
    c.regularizer = L1L2(0.01, 0.02);
    check("l1l2", c, tolerance);
    c = with(SGD(0.5));
    c.constraint = MaxNorm(0.4);
    check("max_norm", c, std::max(tolerance, 1e-6)); // Keras also scales columns below the limit, by 1 - 1e-7 / norm
    c = with(SGD(0.5));
    c.options.clip.value = 0.01;
    check("clip_value", c, tolerance);
    c.options.clip = {.norm = 0.05};
    check("clip_norm", c, tolerance);
    c.options.clip = {.global_norm = 0.05};
    check("clip_global_norm", c, tolerance);
    c = with(Adam(0.05));
    c.options.ema.momentum = 0.9;
    check("ema", c, tolerance);
    c = with(Adam(0.05));
    c.options.accumulate = 3;
    c.fit.batch_size = 4;
    check("accumulate", c, tolerance);
    c = with(SGD(0.5));
    c.fit.class_weight = {{0, 2.0}, {1, 0.5}};
    check("class_weight", c, tolerance);
    c.options.optimizer = Adam(0.05);
    c.options.clip = {.global_norm = 0.05};
    c.options.ema.momentum = 0.9;
    c.regularizer = L1L2(0.01, 0.02);
    check("all", c, tolerance);
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = worse(worst, std::abs(a[i] - b[i]));
    return a.size() == b.size() ? worst : HUGE_VAL;
}
template <class T> std::vector<double> all_values(const Model<T>& model) {
    std::vector<double> all;
    for (const auto& v : model.variables())
        for (const T x : v.view.template as<const T>()) all.push_back(static_cast<double>(x));
    return all;
}

// An embedding whose gradient is row-sparse where its table has no other reader, and dense where a penalty of next to
// nothing reads every row.
std::string text_print(bool sparse, const ClipOptions& clip, Index accumulate) {
    Sequential model{
        Embedding(
            {.input_dim = 300, .output_dim = 20, .embeddings_regularizer = L2(sparse ? 0 : 1e-300), .mask_zero = true}),
        LSTM(8), Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(0.05),
                   .loss = BinaryCrossentropy(),
                   .seed = 5,
                   .groups = {{"embedding", 0.5}},
                   .clip = clip,
                   .accumulate = accumulate,
                   .ema = {.momentum = 0.8}});
    model.fit(padded(1, 300, 40, 9), integers(2, 2, Shape{40}),
              {.batch_size = 6, .epochs = 3, .verbose = Verbose::silent});
    return model.fingerprint();
}

} // namespace

TEST_CASE("update: Keras's numbers in double", "[golden]") { check_against_keras<double>(1e-9); }
TEST_CASE("update: Keras's numbers in float", "[golden]") { check_against_keras<float>(1e-5); }

TEST_CASE("update: a row-sparse gradient has the bits of a dense one, clipped and accumulated") {
    for (const ClipOptions& clip :
         {ClipOptions{}, ClipOptions{.value = 1e-3}, ClipOptions{.norm = 1e-2}, ClipOptions{.global_norm = 1e-2}})
        for (const Index n : {1, 3}) CHECK(text_print(true, clip, n) == text_print(false, clip, n));
    CHECK(text_print(true, {.norm = 1e-2}, 1) != text_print(true, {.global_norm = 1e-2}, 1));
}

TEST_CASE("update: the same bits for 1, 2, 3 and 8 threads, on AVX2 and AVX-512") {
    const auto train = [] {
        Sequential model{Dense({.units = 300,
                                .activation = relu,
                                .kernel_regularizer = L1L2(1e-4, 1e-3),
                                .kernel_constraint = MaxNorm(1)}),
                         Dense(10, softmax)};
        model.compile({.optimizer = Adam(0.01),
                       .loss = SparseCategoricalCrossentropy(),
                       .seed = 4,
                       .clip = {.global_norm = 0.1},
                       .accumulate = 2,
                       .ema = {.momentum = 0.9}});
        const History h =
            model.fit(values(1, 2, Shape{150, 400}), integers(2, 10, Shape{150}),
                      {.batch_size = 32, .epochs = 2, .verbose = Verbose::silent, .class_weight = {{3, 2.0}}});
        return model.fingerprint() + " " + std::to_string(h["loss"].back()) + " " +
               text_print(true, {.global_norm = 1e-2}, 2);
    };
    set_threads(1);
    const std::string one = train();
    for (const int n : {2, 3, 8}) {
        set_threads(n);
        CHECK(train() == one);
    }
    set_threads(0);
    using kernels::Isa;
    if (!kernels::available(Isa::avx2) || !kernels::available(Isa::avx512)) return;
    const auto on = [&](Isa isa) {
        const kernels::IsaScope scope(isa);
        return train();
    };
    const std::string narrow = on(Isa::avx2);
    CHECK(on(Isa::avx512) == narrow);
    if (kernels::isa() != Isa::baseline) CHECK(narrow == one);
}

TEST_CASE("update: groups have rates of their own") {
    const auto train = [](const std::vector<ParameterGroup>& groups, double rate) {
        auto model = small_model<double>();
        model.compile({.optimizer = SGD(rate), .loss = SparseCategoricalCrossentropy(), .groups = groups});
        start(model);
        model.train_on_batch(x_of<double>, labels);
        return all_values(model);
    };
    const auto slow = train({}, 0.125), fast = train({}, 0.5), mixed = train({{"dense", 0.25}}, 0.5);
    const auto kernel = [](const std::vector<double>& v) { return std::vector<double>(v.begin(), v.begin() + 24); };
    const auto rest = [](const std::vector<double>& v) { return std::vector<double>(v.begin() + 24, v.end()); };
    CHECK(kernel(mixed) == kernel(slow));
    CHECK(rest(mixed) == rest(fast));
    // The first that covers a parameter; a rate of 0 leaves it.
    const auto two = train({{"dense.bias", 0}, {"dense", 0.25}}, 0.5), start_values = train({}, 0);
    CHECK(std::equal(two.begin(), two.begin() + 20, slow.begin()));
    CHECK(std::equal(two.begin() + 20, two.begin() + 24, start_values.begin() + 20));
}

TEST_CASE("update: accumulated batches are one batch; the last group may be smaller") {
    const auto x = x_of<double>;
    const auto run = [&](Index batch, Index accumulate, Index rows, Index epochs) {
        auto model = small_model<double>();
        model.compile({.optimizer = Adam(0.05), .loss = SparseCategoricalCrossentropy(), .accumulate = accumulate});
        start(model);
        std::string calls;
        model.fit(x.rows(0, rows), labels.rows(0, rows),
                  {.batch_size = batch,
                   .epochs = epochs,
                   .verbose = Verbose::silent,
                   .callbacks = {LambdaCallback({.on_batch_end =
                                                     [&](ModelBase& m, Index b, std::span<const Log>) {
                                                         calls += std::to_string(b) + ":" +
                                                                  std::to_string(m.updates()) + " ";
                                                     }})},
                   .shuffle = false});
        return std::pair(all_values(model), calls);
    };
    CHECK(distance(run(12, 1, 24, 2).first, run(4, 3, 24, 2).first) < 1e-12);
    CHECK(run(4, 3, 24, 2).second == "0:1 1:2 0:3 1:4 ");
    // 22 rows in batches of 4: groups of 12 rows, and of 4 + 4 + 2.
    CHECK(distance(run(12, 1, 22, 2).first, run(4, 3, 22, 2).first) < 1e-12);
    // 18 rows: five batches, the last of two rows, the last group of two batches.
    CHECK(distance(run(12, 1, 18, 2).first, run(4, 3, 18, 2).first) < 1e-12);
    CHECK(run(4, 3, 18, 2).second == "0:1 1:2 0:3 1:4 ");
    CHECK(run(4, 100, 24, 2).second == "0:1 0:2 ");
}

TEST_CASE("update: accumulation over masked steps, several losses, and by hand") {
    const auto ids = padded(1, 30, 12, 7);
    const auto y = integers(3, 3, Shape{12, 7});
    const auto tagger = [&](Index accumulate) {
        Sequential<double> model{Embedding<double>({.input_dim = 30, .output_dim = 4, .mask_zero = true}),
                                 LSTM({.units = 3, .return_sequences = true}), Dense(3, softmax)};
        model.compile(
            {.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy(), .seed = 2, .accumulate = accumulate});
        model.fit(ids, y, {.batch_size = 12 / accumulate, .epochs = 2, .verbose = Verbose::silent, .shuffle = false});
        return all_values(model);
    };
    CHECK(distance(tagger(1), tagger(3)) < 1e-12);

    const auto two = [&](Index accumulate) {
        const Node in = input<double>({dim::batch(), 5});
        const Node h = Dense<double>(4, activation::tanh)(in);
        Model<double> model({in}, {Dense<double>(3, softmax)(h), Dense<double>(1)(h)});
        model.compile({.optimizer = SGD(0.5),
                       .loss = {SparseCategoricalCrossentropy(), MeanSquaredError()},
                       .loss_weights = {1, 0.25},
                       .seed = 2,
                       .accumulate = accumulate});
        for (Index i = 0; i < accumulate; ++i) {
            const Index first = i * 24 / accumulate, last = (i + 1) * 24 / accumulate;
            model.train_on_batch(x_of<double>.rows(first, last),
                                 {labels.rows(first, last), values<double>(9, 1, Shape{24, 1}).rows(first, last)});
        }
        CHECK(model.updates() == 1);
        return all_values(model);
    };
    CHECK(distance(two(1), two(3)) < 1e-12);

    // The public steps: backward as often as wanted, then one step.
    const auto by_hand = [&](Index accumulate, Index parts) {
        auto model = small_model<double>();
        model.compile({.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy(), .accumulate = accumulate});
        start(model);
        for (Index i = 0; i < parts; ++i) {
            model.forward(x_of<double>.rows(i * 24 / parts, (i + 1) * 24 / parts));
            model.loss(labels.rows(i * 24 / parts, (i + 1) * 24 / parts));
            model.backward();
        }
        model.step();
        return all_values(model);
    };
    CHECK(distance(by_hand(1, 1), by_hand(9, 4)) < 1e-12);
    CHECK(distance(by_hand(1, 1), by_hand(1, 4)) > 1e-3); // without .accumulate, gradients of means add up
}

TEST_CASE("update: asking for gradients of inputs begins a group anew") {
    const auto run = [&](bool asks) {
        auto model = small_model<double>();
        model.compile({.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy(), .accumulate = 2});
        start(model);
        if (asks) model.train_on_batch(x_of<double>, labels);
        if (asks) model.want_input_gradients();
        for (int i = 0; i < 2; ++i) {
            CHECK(model.updates() == 0);
            model.train_on_batch(x_of<double>, labels);
        }
        CHECK(model.updates() == 1);
        return all_values(model);
    };
    CHECK(distance(run(true), run(false)) == 0);
}

TEST_CASE("update: random numbers differ between the batches of a group") {
    Sequential<float> model{Dropout(0.5), Dense(1, sigmoid)};
    model.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy(), .accumulate = 2});
    const Tensor<float> x(Shape{4, 8}, 1.0f);
    const Tensor<std::int32_t> y(Shape{4});
    const double first = model.train_on_batch(x, y).loss(), second = model.train_on_batch(x, y).loss();
    CHECK(model.updates() == 1);
    CHECK(first != second);
}

TEST_CASE("update: averages stay apart until they are asked for") {
    auto model = small_model<double>(), plain = small_model<double>();
    model.compile({.optimizer = SGD(0.5),
                   .loss = SparseCategoricalCrossentropy(),
                   .ema = {.momentum = 0.75, .overwrite = false}});
    plain.compile({.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy()});
    start(model);
    start(plain);
    std::vector<double> average;
    for (int i = 0; i < 5; ++i) {
        model.fit(x_of<double>, labels, {.batch_size = 24, .verbose = Verbose::silent});
        plain.fit(x_of<double>, labels, {.batch_size = 24, .verbose = Verbose::silent});
        const auto now = all_values(plain);
        if (average.empty()) average = now;
        for (std::size_t k = 0; k < now.size(); ++k) average[k] = 0.75 * average[k] + 0.25 * now[k];
    }
    const std::string trained = model.fingerprint();
    CHECK(trained == plain.fingerprint());
    {
        const AveragedScope scope(model);
        CHECK(model.is_averaged());
        CHECK(distance(all_values(model), average) < 1e-14);
        const AveragedScope inner(model);
        CHECK(distance(all_values(model), average) < 1e-14);
        CHECK(message([&] { model.fit(x_of<double>, labels, three); }) ==
              "fit: expects the trained parameters in place, got their averages (swap_averaged)");
        CHECK_THROWS_AS(model.train_on_batch(x_of<double>, labels), ValueError);
        CHECK_THROWS_AS(model.freeze("dense"), ValueError);
        CHECK(model.evaluate(x_of<double>, labels).loss() != plain.evaluate(x_of<double>, labels).loss());
    }
    CHECK(model.fingerprint() == trained);
    CHECK(model.updates() == 5);
    CHECK_THROWS_AS(plain.swap_averaged(), ValueError);
}

TEST_CASE("class weights: labels, one-hot targets, steps, and what does not see them") {
    const auto train = [](const Columns& y, const auto& loss, const FitOptions& o) {
        auto model = small_model<double>();
        model.compile({.optimizer = SGD(0.5), .loss = loss, .metrics = {Accuracy()}});
        start(model);
        const History h = model.fit(x_of<double>, y, o);
        return std::pair(all_values(model), h);
    };
    FitOptions by_class = three, by_sample = three;
    by_class.class_weight = {{0, 2.0}, {2, 0.25}};
    Tensor<float> w(Shape{24}, 1.0f), one_hot(Shape{24, 3});
    for (Index i = 0; i < 24; ++i) {
        w[i] = labels[i] == 0 ? 2.0f : labels[i] == 2 ? 0.25f : 1.0f;
        one_hot[i * 3 + labels[i]] = 1;
    }
    by_sample.sample_weight = w;
    const auto a = train(labels, SparseCategoricalCrossentropy(), by_class);
    const auto b = train(labels, SparseCategoricalCrossentropy(), by_sample);
    const auto c = train(one_hot, CategoricalCrossentropy(), by_class);
    CHECK(a.first == b.first);
    CHECK(distance(a.first, c.first) < 1e-12);
    CHECK(a.second["loss"] == b.second["loss"]);
    by_class.validation_split = 0.25;
    const History h = train(labels, SparseCategoricalCrossentropy(), by_class).second;
    CHECK(h.contains("val_loss"));

    // One class for each step.
    Sequential<double> tagger{Dense<double>(1, sigmoid)};
    tagger.compile({.optimizer = SGD(0.5), .loss = BinaryCrossentropy()});
    const auto steps = values<double>(1, 2, Shape{6, 4, 3});
    const auto targets = integers(2, 2, Shape{6, 4, 1});
    const double plain = tagger.evaluate(steps, targets).loss();
    const History t = tagger.fit(steps, targets, {.verbose = Verbose::silent, .class_weight = {{0, 3.0}, {1, 3.0}}});
    CHECK(std::abs(t["loss"][0] - 3 * plain) < 1e-12);

    FitOptions both = by_sample;
    both.class_weight = {{0, 2.0}};
    auto model = small_model<double>();
    model.compile({.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy()});
    start(model);
    const std::string before = model.fingerprint();
    CHECK(message([&] { model.fit(x_of<double>, labels, both); }) ==
          "fit: expects class_weight or sample_weight, got both");
    both = three;
    both.class_weight = {{1, std::nan("")}};
    CHECK_THROWS_AS(model.fit(x_of<double>, labels, both), ValueError);
    CHECK(model.fingerprint() == before);
}

TEST_CASE("update: options out of their ranges") {
    auto model = small_model<float>();
    const auto error = [&](auto change) {
        CompileOptions<float> o{.optimizer = SGD(0.5), .loss = SparseCategoricalCrossentropy()};
        change(o);
        return message([&] { model.compile(o); });
    };
    using O = CompileOptions<float>;
    CHECK(error([](O& o) { o.clip.value = -1; }) ==
          "compile: clip.value expects a finite limit, or 0 for none, got -1");
    CHECK(error([](O& o) { o.clip.norm = std::nan(""); }).find("clip.norm") != std::string::npos);
    CHECK(error([](O& o) { o.clip = {.norm = 1, .global_norm = 1}; }) ==
          "compile: clip expects one of value, norm and global_norm, got 2");
    CHECK(error([](O& o) { o.ema.momentum = 1; }).find("ema.momentum") != std::string::npos);
    CHECK(error([](O& o) { o.accumulate = 0; }) == "compile: accumulate expects at least 1 batch, got 0");
    CHECK(error([](O& o) { o.groups = {{"dense", -1}}; }) ==
          "compile: groups: the scale of \"dense\" expects a finite number of at least 0, got -1");
    CHECK(error([](O& o) { o.groups = {{"dens", 1}}; }) ==
          "compile: groups expects names of layers, scopes or parameters (dense.kernel, dense.bias, dense_1.kernel, "
          "dense_1.bias), got \"dens\"");
    CHECK_FALSE(model.is_compiled());
}

TEST_CASE("Results: more values than are held inline") {
    Results r;
    for (int i = 0; i < 40; ++i) r.add("m" + std::to_string(i), i);
    for (int i = 0; i < 40; ++i) CHECK(r["m" + std::to_string(i)] == i);
    CHECK(r.end() - r.begin() == 40);
}

TEST_CASE("update: a step allocates nothing") {
#if GRADUS_EIGEN_KERNELS
    return;
#endif
    REQUIRE(AllocationGuard::counting());
    Sequential model{Embedding({.input_dim = 300, .output_dim = 20, .mask_zero = true}),
                     LSTM({.units = 8, .kernel_regularizer = L2(0.01)}),
                     Dense({.units = 1, .activation = sigmoid, .kernel_constraint = MaxNorm(1)})};
    model.compile({.optimizer = Adam(0.05),
                   .loss = BinaryCrossentropy(),
                   .groups = {{"embedding", 0.5}},
                   .clip = {.global_norm = 0.1},
                   .accumulate = 3,
                   .ema = {.momentum = 0.9}});
    const auto x = padded(1, 300, 72, 9);
    const auto y = integers(2, 2, Shape{72});
    Index allocations = 0, steps = 0, last = 0;
    const LambdaCallback count({.on_epoch_begin = [&](ModelBase&, Index e) { steps = e ? 0 : -1000; },
                                .on_batch_end =
                                    [&](ModelBase&, Index b, std::span<const Log>) {
                                        const Index now = detail::allocation_count.load();
                                        if (b > 0 && steps >= 0) allocations += now - last, ++steps;
                                        last = now;
                                    }});
    model.fit(x, y,
              {.batch_size = 6,
               .epochs = 3,
               .verbose = Verbose::silent,
               .callbacks = {count, TerminateOnNaN()},
               .class_weight = {{1, 2.0}}});
    CHECK(steps == 3);
    CHECK(allocations == 0);
    model.train_on_batch(x, y);
    {
        const AllocationGuard guard;
        for (int i = 0; i < 4; ++i) model.train_on_batch(x, y);
        model.swap_averaged();
        model.swap_averaged();
        CHECK(guard.count() == 0);
    }
}

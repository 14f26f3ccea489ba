// What outlives a step: running statistics, trained and frozen; carries of stateful layers, across plans.
#include "support.hpp"

using namespace contract;

TEST_CASE("state: a running mean is written in training only") {
    Sequential<double> model{RunningMean(), Dense(1)};
    model.build({dim::batch(), 3});
    const auto x = numbers<double>(Shape{4, 3}, 1, 0, 1);
    double mean[3] = {};
    for (Index i = 0; i < x.size(); ++i) mean[i % 3] += x[i] / 4;
    const auto state = model.parameter("running_mean.mean");
    model.predict(x);
    model.forward(x, false);
    for (int c = 0; c < 3; ++c) CHECK(state[c] == 0);
    model.forward(x);
    for (int c = 0; c < 3; ++c) CHECK(std::abs(state[c] - mean[c] / 2) < 1e-15);
    model.forward(x);
    for (int c = 0; c < 3; ++c) CHECK(std::abs(state[c] - mean[c] * 0.75) < 1e-15);
    CHECK(model.count_parameters() == 4);
    CHECK(model.variables().size() == 3);
}

TEST_CASE("state: frozen at one place, trained at another") {
    const RunningMean<double> mean;
    const Node a = input<double>({dim::batch(), 2});
    Model<double> trained({a}, {mean(a)});
    const Node fixed_node = mean(a);
    fixed_node.place()->training = false;
    Model<double> fixed({a}, {fixed_node});
    const auto x = numbers<double>(Shape{4, 2}, 1, 1, 2);
    trained.forward(x);
    const Tensor<double> after(trained.parameter("running_mean.mean"));
    CHECK(after[0] > 0);
    fixed.forward(x);
    CHECK(same_bits(fixed.parameter("running_mean.mean"), after));
    CHECK(std::abs(fixed.output()[0] - (x[0] - after[0])) < 1e-15);
}

TEST_CASE("state: compile freezes layers by name, statistics too") {
    Sequential<double> model{Dense(3).named("body"), RunningMean().named("norm"), Dense(1).named("head")};
    model.build({dim::batch(), 2});
    const auto x = numbers<double>(Shape{8, 2}, 1);
    const auto y = numbers<double>(Shape{8, 1}, 2, 0, 1);
    const auto value = [&](const char* name) { return Tensor<double>(model.parameter(name)); };
    const auto body = value("body.kernel"), mean = value("norm.mean"), head = value("head.kernel"),
               bias = value("head.bias");
    const auto loss = BinaryCrossentropy({.from_logits = true});
    model.compile({.optimizer = Adam(0.1), .loss = loss, .frozen = {"body", "norm", "head.bias"}});
    for (int i = 0; i < 3; ++i) model.train_on_batch(x, y);
    CHECK(same_bits(value("body.kernel"), body));
    CHECK(same_bits(value("norm.mean"), mean));
    CHECK(same_bits(value("head.bias"), bias));
    CHECK(!same_bits(value("head.kernel"), head));
    CHECK_THROWS_AS(model.gradient("body.kernel"), ValueError);
    const std::string error =
        message<ValueError>([&] { model.compile({.optimizer = Adam(0.1), .loss = loss, .frozen = {"bod"}}); });
    CHECK(error.find("body.kernel") != std::string::npos);
    CHECK(error.find("\"bod\"") != std::string::npos);
    model.compile({.optimizer = Adam(0.1), .loss = loss});
    model.train_on_batch(x, y);
    CHECK(!same_bits(value("body.kernel"), body));
    CHECK(!same_bits(value("norm.mean"), mean));
}

TEST_CASE("state: a frozen layer inside a wrapper, and at every place") {
    const RunningMean<double> mean;
    const Node a = input<double>({dim::batch(), 2});
    const Node y = Dense<double>(1).named("head")(Inside<double>(mean).named("wrapper")(mean.named("norm")(a)));
    Model<double> model({a}, {y});
    const auto x = numbers<double>(Shape{8, 2}, 1, 1, 2), target = numbers<double>(Shape{8, 1}, 2);
    const auto statistics = [&] { return Tensor<double>(model.parameter("norm.mean")); };
    model.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError(), .frozen = {"norm"}});
    for (int i = 0; i < 2; ++i) model.train_on_batch(x, target);
    CHECK(statistics()[0] == 0);
    model.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError()});
    model.train_on_batch(x, target);
    CHECK(statistics()[0] > 0.5);

    const Node own = Dense<double>(1).named("head")(Inside<double>(RunningMean<double>()).named("wrapper")(a));
    Model<double> inside({a}, {own});
    for (const std::string name : {"wrapper", "wrapper.inner"}) {
        inside.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError(), .frozen = {name}});
        inside.train_on_batch(x, target);
        CHECK(inside.parameter("wrapper.inner.mean")[0] == 0);
    }
    inside.compile({.optimizer = SGD(0.1), .loss = MeanSquaredError()});
    inside.train_on_batch(x, target);
    CHECK(inside.parameter("wrapper.inner.mean")[0] > 0.5);
}

TEST_CASE("state: a stateful LSTM over two halves is one over the whole, masked steps too") {
    const auto make = [](bool stateful) {
        Sequential<double> model{Embedding({.input_dim = 20, .output_dim = 3, .mask_zero = true}),
                                 LSTM({.units = 4, .return_sequences = true, .stateful = stateful})};
        model.build({dim::batch(), dim::time()});
        model.initialize(5);
        return model;
    };
    auto whole = make(false), halves = make(true);
    for (const auto& v : whole.variables()) {
        const auto to = halves.parameter(v.name);
        std::memcpy(to.data(), v.view.data, static_cast<std::size_t>(v.view.bytes()));
    }
    auto ids = integers(Shape{3, 10}, 1, 20);
    for (Index t : {0, 5, 6, 9}) ids(1, t) = 0;
    for (Index t : {4, 5}) ids(2, t) = 0;
    const auto y = whole.predict(ids);
    const auto part = [&](Index first, Index last) {
        Tensor<std::int32_t> t(Shape{3, last - first});
        for (Index b = 0; b < 3; ++b)
            for (Index i = first; i < last; ++i) t(b, i - first) = ids(b, i);
        return t;
    };
    const auto agrees = [&](const Tensor<double>& p, Index first) {
        for (Index b = 0; b < 3; ++b)
            for (Index t = 0; t < p.shape()[1]; ++t)
                for (Index u = 0; u < 4; ++u) CHECK(std::abs(p(b, t, u) - y(b, first + t, u)) < 1e-12);
    };
    // The second part is longer: the plan grows, and the carry stays.
    agrees(halves.predict(part(0, 4)), 0);
    agrees(halves.predict(part(4, 10)), 4);
    halves.reset_states();
    agrees(halves.predict(part(0, 6)), 0);
    agrees(halves.predict(part(6, 10)), 6);
    const auto again = halves.predict(part(0, 6));
    halves.reset_states();
    CHECK(!same_bits(again, halves.predict(part(0, 6))));
    CHECK(halves.variables().size() == whole.variables().size());
}

TEST_CASE("state: carries of rows that come back start from zero") {
    Sequential<double> model{LSTM({.units = 2, .stateful = true})};
    model.build({dim::batch(), dim::time(), 1});
    const auto x = numbers<double>(Shape{3, 2, 1}, 1);
    const auto first = model.predict(x);
    model.predict(x.rows(0, 1));
    const auto third = model.predict(x);
    CHECK(third(0, 0) != first(0, 0));
    for (Index b : {1, 2})
        for (Index u : {0, 1}) CHECK(third(b, u) == first(b, u));
}

TEST_CASE("state: training carries too, and does not mix with prediction") {
    Sequential<double> model{LSTM({.units = 2, .stateful = true}), Dense(1, sigmoid)};
    model.build({dim::batch(), 2, 1});
    const auto x = numbers<double>(Shape{2, 2, 1}, 1);
    model.forward(x);
    const Tensor<double> a(model.output());
    model.forward(x);
    const Tensor<double> b(model.output());
    CHECK(!same_bits(a, b));
    CHECK(largest_difference(model.predict(x), a) < 1e-12);
    model.reset_states();
    model.forward(x);
    CHECK(same_bits(model.output(), a));
}

TEST_CASE("state: Bidirectional around a stateful LSTM with masks") {
    const Bidirectional<double> both(LSTM<double>({.units = 3, .return_sequences = true, .stateful = true}));
    const Node ids = input<double>({dim::batch(), dim::time()}, Dtype::i32);
    const Node x = Embedding<double>({.input_dim = 9, .output_dim = 2, .mask_zero = true})(ids);
    const Node y = both(x);
    CHECK(y.has_mask());
    const Node p = Dense<double>(1, sigmoid)(y);
    Model<double> model({ids}, {p});
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy()});
    auto tokens = integers(Shape{4, 6}, 3, 9);
    for (Index t : {0, 1, 5}) tokens(0, t) = 0;
    for (Index t = 0; t < 6; ++t) tokens(3, t) = 0;
    const auto labels = integers(Shape{4, 6, 1}, 4, 2);
    const double first = model.train_on_batch(tokens, labels).loss();
    double last = first;
    for (int i = 0; i < 60; ++i) last = model.train_on_batch(tokens, labels).loss();
    CHECK(last < 0.6 * first);
    // The forward direction carries on, the backward one too: predictions of the same batch differ until states are
    // reset.
    const auto a = model.predict(tokens), b = model.predict(tokens);
    CHECK(!same_bits(a, b));
    model.reset_states();
    CHECK(same_bits(model.predict(tokens), a));
}

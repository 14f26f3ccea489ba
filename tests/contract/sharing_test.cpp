// One layer at several places, in several models, of both scalars; names, clones, tied weights, two optimizers.
#include "support.hpp"

#include <gradus/testing/check_layer.hpp>

#include <memory>

using namespace contract;

namespace {

struct TiedModel {
    Embedding<double> embedding{{.input_dim = 7, .output_dim = 3}};
    Node ids = input<double>({dim::batch(), dim::time()}, Dtype::i32);
    Node logits =
        TiedProjection<double>(embedding, 7)(LSTM<double>({.units = 3, .return_sequences = true})(embedding(ids)));
    Model<double> model{{ids}, {logits}};
};

} // namespace

TEST_CASE("sharing: one layer at two places with different shapes adds its gradients") {
    const Scale<double> scale;
    const Node a = input<double>({dim::batch(), 3}), b = input<double>({dim::batch(), dim::time(), 5});
    Model<double> model({a, b}, {scale(a), scale(b)});
    CHECK(model.variables().size() == 1);
    CHECK(model.parameter("scale.s")[0] == 2);
    CHECK(model.output_names() == std::vector<std::string>{"scale", "scale_1"});
    const auto x0 = numbers<double>(Shape{2, 3}, 1), x1 = numbers<double>(Shape{2, 4, 5}, 2);
    const auto d0 = numbers<double>(Shape{2, 3}, 3), d1 = numbers<double>(Shape{2, 4, 5}, 4);
    model.forward({x0, x1});
    CHECK(model.output(1)[7] == 2 * x1[7]);
    model.backward({d0.view(), d1.view()});
    double expected = 0;
    for (Index i = 0; i < x0.size(); ++i) expected += x0[i] * d0[i];
    for (Index i = 0; i < x1.size(); ++i) expected += x1[i] * d1[i];
    CHECK(std::abs(model.gradient("scale.s")[0] - expected) < 1e-12);
    const Dense<double> d(2);
    const Node wide = input<double>({dim::batch(), 4});
    const std::string error = message<ShapeError>([&] { Model<double>({a, wide}, {d(a), d(wide)}).initialize(0); });
    CHECK(error.find("kernel is shared with a place where it is [3, 2], got [4, 2]") != std::string::npos);
}

TEST_CASE("sharing: two models, and the first is destroyed") {
    const Dense<double> body(3, relu);
    auto first = std::make_unique<Sequential<double>>(body, Dense(1, sigmoid));
    Sequential<double> second{body, Dense(2, softmax)};
    const auto x = numbers<double>(Shape{8, 2}, 1);
    const auto y = integers(Shape{8}, 2, 2);
    first->compile({.optimizer = Adam(0.1), .loss = BinaryCrossentropy(), .seed = 4});
    first->train_on_batch(x, y);
    second.compile({.optimizer = SGD(0.1), .loss = SparseCategoricalCrossentropy(), .seed = 5});
    second.train_on_batch(x, y);
    CHECK(first->parameter("dense.kernel").data() == second.parameter("dense.kernel").data());
    CHECK(first->parameter("dense_1.kernel").data() != second.parameter("dense_1.kernel").data());
    const Tensor<double> before(second.parameter("dense.kernel"));
    first->train_on_batch(x, y);
    CHECK(!same_bits(second.parameter("dense.kernel"), before));
    const auto p = second.predict(x);
    first.reset();
    CHECK(same_bits(second.predict(x), p));
    second.train_on_batch(x, y);
    CHECK(!same_bits(second.predict(x), p));
    Sequential<double> third{body};
    CHECK(same_bits(
        [&] {
            third.build({dim::batch(), 2});
            return Tensor<double>(third.parameter("dense.kernel"));
        }(),
        second.parameter("dense.kernel")));
}

TEST_CASE("sharing: a clone has values but nothing else in common") {
    const Dense<double> d(2);
    const Node a = input<double>({dim::batch(), 2});
    Model<double> model({a}, {d(d(a))});
    model.compile({.optimizer = SGD(0.5), .loss = BinaryCrossentropy({.from_logits = true})});
    Model<double> copy = model.clone();
    const auto x = numbers<double>(Shape{4, 2}, 1);
    CHECK(copy.count_parameters() == 6);
    CHECK(copy.fingerprint() == model.fingerprint());
    CHECK(copy.parameter("dense.kernel").data() != model.parameter("dense.kernel").data());
    copy.train_on_batch(x, numbers<double>(Shape{4, 2}, 2, 0, 1));
    CHECK(copy.fingerprint() != model.fingerprint());
}

TEST_CASE("sharing: a layer has parameters of its own in a model of another scalar") {
    const Dense layer(2);
    Sequential single{layer};
    Sequential<double> twice{layer};
    single.build({dim::batch(), 3});
    twice.build({dim::batch(), 3});
    single.initialize(1);
    twice.initialize(1);
    const auto a = single.parameter("dense.kernel");
    const auto b = twice.parameter("dense.kernel");
    CHECK(largest_difference(a, b) < 1e-6);
    Sequential<double> third{Dense<double>(layer)};
    third.build({dim::batch(), 3});
    CHECK(third.parameter("dense.kernel").data() == b.data());
    const auto x = numbers(Shape{4, 3}, 1);
    CHECK(largest_difference(single.predict(x), twice.predict(x)) < 1e-6);
}

TEST_CASE("sharing: names are scope and layer, numbered per model") {
    const Node a = input({dim::batch(), 3});
    Node y = Dense(3)(a);
    {
        const Scope encoder("encoder.0");
        y = Dense(3)(y);
        y = Dense(3).named("out")(y);
        const Scope inner("inner");
        y = Dense(3)(y);
    }
    y = Dense(3)(y);
    y = Dense(3).named("out")(y);
    y = Dense(3).named("out")(y);
    Model<float> model({a}, {y});
    std::string names;
    for (const auto& v : model.variables())
        if (v.name.find("kernel") != std::string::npos) names += v.name.substr(0, v.name.size() - 7) + " ";
    CHECK(names == "dense encoder.0.dense encoder.0.out encoder.0.inner.dense dense_1 out out_1 ");
    CHECK(Model<float>({a}, {Dense(1)(a)}).output_names()[0] == "dense");
}

TEST_CASE("sharing: an embedding and its transposed projection are one matrix") {
    TiedModel tied;
    CHECK(tied.model.variables().size() == 4);
    const auto ids = integers(Shape{2, 4}, 1, 7);
    const auto labels = integers(Shape{2, 4}, 2, 7);
    const auto loss = SparseCategoricalCrossentropy({.from_logits = true});
    tied.model.compile({.optimizer = Adam(0.05), .loss = loss});
    tied.model.forward(ids);
    tied.model.loss(labels);
    tied.model.backward();
    const Tensor<double> gradient(tied.model.gradient("embedding.embeddings"));
    const auto table = tied.model.parameter("embedding.embeddings");
    for (Index i = 0; i < table.size(); ++i) {
        const double value = table[i], h = 1e-5;
        double side[2];
        for (int s : {0, 1}) {
            table[i] = value + (s ? h : -h);
            tied.model.forward(ids);
            side[s] = tied.model.loss(labels);
        }
        table[i] = value;
        CHECK(std::abs((side[1] - side[0]) / (2 * h) - gradient[i]) < 1e-8);
    }
    double last = 10;
    for (int i = 0; i < 100; ++i) last = tied.model.train_on_batch(ids, labels).loss();
    CHECK(last < 0.5);

    Model<double> copy = tied.model.clone();
    CHECK(copy.variables().size() == 4);
    CHECK(same_bits(copy.predict(ids), tied.model.predict(ids)));
    const std::string before = tied.model.fingerprint();
    copy.parameter("embedding.embeddings")[0] += 1;
    CHECK(tied.model.fingerprint() == before);
    CHECK(!same_bits(copy.predict(ids), tied.model.predict(ids)));

    const Embedding<double> elsewhere({.input_dim = 7, .output_dim = 3});
    const Node x = input<double>({dim::batch(), 3});
    const std::string error =
        message<ValueError>([&] { Model<double>({x}, {TiedProjection<double>(elsewhere, 7)(x)}).initialize(0); });
    CHECK(error.find("refers to \"embeddings\" of a layer (embedding) that is not part of the model") !=
          std::string::npos);
}

TEST_CASE("sharing: two optimizers on two models, the step of a GAN") {
    // The discriminator judges [N, 2]; the generator is trained through it, frozen.
    const Dense<double> d0(8, activation::tanh), d1(1, sigmoid), g0(8, activation::tanh), g1(2);
    const auto judge = [&](const Node& x) {
        const Scope scope("judge");
        return d1(d0(x));
    };
    const Node x = input<double>({dim::batch(), 2}), z = input<double>({dim::batch(), 3});
    const Node fake = g1(g0(z));
    Model<double> discriminator({x}, {judge(x)}), generator({z}, {fake}), both({z}, {judge(fake)});
    discriminator.compile({.optimizer = Adam(0.02), .loss = BinaryCrossentropy(), .seed = 1});
    both.compile({.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .seed = 2, .frozen = {"judge"}});
    CHECK(both.table()->list().size() == 8);

    const auto of = [](Model<double>& m, const char* name) { return Tensor<double>(m.parameter(name)); };
    const auto noise = numbers<double>(Shape{32, 3}, 1);
    const Tensor<double> ones(Shape{32, 1}, 1.0), zeros(Shape{32, 1}, 0.0);
    auto real = numbers<double>(Shape{32, 2}, 2);
    for (double& v : real) v = 2 + 0.1 * v;

    const auto judge_before = of(discriminator, "judge.dense.kernel");
    const auto made_before = of(generator, "dense.kernel");
    discriminator.train_on_batch(real, ones);
    CHECK(same_bits(of(generator, "dense.kernel"), made_before));
    const auto judge_after = of(discriminator, "judge.dense.kernel");
    CHECK(!same_bits(judge_after, judge_before));
    CHECK(same_bits(of(both, "judge.dense.kernel"), judge_after));
    both.train_on_batch(noise, ones);
    CHECK(same_bits(of(discriminator, "judge.dense.kernel"), judge_after));
    CHECK(!same_bits(of(generator, "dense.kernel"), made_before));
    CHECK(discriminator.updates() == 1);
    CHECK(both.updates() == 1);

    // The judge learns to tell, then the generator to deceive it.
    const auto made = generator.predict(noise);
    for (int step = 0; step < 100; ++step) {
        discriminator.train_on_batch(real, ones);
        discriminator.train_on_batch(made, zeros);
    }
    CHECK(discriminator.evaluate(real, ones).loss() < 0.1);
    CHECK(discriminator.evaluate(made, zeros).loss() < 0.1);
    const auto fixed = of(discriminator, "judge.dense.kernel");
    for (int step = 0; step < 300; ++step) both.train_on_batch(noise, ones);
    CHECK(discriminator.evaluate(generator.predict(noise), ones).loss() < 0.1);
    CHECK(same_bits(of(discriminator, "judge.dense.kernel"), fixed));

    // The moments are each optimizer's own: the discriminator's step is that of one that never met a generator.
    Model<double> alone = discriminator.clone();
    discriminator.compile({.optimizer = Adam(0.02), .loss = BinaryCrossentropy()});
    discriminator.train_on_batch(real, ones);
    both.train_on_batch(noise, ones);
    discriminator.train_on_batch(made, zeros);
    alone.train_on_batch(real, ones);
    alone.train_on_batch(made, zeros);
    CHECK(same_bits(of(discriminator, "judge.dense.kernel"), of(alone, "judge.dense.kernel")));
}

// What a batch normalisation asks of the contract: statistics that training writes, at several places, in several
// models, in wrappers, frozen, differentiated in inference, saved; its parameters do not decay.
#include "../io/temporary_folder.hpp"
#include "support.hpp"

#include <gradus/io.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

template <class M> Tensor<double> value(M& model, const std::string& name) {
    return Tensor<double>(model.parameter(name));
}

// Of one column of x [B, C].
struct Moments {
    double mean = 0, variance = 0;
    Moments(const Tensor<double>& x, Index c) {
        const Index rows = x.shape()[0];
        for (Index i = 0; i < rows; ++i) mean += x(i, c) / static_cast<double>(rows);
        for (Index i = 0; i < rows; ++i) variance += (x(i, c) - mean) * (x(i, c) - mean) / static_cast<double>(rows);
    }
};

// f(f(x)): one inner layer that runs twice, with saved buffers for each time.
template <class T = float> class Twice : public Layer<Twice, T> {
public:
    Twice() = default;
    explicit Twice(const LayerHandle<T>& layer) : layer_(layer) {}
    std::string_view kind() const override { return "twice"; }
    void fields(Fields& f) override {
        LayerSlot<T> layer(layer_);
        f("layer", layer);
    }
    void build(Build& b) override {
        inner_ = b.child(*layer_, {b.in(0)}, "", 2);
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        middle_ = b.kept<T>(b.in(0).shape);
        gradient_ = b.scratch<T>(b.in(0).shape);
        b.backward_needs(build::Needs::input);
    }
    void forward(Run<T>& r) const override {
        r.forward(inner_, 0, {AnyView(r.x(0), r.mask(0))}, {r[middle_]});
        r.forward(inner_, 1, {AnyView(r[middle_], r.mask(0))}, {r.y(0)});
    }
    void backward(Run<T>& r) const override {
        r.backward(inner_, 1, {AnyView(r[middle_], r.mask(0))}, {r.y(0)}, {r.dy(0)}, {r[gradient_]});
        r.backward(inner_, 0, {AnyView(r.x(0), r.mask(0))}, {r[middle_]}, {r[gradient_]}, {r.dx(0)});
    }

private:
    LayerHandle<T> layer_;
    Child inner_;
    Kept<T> middle_;
    Scratch<T> gradient_;
};

CompileOptions<double> compiled(std::vector<std::string> frozen = {}) {
    return {.optimizer = SGD(0.1), .loss = MeanSquaredError(), .frozen = std::move(frozen)};
}

} // namespace

TEST_CASE("normalization: at two places of one pass the statistics move twice, in order") {
    const BatchNormalization<double> norm({.momentum = 0.5});
    const Node a = input<double>({dim::batch(), 2}), b = input<double>({dim::batch(), 2});
    Model<double> model({a, b}, {norm(a), norm(b)});
    CHECK(model.variables().size() == 4);
    const auto x = numbers<double>(Shape{5, 2}, 1), z = numbers<double>(Shape{5, 2}, 2, 3, 5);
    model.forward({x, z});
    for (Index c : {0, 1}) {
        const Moments first(x, c), second(z, c);
        CHECK(std::abs(model.parameter("batch_normalization.moving_mean")[c] - (first.mean / 4 + second.mean / 2)) <
              1e-14);
        CHECK(std::abs(model.parameter("batch_normalization.moving_variance")[c] -
                       (0.25 + first.variance / 4 + second.variance / 2)) < 1e-14);
    }
    const auto y = numbers<double>(Shape{5, 2}, 3), w = numbers<double>(Shape{5, 2}, 4);
    model.backward({y.view(), w.view()});
    const Tensor<double> both(model.gradient("batch_normalization.beta"));
    for (Index c : {0, 1}) {
        double sum = 0;
        for (Index i = 0; i < 5; ++i) sum += y(i, c) + w(i, c);
        CHECK(std::abs(both[c] - sum) < 1e-14);
    }
}

TEST_CASE("normalization: in two models, one of which has it frozen") {
    const BatchNormalization<double> norm;
    const Node a = input<double>({dim::batch(), 2}), b = input<double>({dim::batch(), 2});
    Model<double> one({a}, {Dense<double>(1)(norm.named("norm")(a))}), other({b}, {Dense<double>(1)(norm(b))});
    one.compile(compiled());
    other.compile(compiled({"norm"}));
    const auto x = numbers<double>(Shape{8, 2}, 1, 0, 3), y = numbers<double>(Shape{8, 1}, 2);
    one.train_on_batch(x, y);
    CHECK(value(other, "norm.moving_mean")[0] > 0);
    const auto mean = value(one, "norm.moving_mean"), gamma = value(one, "norm.gamma");
    other.train_on_batch(x, y);
    CHECK(same_bits(value(one, "norm.moving_mean"), mean));
    CHECK(same_bits(value(one, "norm.gamma"), gamma));
    one.train_on_batch(x, y);
    CHECK(!same_bits(value(one, "norm.moving_mean"), mean));
}

TEST_CASE("normalization: frozen, training is what inference says, and gradients pass through") {
    Sequential<double> model{Dense(3).named("body"), BatchNormalization().named("norm"), Dense(1).named("head")};
    model.build({dim::batch(), 2});
    const auto x = numbers<double>(Shape{8, 2}, 1, 0, 3), y = numbers<double>(Shape{8, 1}, 2);
    model.compile(compiled());
    for (int i = 0; i < 5; ++i) model.train_on_batch(x, y);
    const auto mean = value(model, "norm.moving_mean"), gamma = value(model, "norm.gamma"),
               body = value(model, "body.kernel");
    model.freeze("norm");
    const double evaluated = model.evaluate(x, y, {.verbose = Verbose::silent}).loss();
    CHECK(std::abs(model.train_on_batch(x, y).loss() - evaluated) < 1e-14);
    CHECK(same_bits(value(model, "norm.moving_mean"), mean));
    CHECK(same_bits(value(model, "norm.gamma"), gamma));
    CHECK(!same_bits(value(model, "body.kernel"), body));
    model.unfreeze("norm");
    model.train_on_batch(x, y);
    CHECK(!same_bits(value(model, "norm.moving_mean"), mean));
    CHECK(!same_bits(value(model, "norm.gamma"), gamma));
    // Parameters alone are frozen without the statistics.
    model.compile(compiled({"norm.gamma", "norm.beta"}));
    const auto before = value(model, "norm.moving_mean"), scale = value(model, "norm.gamma");
    model.train_on_batch(x, y);
    CHECK(!same_bits(value(model, "norm.moving_mean"), before));
    CHECK(same_bits(value(model, "norm.gamma"), scale));
}

TEST_CASE("normalization: frozen before compile, without one") {
    Sequential<double> model{BatchNormalization().named("norm")};
    model.build({dim::batch(), 2});
    model.freeze("norm");
    const auto x = numbers<double>(Shape{8, 2}, 1, 0, 3);
    model.forward(x);
    CHECK(value(model, "norm.moving_mean")[0] == 0);
    CHECK(std::abs(model.output()[0] - x[0] / std::sqrt(1 + 1e-3)) < 1e-14);
}

TEST_CASE("normalization: the gradient of an inference pass") {
    Sequential<double> model{BatchNormalization().named("norm")};
    model.build({dim::batch(), 2});
    model.want_input_gradients();
    const auto x = numbers<double>(Shape{8, 2}, 1, 0, 3), dy = numbers<double>(Shape{8, 2}, 2);
    for (int i = 0; i < 3; ++i) model.forward(x);
    const auto mean = value(model, "norm.moving_mean"), variance = value(model, "norm.moving_variance");
    model.forward(x, false);
    model.backward(dy);
    CHECK(same_bits(value(model, "norm.moving_mean"), mean));
    for (Index i = 0; i < 8; ++i)
        for (Index c : {0, 1}) {
            const double inverse = 1 / std::sqrt(variance[c] + 1e-3);
            CHECK(std::abs(model.output()[i * 2 + c] - (x(i, c) - mean[c]) * inverse) < 1e-13);
            CHECK(std::abs(model.input_gradient()[i * 2 + c] - dy(i, c) * inverse) < 1e-13);
        }
}

TEST_CASE("normalization: inside wrappers, trained and frozen") {
    const auto x = numbers<double>(Shape{12, 2}, 1, 0, 3), y = numbers<double>(Shape{12, 1}, 2);
    Sequential<double> model{Twice<double>(BatchNormalization<double>()), Inside<double>(BatchNormalization<double>()),
                             Dense(1)};
    model.build({dim::batch(), 2});
    model.compile(compiled());
    model.train_on_batch(x, y);
    const std::string inner[] = {"twice.moving_variance", "inside.inner.moving_variance"};
    const Moments first(x, 1);
    const double second = first.variance / (first.variance + 1e-3);
    CHECK(std::abs(value(model, inner[0])[1] - (0.99 * (0.99 + 0.01 * first.variance) + 0.01 * second)) < 1e-14);
    for (const std::string frozen : {"twice", "inside"}) {
        model.compile(compiled({frozen}));
        const Tensor<double> before[] = {value(model, inner[0]), value(model, inner[1])};
        model.train_on_batch(x, y);
        for (int k : {0, 1}) CHECK(same_bits(value(model, inner[k]), before[k]) == inner[k].starts_with(frozen + "."));
    }
    const CheckOptions steps{.inputs = {{.shape = {dim::batch(), dim::time(), 2}, .mask = true}}};
    CHECK_NOTHROW(check_layer(Twice<double>(BatchNormalization<double>({.epsilon = 0.2})), steps));
    CHECK_NOTHROW(check_layer(Inside<double>(LayerNormalization<double>({.epsilon = 0.2})), steps));
}

TEST_CASE("normalization: gamma and beta do not decay") {
    Sequential<double> model{Dense(3), BatchNormalization(), LayerNormalization()};
    model.build({dim::batch(), 2});
    model.compile({.optimizer = AdamW({.learning_rate = 0.1, .weight_decay = 0.5}), .loss = MeanSquaredError()});
    const auto kernel = value(model, "dense.kernel");
    // A normalised constant is beta: no gradient reaches anything but beta, whose target it is.
    const Tensor<double> x(Shape{4, 2}), y(Shape{4, 3});
    model.train_on_batch(x, y);
    for (const std::string layer : {"batch_normalization", "layer_normalization"})
        for (Index c = 0; c < 3; ++c) {
            CHECK(value(model, layer + ".gamma")[c] == 1);
            CHECK(value(model, layer + ".beta")[c] == 0);
        }
    CHECK(std::abs(value(model, "dense.kernel")[0] / kernel[0] - 0.95) < 1e-12);
}

TEST_CASE("normalization: statistics are saved, loaded, cloned; training goes on the same") {
    const TemporaryFolder folder;
    const std::string path = folder / "m.safetensors";
    Sequential model{Embedding({.input_dim = 20, .output_dim = 6, .mask_zero = true}),
                     BatchNormalization({.momentum = 0.9}),
                     LSTM({.units = 5, .return_sequences = true}),
                     LayerNormalization({.epsilon = 1e-4}),
                     BatchNormalization({.center = false}),
                     Dense(1, sigmoid)};
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy(), .seed = 4});
    auto x = integers(Shape{6, 7}, 1, 20);
    for (Index t = 0; t < 7; ++t) x(2, t) = 0;
    const auto y = integers(Shape{6, 7, 1}, 2, 2);
    for (int i = 0; i < 3; ++i) model.train_on_batch(x, y);
    save(model, path);
    Model<float> loaded = load(path), copy = model.clone();
    CHECK(loaded.fingerprint() == model.fingerprint());
    CHECK(copy.fingerprint() == model.fingerprint());
    CHECK(same_bits(loaded.predict(x), model.predict(x)));
    const float mean = model.parameter("batch_normalization.moving_mean")[0];
    CHECK(mean != 0);
    for (int i = 0; i < 3; ++i) {
        const double loss = model.train_on_batch(x, y).loss();
        CHECK(loaded.train_on_batch(x, y).loss() == loss);
    }
    CHECK(loaded.fingerprint() == model.fingerprint());
    CHECK(copy.parameter("batch_normalization.moving_mean")[0] == mean);
}

TEST_CASE("normalization: bits for any number of threads and on both sets, no allocation in a step") {
    const auto make = [] {
        Sequential model{Embedding({.input_dim = 50, .output_dim = 24, .mask_zero = true}),
                         BatchNormalization(),
                         LSTM({.units = 40, .return_sequences = true}),
                         LayerNormalization(),
                         Dropout(0.1),
                         BatchNormalization(),
                         Dense(1, sigmoid)};
        model.compile({.optimizer = AdamW(0.01), .loss = BinaryCrossentropy(), .seed = 5});
        return model;
    };
    auto x = integers(Shape{120, 20}, 1, 50);
    for (Index b = 0; b < 120; ++b)
        for (Index t = 0; t < b % 15; ++t) x(b, b % 2 ? t : 19 - t) = 0;
    const auto y = integers(Shape{120, 20, 1}, 2, 2);
    const auto trained = [&] {
        auto model = make();
        model.fit(x, y, {.batch_size = 70, .epochs = 2, .verbose = Verbose::silent});
        return model.fingerprint();
    };
    set_threads(1);
    const std::string one = trained();
    for (const int n : {2, 3, 8}) {
        set_threads(n);
        CHECK(trained() == one);
    }
    set_threads(0);
    using kernels::Isa;
    if (kernels::available(Isa::avx2) && kernels::available(Isa::avx512)) {
        const kernels::IsaScope scope(Isa::avx2);
        const std::string avx2 = trained();
        const kernels::IsaScope wide(Isa::avx512);
        CHECK(trained() == avx2);
    }
    auto model = make();
    const auto part_x = x.rows(0, 50);
    const auto part_y = y.rows(0, 50);
    model.train_on_batch(x, y);
    model.train_on_batch(part_x, part_y);
    const AllocationGuard guard;
    model.train_on_batch(x, y);
    model.train_on_batch(part_x, part_y);
    const Index allocations = guard.count();
    if (!GRADUS_EIGEN_KERNELS) CHECK(allocations == 0);
}

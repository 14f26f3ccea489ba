// A user's own layer, whole, and what it gets without another line: conversion, names, sharing, training, files.
#include "../io/temporary_folder.hpp"
#include "support.hpp"
#include "swish.hpp"

#include <gradus/io.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

// Layers in a list, one after the other, as one layer.
template <class T = float> class Stack : public Layer<Stack, T> {
public:
    Stack() = default;
    Stack(std::initializer_list<LayerHandle<T>> layers) : layers_(layers) {}
    std::string_view kind() const override { return "stack"; }
    void fields(Fields& f) override {
        auto n = static_cast<Index>(layers_.size());
        f("size", n);
        layers_.resize(static_cast<std::size_t>(n));
        for (Index i = 0; i < n; ++i) {
            LayerSlot<T> slot(layers_[static_cast<std::size_t>(i)]);
            f("layer_" + std::to_string(i), slot);
        }
    }
    void build(Build& b) override {
        children_.clear();
        values_.clear();
        spare_.clear();
        Build::In in = b.in(0);
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            children_.push_back(b.child(*layers_[i], {in}, std::to_string(i)));
            in.shape = b.of(children_.back()).outs()[0].shape;
            values_.push_back(b.saved<T>(in.shape));
            spare_.push_back(b.scratch<T>(in.shape));
        }
        b.out(0, in.shape);
    }
    void forward(Run<T>& r) const override {
        AnyView x = r.x(0);
        for (std::size_t i = 0; i < children_.size(); ++i) {
            const AnyView y = i + 1 == children_.size() ? AnyView(r.y(0)) : value(r, i);
            r.forward(children_[i], 0, {x}, {y});
            x = y;
        }
    }
    void backward(Run<T>& r) const override {
        AnyView dy = r.dy(0);
        for (std::size_t i = children_.size(); i-- > 0;) {
            const AnyView x = i ? value(r, i - 1) : AnyView(r.x(0)),
                          y = i + 1 == children_.size() ? AnyView(r.y(0)) : value(r, i);
            const AnyView dx = i ? AnyView(r[spare_[i - 1]]) : AnyView(r.dx(0));
            r.backward(children_[i], 0, {x}, {y}, {dy}, {dx});
            dy = dx;
        }
    }

private:
    AnyView value(Run<T>& r, std::size_t i) const { return r[values_[i]].empty() ? r[spare_[i]] : r[values_[i]]; }

    std::vector<LayerHandle<T>> layers_;
    std::vector<Child> children_;
    std::vector<Saved<T>> values_;
    std::vector<Scratch<T>> spare_;
};

} // namespace

TEST_CASE("custom layer: proven by one line") { check_layer<Swish>(); }

TEST_CASE("custom layer: in a model of either scalar") {
    Sequential single{Dense(8), Swish(), Dense(1, sigmoid)};
    Sequential<double> twice{Dense(8), Swish(), Dense(1, sigmoid)};
    const auto x = numbers<double>(Shape{64, 3}, 1);
    Tensor<std::int32_t> y(Shape{64});
    for (Index i = 0; i < 64; ++i) y[i] = x(i, 0) * x(i, 1) > 0;
    const auto train = [&](auto& model) {
        model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy(), .seed = 3});
        return model.fit(x, y, {.batch_size = 16, .epochs = 40, .verbose = Verbose::silent})["loss"].back();
    };
    const double a = train(single), b = train(twice);
    CHECK(a < 0.3);
    CHECK(std::abs(a - b) < 0.02);
    CHECK(single.summary().find("swish") != std::string::npos);
}

TEST_CASE("custom layer: saved and loaded by naming it") {
    Sequential model{Dense(4), Swish(), Dense(2, softmax)};
    model.build({dim::batch(), 3});
    const auto x = numbers(Shape{5, 3}, 2);
    const auto y = model.predict(x);
    const TemporaryFolder folder;
    const std::string path = folder / "m.safetensors";
    save(model, path);
    CHECK(message<Error>([&] { load(path); }).find("swish") != std::string::npos);
    const auto loaded = load(path, {.layers = {layer<Swish>()}});
    CHECK(same_bits(loaded.predict(x), y));
    CHECK(loaded.fingerprint() == model.fingerprint());
}

TEST_CASE("custom layer: a list of layers as one, with names and files") {
    check_layer(Stack<double>{Dense<double>(3, activation::tanh), Swish<double>(), Dense<double>(2)});
    Sequential model{Stack<>{Dense(3, activation::tanh), Swish(), Dense(2)}, Stack<>{Dense(1, sigmoid)}};
    model.build({dim::batch(), 4});
    CHECK(model.count_parameters() == 4 * 3 + 3 + 3 * 2 + 2 + 2 + 1);
    CHECK(model.parameter("stack.0.kernel").shape() == Shape{4, 3});
    CHECK(model.parameter("stack.2.bias").shape() == Shape{2});
    CHECK(model.parameter("stack_1.0.bias").shape() == Shape{1});
    const auto x = numbers(Shape{5, 4}, 2);
    const auto copy = model.clone();
    CHECK(same_bits(copy.predict(x), model.predict(x)));
    model.parameter("stack.0.kernel")[0] += 1;
    CHECK(!same_bits(copy.predict(x), model.predict(x)));
    const TemporaryFolder folder;
    const std::string path = folder / "m.safetensors";
    save(copy, path);
    const auto loaded = load(path, {.layers = {layer<Swish>(), layer<Stack>()}});
    CHECK(same_bits(loaded.predict(x), copy.predict(x)));
}

TEST_CASE("custom layer: lists hold layers of any kind and scalar") {
    const std::vector<LayerHandle<double>> layers{Dense(3, relu), Swish(), LSTM<double>(2)};
    CHECK(layers[0]->dtype() == Dtype::f64);
    CHECK(layers[1]->kind() == "swish");
    CHECK(layers[2]->kind() == "lstm");
    const Dense d(3);
    const LayerHandle<double> a(d), b(d);
    CHECK(a->identity() == b->identity());
    CHECK(a->identity() == d.identity());
    CHECK(Dense(3).clone().identity() != d.identity());
}

// Backward through an inference pass, gradients of inputs, layers in place, pauses between the public steps.
#include "support.hpp"

using namespace contract;

namespace {

// y = x + 1 in training, x - 1 otherwise; may work in place.
template <class T = float> class Shift : public Layer<Shift, T> {
public:
    std::string_view kind() const override { return "shift"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.in_place();
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        in_place_forward = r.y(0).data() == r.x(0).data();
        for (Index i = 0; i < r.x(0).size(); ++i) r.y(0)[i] = r.x(0)[i] + (r.training() ? T(1) : T(-1));
    }
    void backward(Run<T>& r) const override {
        in_place_backward = r.dx(0).data() == r.dy(0).data();
        for (Index i = 0; i < r.dx(0).size(); ++i)
            r.dx(0)[i] = r.dy(0).empty() ? T(0) : r.dy(0)[i] * (r.training() ? T(1) : T(-1));
    }
    static inline bool in_place_forward = false, in_place_backward = false;
};

} // namespace

TEST_CASE("passes: backward through an inference pass") {
    Sequential<double> model{Dense(3, activation::tanh), Shift(), Dropout(0.5), Dense(1, sigmoid)};
    model.want_input_gradients();
    const auto x = numbers<double>(Shape{2, 4}, 1);
    model.forward(x, false);
    CHECK(same_bits(model.output(), model.predict(x)));
    const Tensor<double> dy(Shape{2, 1}, 1.0);
    model.backward(dy.view());
    const Tensor<double> g(model.input_gradient());
    for (Index i = 0; i < x.size(); ++i) {
        Tensor<double> up = x, down = x;
        up[i] += 1e-5;
        down[i] -= 1e-5;
        double difference = 0;
        for (Index b : {0, 1}) difference += (model.predict(up)[b] - model.predict(down)[b]) / 2e-5;
        CHECK(std::abs(difference + g[i]) < 1e-8); // Shift turns the sign in inference
    }
    model.forward(x, true);
    model.backward(dy.view());
    CHECK(!same_bits(model.input_gradient(), g));
    CHECK(model.input_gradient()[0] * g[0] <= 0);
}

TEST_CASE("passes: the same with a compiled model, whose losses are not asked") {
    Sequential<double> model{Dense(3, activation::tanh), Dense(1, sigmoid)};
    const auto x = numbers<double>(Shape{2, 4}, 1);
    const Tensor<double> dy(Shape{2, 1}, 1.0);
    model.want_input_gradients();
    model.forward(x, false);
    model.backward(dy.view());
    const Tensor<double> plain(model.input_gradient());
    model.compile({.optimizer = Adam(), .loss = BinaryCrossentropy()});
    const std::string before = model.fingerprint();
    model.forward(x, false);
    model.backward(dy.view());
    CHECK(same_bits(model.input_gradient(), plain));
    CHECK(model.fingerprint() == before);
    // Through the loss, the gradient of the input is that of the mean loss.
    const auto y = integers(Shape{2}, 3, 2);
    model.forward(x, false);
    model.loss(y);
    model.backward();
    const Tensor<double> g(model.input_gradient());
    for (Index i = 0; i < x.size(); ++i) {
        double side[2];
        for (int s : {0, 1}) {
            Tensor<double> moved = x;
            moved[i] += s ? 1e-5 : -1e-5;
            side[s] = model.evaluate(moved, y).loss();
        }
        CHECK(std::abs((side[1] - side[0]) / 2e-5 - g[i]) < 1e-8);
    }
}

TEST_CASE("passes: parameter gradients add up until a step") {
    Sequential<double> model{Dense(1)};
    model.build({dim::batch(), 2});
    model.compile({.optimizer = SGD(1), .loss = BinaryCrossentropy({.from_logits = true})});
    const auto x = numbers<double>(Shape{3, 2}, 1);
    const Tensor<double> dy(Shape{3, 1}, 1.0);
    model.forward(x);
    model.backward(dy.view());
    const Tensor<double> once(model.gradient("dense.kernel"));
    model.forward(x);
    model.backward(dy.view());
    CHECK(std::abs(model.gradient("dense.kernel")[0] - 2 * once[0]) < 1e-15);
    const double w = model.parameter("dense.kernel")[0];
    model.step();
    CHECK(std::abs(model.parameter("dense.kernel")[0] - (w - 2 * once[0])) < 1e-15);
    CHECK(model.gradient("dense.kernel")[0] == 0);
}

TEST_CASE("passes: a layer works in place where nobody needs what it overwrites") {
    const Node x = input<double>({dim::batch(), 3});
    const Node h = Dense<double>(3)(x);
    Model<double> chain({x}, {Dense<double>(1)(Shift<double>()(h))});
    const auto data = numbers<double>(Shape{2, 3}, 1);
    const Tensor<double> dy(Shape{2, 1}, 1.0);
    chain.forward(data);
    chain.backward(dy.view());
    CHECK(Shift<double>::in_place_forward);
    CHECK(Shift<double>::in_place_backward);
    // An output is kept, and so is what another layer still reads; a second reader adds its gradient.
    const Node s = Shift<double>()(h);
    Model<double> kept({x}, {s, h});
    kept.forward(data);
    CHECK(!Shift<double>::in_place_forward);
    for (Index i = 0; i < 6; ++i) CHECK(kept.output(0)[i] == kept.output(1)[i] + 1);
    const auto d0 = numbers<double>(Shape{2, 3}, 2), d1 = numbers<double>(Shape{2, 3}, 3);
    kept.backward({d0.view(), d1.view()});
    Tensor<double> sum = d0;
    for (Index i = 0; i < 6; ++i) sum[i] += d1[i];
    double bias = sum[0] + sum[3];
    CHECK(std::abs(kept.gradient("dense.bias")[0] - bias) < 1e-15);
}

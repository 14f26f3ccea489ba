// Losses are layers: of one's own in compile, of any inputs through add_loss, with scratch, with layers that only they
// need.
#include "support.hpp"

#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

// mean over the last axis of max(0, 1 - t y), t = 2 target - 1.
template <class T = float> class Hinge : public Loss<Hinge, T> {
public:
    std::string_view kind() const override { return "hinge"; }
    Build::In target(const Build::In& prediction) const override { return {prediction.shape, dtype_of<T>()}; }
    void build(Build& b) override {
        const SymbolicShape& s = b.in(0).shape;
        b.out(0, SymbolicShape(s.begin(), s.end() - 1));
        b.detached(1);
    }
    void forward(Run<T>& r) const override {
        const auto p = r.x(0), t = r.x(1);
        const Index n = p.shape()[-1];
        for (Index i = 0; i < r.y(0).size(); ++i) {
            T sum = 0;
            for (Index c = 0; c < n; ++c) sum += std::max(T(0), 1 - (2 * t[i * n + c] - 1) * p[i * n + c]);
            r.y(0)[i] = sum / static_cast<T>(n);
        }
    }
    void backward(Run<T>& r) const override {
        const auto p = r.x(0), t = r.x(1), dy = r.dy(0);
        const auto dx = r.dx(0);
        const Index n = p.shape()[-1];
        for (Index i = 0; i < dx.size(); ++i) {
            const T sign = 2 * t[i] - 1;
            dx[i] = dy.empty() || sign * p[i] >= 1 ? T(0) : -sign * dy[i / n] / static_cast<T>(n);
        }
    }
};

// Three embeddings [B, D]: max(0, |a - p|^2 - |a - n|^2 + margin), with the two distances in scratch.
template <class T = float> class Triplet : public Layer<Triplet, T> {
public:
    std::string_view kind() const override { return "triplet"; }
    void build(Build& b) override {
        for (int i : {0, 1, 2}) b.require_values(i, 2, 2, "anchor, positive and negative [batch, features]");
        b.out(0, {b.in(0).shape[0]});
        distances_ = b.scratch<T>({b.in(0).shape[0], 2});
    }
    void forward(Run<T>& r) const override {
        measure(r);
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = std::max(T(0), margin(r, i));
    }
    void backward(Run<T>& r) const override {
        measure(r);
        const auto a = r.x(0), p = r.x(1), n = r.x(2), dy = r.dy(0);
        const Index width = a.shape()[1];
        for (Index i = 0; i < a.size(); ++i) {
            const T d = dy.empty() || margin(r, i / width) <= 0 ? T(0) : 2 * dy[i / width];
            if (!r.dx(0).empty()) r.dx(0)[i] = d * (n[i] - p[i]);
            if (!r.dx(1).empty()) r.dx(1)[i] = d * (p[i] - a[i]);
            if (!r.dx(2).empty()) r.dx(2)[i] = d * (a[i] - n[i]);
        }
    }

private:
    T margin(Run<T>& r, Index i) const { return r[distances_][2 * i] - r[distances_][2 * i + 1] + T(0.5); }
    void measure(Run<T>& r) const {
        const auto a = r.x(0);
        const Index width = a.shape()[1];
        for (Index i = 0; i < a.shape()[0]; ++i)
            for (int k : {0, 1}) {
                T sum = 0;
                for (Index c = 0; c < width; ++c) {
                    const T d = a[i * width + c] - r.x(1 + k)[i * width + c];
                    sum += d * d;
                }
                r[distances_][2 * i + k] = sum;
            }
    }

    Scratch<T> distances_;
};

// Central differences of the model's loss against the gradient of a parameter.
void check_gradient(Model<double>& model, const Columns& x, const Columns& y, const char* name) {
    model.forward(x);
    model.loss(y);
    model.backward();
    const Tensor<double> gradient(model.gradient(name));
    model.step();
    const auto w = model.parameter(name);
    for (Index i = 0; i < w.size(); ++i) {
        const double value = w[i], h = 1e-5;
        double side[2];
        for (int s : {0, 1}) {
            w[i] = value + (s ? h : -h);
            model.forward(x);
            side[s] = model.loss(y);
        }
        w[i] = value;
        CHECK(std::abs((side[1] - side[0]) / (2 * h) - gradient[i]) < 1e-8);
    }
}

} // namespace

TEST_CASE("loss: one's own in compile") {
    Sequential model{Dense(8, relu), Dense(1)};
    const auto x = numbers(Shape{40, 2}, 1);
    Tensor<std::int32_t> y(Shape{40});
    for (Index i = 0; i < 40; ++i) y[i] = x(i, 0) + x(i, 1) > 0;
    model.compile({.optimizer = Adam(0.02), .loss = Hinge()});
    const History h = model.fit(x, y, {.batch_size = 10, .epochs = 60, .verbose = Verbose::silent});
    CHECK(h["loss"].front() > 0.7);
    CHECK(h["loss"].back() < 0.2);
}

TEST_CASE("loss: three inputs and scratch, through add_loss") {
    check_layer(Triplet<double>(), {.inputs = {{}, {}, {}}});
    const Dense<double> body(4, activation::tanh);
    const Node a = input<double>({dim::batch(), 3}), p = input<double>({dim::batch(), 3}),
               n = input<double>({dim::batch(), 3});
    const Node ya = body(a), yp = body(p), yn = body(n);
    Model<double> model({a, p, n}, {ya});
    model.add_loss(Triplet<double>()(ya, yp, yn), 2);
    model.compile({.optimizer = SGD(0)});
    const auto xa = numbers<double>(Shape{6, 3}, 1), xp = numbers<double>(Shape{6, 3}, 2),
               xn = numbers<double>(Shape{6, 3}, 3);
    check_gradient(model, {xa, xp, xn}, {}, "dense.kernel");
    model.compile({.optimizer = Adam(0.05)});
    const History h = model.fit({xa, xp, xn}, {}, {.batch_size = 4, .epochs = 100, .verbose = Verbose::silent});
    CHECK(h["loss"].back() < 0.3 * h["loss"].front());
    CHECK(model.evaluate({xa, xp, xn}, {}).loss() < h["loss"].front());
}

TEST_CASE("loss: added beside the target's, on values inside the model") {
    const Node x = input<double>({dim::batch(), 3});
    const Node hidden = Dense<double>(4, activation::tanh)(x);
    const Node y = Dense<double>(1, sigmoid)(hidden);
    Model<double> model({x}, {y});
    model.add_loss(SumOfSquares<double>()(hidden), 0.1);
    model.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy()});
    const auto data = numbers<double>(Shape{5, 3}, 1);
    const auto labels = integers(Shape{5}, 2, 2);
    check_gradient(model, data, labels, "dense.kernel");
    const Results r = model.evaluate(data, labels);
    CHECK(std::abs(r.loss() - r["dense_1_loss"] - 0.1 * r["added_loss"]) < 1e-12);

    // Without losses, a gradient of the outputs is all there is.
    model.forward(data);
    model.backward(numbers<double>(Shape{5, 1}, 3).view());
    const Tensor<double> with(model.gradient("dense.kernel"));
    Model<double> plain = Model<double>({x}, {y});
    plain.forward(data);
    plain.backward(numbers<double>(Shape{5, 1}, 3).view());
    CHECK(same_bits(plain.gradient("dense.kernel"), with));

    Model<double> copy = model.clone();
    CHECK(std::abs(copy.evaluate(data, labels).loss() - r.loss()) < 1e-15);
}

TEST_CASE("loss: a place of the model may itself be one") {
    const Node x = input<double>({dim::batch(), 3});
    const Node hidden = Dense<double>(4, activation::tanh)(x);
    const Node squares = SumOfSquares<double>()(hidden);
    const Node y = Dense<double>(2)(hidden);
    for (const bool output : {false, true}) {
        Model<double> model({x}, output ? std::vector<Node>{y, squares} : std::vector<Node>{y});
        model.add_loss(squares, 0.1);
        model.add_loss(SumOfSquares<double>()(y));
        model.compile({.optimizer = SGD(0)});
        check_gradient(model, numbers<double>(Shape{5, 3}, 1), {}, "dense.kernel");
    }
}

TEST_CASE("loss: an activation that is a loss itself keeps its gradient where its reader could pass over it") {
    const Node x = input<double>({dim::batch(), 3});
    const auto data = numbers<double>(Shape{5, 3}, 1);
    const Node hidden = Dense<double>(6, relu)(x);
    Model<double> penalty({x}, {Dense<double>(1, sigmoid)(hidden)});
    penalty.add_loss(hidden, 0.1);
    penalty.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy()});
    check_gradient(penalty, data, integers(Shape{5}, 2, 2), "dense.kernel");

    const Node p = Dense<double>(3, softmax)(x);
    Model<double> head({x}, {p});
    head.add_loss(p, 0.1);
    head.compile({.optimizer = SGD(0), .loss = SparseCategoricalCrossentropy()});
    check_gradient(head, data, integers(Shape{5}, 3, 2), "dense.kernel");
}

TEST_CASE("loss: a product passes over relu whether backward starts from losses or not") {
    const Node x = input<double>({dim::batch(), 3});
    const auto data = numbers<double>(Shape{5, 3}, 1);
    const Node y = Dense<double>(1, sigmoid)(Dense<double>(4, relu)(Dense<double>(6, relu)(x)));
    Model<double> model({x}, {y}), plain({x}, {y});
    model.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy()});
    for (const char* kernel : {"dense.kernel", "dense_1.kernel"})
        check_gradient(model, data, integers(Shape{5}, 2, 2), kernel);
    for (Model<double>* m : {&model, &plain}) {
        m->forward(data);
        m->backward(numbers<double>(Shape{5, 1}, 3).view());
    }
    CHECK(same_bits(plain.gradient("dense.kernel"), model.gradient("dense.kernel")));
}

TEST_CASE("loss: layers that only a loss needs are trained with the model, and are no part of it") {
    const Node x = input<double>({dim::batch(), 3});
    const Node hidden = Dense<double>(4, activation::tanh)(x);
    const Node y = Dense<double>(1, sigmoid)(hidden);
    Model<double> model({x}, {y});
    model.add_loss(SumOfSquares<double>()(Dense<double>(2).named("auxiliary")(hidden)), 0.1);
    const auto data = numbers<double>(Shape{5, 3}, 1);
    const auto labels = integers(Shape{5}, 2, 2);
    model.compile({.optimizer = SGD(0), .loss = BinaryCrossentropy()});
    check_gradient(model, data, labels, "dense.kernel");
    model.compile({.optimizer = Adam(0.05), .loss = BinaryCrossentropy()});
    CHECK(model.variables().size() == 4);
    CHECK_THROWS_AS(model.parameter("auxiliary.kernel"), ValueError);
    const double first = model.evaluate(data, labels)["added_loss"];
    for (int i = 0; i < 50; ++i) model.train_on_batch(data, labels);
    CHECK(model.evaluate(data, labels)["added_loss"] < 0.3 * first);
    CHECK(model.predict(data).shape() == Shape{5, 1});
}

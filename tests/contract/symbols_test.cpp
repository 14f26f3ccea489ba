// Sizes that are symbols: several of them, expressions, what only the data decide; ids that the graph computes.
#include "support.hpp"

#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

// [B, S, D] and [B, T, D] -> [B, S + T, D].
template <class T = float> class JoinTimes : public Layer<JoinTimes, T> {
public:
    std::string_view kind() const override { return "join_times"; }
    void build(Build& b) override {
        for (int i : {0, 1}) b.require_values(i, 3, 3, "two of [batch, time, features]");
        const auto &x = b.in(0).shape, &y = b.in(1).shape;
        b.require_equal(x[0], y[0], "equal batches");
        b.require_equal(x[2], y[2], "equal features");
        b.out(0, {x[0], x[1] + y[1], x[2]});
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        each(r.x(0), r.x(1), r.y(0), [](auto a, Index i, auto y, Index k) { y[k] = a[i]; });
    }
    void backward(Run<T>& r) const override {
        const auto dy = r.dy(0);
        each(r.dx(0), r.dx(1), dy, [](auto dx, Index i, auto d, Index k) { dx[i] = d[k]; });
    }

private:
    template <class A, class Y, class F> static void each(A a, A b, Y y, F f) {
        if (y.empty()) return;
        const Index batch = y.shape()[0], total = y.shape()[1], d = y.shape()[2];
        const Index first = a.empty() ? total - b.shape()[1] : a.shape()[1];
        for (Index n = 0; n < batch; ++n)
            for (Index t = 0; t < total; ++t)
                for (Index c = 0; c < d; ++c) {
                    const Index k = (n * total + t) * d + c;
                    if (t < first && !a.empty()) f(a, (n * first + t) * d + c, y, k);
                    if (t >= first && !b.empty()) f(b, (n * (total - first) + t - first) * d + c, y, k);
                }
    }
};

// Every second step, from the first: [B, T, D] -> [B, (T + 1) / 2, D].
template <class T = float> class EverySecond : public Layer<EverySecond, T> {
public:
    std::string_view kind() const override { return "every_second"; }
    void build(Build& b) override {
        const auto& s = b.in(0).shape;
        b.out(0, {s[0], floor_div(s[1] + 1, 2), s[2]});
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override {
        const Shape s = r.x(0).shape(), o = r.y(0).shape();
        for (Index i = 0; i < r.y(0).size(); ++i) r.y(0)[i] = r.x(0)[from(i, s, o)];
    }
    void backward(Run<T>& r) const override {
        if (r.dx(0).empty()) return;
        const Shape s = r.dx(0).shape();
        const Shape o = r.dy(0).empty() ? s : r.dy(0).shape();
        std::fill(r.dx(0).begin(), r.dx(0).end(), T(0));
        for (Index i = 0; i < r.dy(0).size(); ++i) r.dx(0)[from(i, s, o)] = r.dy(0)[i];
    }

private:
    static Index from(Index i, const Shape& s, const Shape& o) {
        const Index c = i % s[2], t = i / s[2] % o[1], b = i / s[2] / o[1];
        return (b * s[1] + 2 * t) * s[2] + c;
    }
};

// The first axis of one input without the last two steps: negative for short ones.
template <class T = float> class Trim : public Layer<Trim, T> {
public:
    std::string_view kind() const override { return "trim"; }
    void build(Build& b) override { b.out(0, {b.in(0).shape[0], b.in(0).shape[1] - 2}); }
    void forward(Run<T>& r) const override { std::fill(r.y(0).begin(), r.y(0).end(), T(1)); }
    void backward(Run<T>& r) const override { std::fill(r.dx(0).begin(), r.dx(0).end(), T(0)); }
};

// ids [B, T]: the rounded values; no gradient.
template <class T = float> class Round : public Layer<Round, T> {
public:
    std::string_view kind() const override { return "round"; }
    void build(Build& b) override {
        b.out_as<std::int32_t>(0, b.in(0).shape);
        b.detached(0);
    }
    void forward(Run<T>& r) const override {
        const auto ids = r.template y_as<std::int32_t>(0);
        for (Index i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(std::lround(r.x(0)[i]));
    }
    void backward(Run<T>&) const override {}
};

} // namespace

TEST_CASE("symbols: layers whose sizes are expressions") {
    const Dim source("source"), target("target");
    check_layer<JoinTimes>({.inputs = {{.shape = {dim::batch(), source, 2}}, {.shape = {dim::batch(), target, 2}}}});
    check_layer<JoinTimes>({.inputs = {{.shape = {dim::batch(), source, 2}}, {.shape = {dim::batch(), 4, 2}}}});
    check_layer<EverySecond>({.inputs = {{.shape = {dim::batch(), dim::time(), 2}}}});
}

TEST_CASE("symbols: two times in one model, each with lengths of its own") {
    const Node a = input<double>({dim::batch(), Dim("source"), 2}), b = input<double>({dim::batch(), Dim("target"), 2});
    const Node joined = JoinTimes<double>()(a, b);
    CHECK(to_string(joined.shape()) == "[batch, source+target, 2]");
    const Node halves = EverySecond<double>()(joined);
    CHECK(to_string(halves.shape()) == "[batch, (source+target+1)/(2), 2]");
    Model<double> model({a, b}, {halves, Dense<double>(1, sigmoid)(LSTM<double>(3)(halves))});
    for (const auto& [s, t] : {std::pair<Index, Index>{3, 4}, {5, 2}, {1, 1}, {6, 9}}) {
        const auto x = numbers<double>(Shape{2, s, 2}, 1), y = numbers<double>(Shape{2, t, 2}, 2);
        const auto p = model.predict_all({x, y});
        CHECK(p[0].shape() == Shape{2, (s + t + 1) / 2, 2});
        CHECK(p[0](1, 0, 1) == x(1, 0, 1));
        const Index last = (s + t + 1) / 2 - 1;
        CHECK(p[0](1, last, 0) == (2 * last < s ? x(1, 2 * last, 0) : y(1, 2 * last - s, 0)));
    }
    const auto x = numbers<double>(Shape{2, 3, 2}, 1), y = numbers<double>(Shape{3, 3, 2}, 2);
    CHECK_THROWS_AS(model.predict_all({x, y}), ShapeError);
    CHECK_THROWS_AS(model.forward({x, y}), ShapeError);
}

TEST_CASE("symbols: one symbol on two inputs must have one value") {
    const Node a = input<double>({dim::batch(), dim::time(), 2}), b = input<double>({dim::batch(), dim::time(), 2});
    Model<double> model({a, b}, {JoinTimes<double>()(a, b)});
    const auto x = numbers<double>(Shape{2, 3, 2}, 1), y = numbers<double>(Shape{2, 5, 2}, 2);
    const std::string error = message<ShapeError>([&] { model.forward({x, y}); });
    CHECK(error.find("expects [batch, time = 5, 2], got [2, 3, 2] among inputs of [2, 3, 2], [2, 5, 2]") !=
          std::string::npos);
    CHECK_THROWS_AS(model.predict_all({x, y}), ShapeError);
    Predictor<double> p(model, {.batch = 2});
    CHECK_THROWS_AS(p.run({x, y}), ShapeError);
}

TEST_CASE("symbols: what a build cannot decide is checked when a plan is made, before anything changes") {
    const Node joined = JoinTimes<double>()(input<double>({dim::batch(), 1, 2}), input<double>({Dim("other"), 1, 2}));
    Model<double> model({joined.place()->inputs[0], joined.place()->inputs[1]}, {joined});
    const auto x = numbers<double>(Shape{3, 1, 2}, 1);
    model.forward({x, x});
    const Tensor<double> before(model.output());
    const auto more = numbers<double>(Shape{9, 1, 2}, 2);
    const std::string error = message<ShapeError>([&] { model.forward({x, more}); });
    CHECK(error.find("join_times: expects equal batches, got 3 and 9") != std::string::npos);
    CHECK(same_bits(model.output(), before));
    model.forward({more, more});
    CHECK(model.output().shape() == Shape{9, 2, 2});
}

TEST_CASE("symbols: sizes that would be negative") {
    const Node x = input<double>({dim::batch(), dim::time()});
    Model<double> model({x}, {Trim<double>()(x)});
    CHECK(model.predict(Tensor<double>(Shape{2, 3})).shape() == Shape{2, 1});
    const std::string error = message<ShapeError>([&] { model.predict(Tensor<double>(Shape{2, 1})); });
    CHECK(error.find("trim: expects a larger input; its output [batch, time-2] would have a size of -1") !=
          std::string::npos);
    CHECK(model.predict(Tensor<double>(Shape{2, 2})).size() == 0);
}

TEST_CASE("symbols: ids computed in the graph are clamped by their reader") {
    const Node x = input<double>({dim::batch(), dim::time()});
    const Node ids = Round<double>()(x);
    CHECK(ids.dtype() == Dtype::i32);
    Model<double> model(
        {x}, {Dense<double>(1, sigmoid)(LSTM<double>(2)(Embedding<double>({.input_dim = 5, .output_dim = 2})(ids)))});
    model.compile({.optimizer = SGD(0.1), .loss = BinaryCrossentropy()});
    const auto wild = tensor<double>({{-3, 1.2, 7.9}, {0, 4, 100}}), tame = tensor<double>({{0, 1, 4}, {0, 4, 4}});
    CHECK(same_bits(model.predict(wild), model.predict(tame)));
    const Tensor<double> before(model.parameter("embedding.embeddings"));
    model.train_on_batch(wild, integers(Shape{2}, 1, 2));
    const auto after = model.parameter("embedding.embeddings");
    for (Index v = 0; v < 5; ++v) CHECK((after[2 * v] != before[2 * v]) == (v == 0 || v == 1 || v == 4));
}

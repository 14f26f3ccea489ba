// Several inputs and outputs; what nobody uses, and what is not given.
#include "support.hpp"

#include <gradus/testing/check_layer.hpp>

using namespace contract;

namespace {

// y0 = a b, y1 = a + b; without b: a and a. Counts which gradients came.
template <class T = float> class Pair : public Layer<Pair, T> {
public:
    std::string_view kind() const override { return "pair"; }
    void build(Build& b) override {
        b.require_values(0, 1, 0, "values [batch, ...]");
        if (b.in(1).present)
            for (std::size_t i = 0; i < b.in(0).shape.size(); ++i)
                b.require_equal(b.in(0).shape[i], b.in(1).shape[i], "two inputs of one shape");
        b.out(0, b.in(0).shape);
        b.out(1, b.in(0).shape);
    }
    void forward(Run<T>& r) const override {
        const auto a = r.x(0), b = r.x(1);
        for (Index i = 0; i < a.size(); ++i) {
            r.y(0)[i] = b.empty() ? a[i] : a[i] * b[i];
            r.y(1)[i] = b.empty() ? a[i] : a[i] + b[i];
        }
    }
    void backward(Run<T>& r) const override {
        const auto a = r.x(0), b = r.x(1), d0 = r.dy(0), d1 = r.dy(1);
        const auto da = r.dx(0), db = r.dx(1);
        seen_product = !d0.empty();
        seen_sum = !d1.empty();
        for (Index i = 0; i < a.size(); ++i) {
            const T p = d0.empty() ? T(0) : d0[i], s = d1.empty() ? T(0) : d1[i];
            if (!da.empty()) da[i] = (b.empty() ? p : p * b[i]) + s;
            if (!db.empty()) db[i] = p * a[i] + s;
        }
    }
    static inline bool seen_product = false, seen_sum = false;
};

// y = x where the flag is set, else 0.
template <class T = float> class Where : public Layer<Where, T> {
public:
    std::string_view kind() const override { return "where"; }
    void build(Build& b) override {
        b.require(b.in(1).present && b.in(1).dtype == Dtype::u8, "values and flags");
        b.out(0, b.in(0).shape);
        b.detached(1);
    }
    void forward(Run<T>& r) const override { apply(r, r.x(0), r.y(0)); }
    void backward(Run<T>& r) const override { apply(r, r.dy(0), r.dx(0)); }

private:
    static void apply(Run<T>& r, View<const T> from, View<T> to) {
        const auto flags = r.template x_as<std::uint8_t>(1);
        for (Index i = 0; i < to.size(); ++i) to[i] = flags[i] && !from.empty() ? from[i] : T(0);
    }
};

} // namespace

TEST_CASE("inputs and outputs: an input of flags") {
    check_layer<Where>({.inputs = {{}, {.dtype = Dtype::u8}}});
    CHECK(message<ShapeError>([] { Where()(input({dim::batch(), 3}), input({dim::batch(), 3})); }) ==
          "where: expects values and flags, got [batch, 3] and [batch, 3]; its input is the model's input and the "
          "model's input");
}

TEST_CASE("inputs and outputs: gradients of two inputs and two outputs, one input absent") {
    check_layer(Pair<double>(), {.inputs = {{}, {}}});
    check_layer(Pair<double>(), {.inputs = {{}, {.present = false}}});
}

TEST_CASE("inputs and outputs: an output that nobody uses has no gradient") {
    const Node a = input<double>({dim::batch(), 3}), b = input<double>({dim::batch(), 3});
    const Node y = Pair<double>()(a, b);
    Model<double> model({a, b}, {y.output(1)});
    model.want_input_gradients();
    const auto x0 = numbers<double>(Shape{2, 3}, 1), x1 = numbers<double>(Shape{2, 3}, 2),
               dy = numbers<double>(Shape{2, 3}, 3);
    model.forward({x0, x1});
    CHECK(largest_difference(model.output(), [&] {
              Tensor<double> s = x0;
              for (Index i = 0; i < s.size(); ++i) s[i] += x1[i];
              return s;
          }()) == 0);
    model.backward(dy.view());
    CHECK(!Pair<double>::seen_product);
    CHECK(Pair<double>::seen_sum);
    CHECK(same_bits(model.input_gradient(0), dy));
    CHECK(same_bits(model.input_gradient(1), dy));
}

TEST_CASE("inputs and outputs: gradients of an output used twice and of both outputs are added") {
    const Node a = input<double>({dim::batch(), 3});
    const Node y = Pair<double>()(a, a);           // a^2, 2a
    const Node z = Pair<double>()(y, y.output(1)); // 2a^3, a^2 + 2a
    Model<double> model({a}, {z, z.output(1), y});
    model.want_input_gradients();
    const auto x = numbers<double>(Shape{2, 3}, 1);
    const auto d0 = numbers<double>(Shape{2, 3}, 2), d1 = numbers<double>(Shape{2, 3}, 3),
               d2 = numbers<double>(Shape{2, 3}, 4);
    model.forward(x);
    model.backward({d0.view(), d1.view(), d2.view()});
    for (Index i = 0; i < x.size(); ++i) {
        const double expected = d0[i] * 6 * x[i] * x[i] + d1[i] * (2 * x[i] + 2) + d2[i] * 2 * x[i];
        CHECK(std::abs(model.input_gradient()[i] - expected) < 1e-14);
    }
    model.forward(x);
    model.backward({{}, {}, d2.view()});
    for (Index i = 0; i < x.size(); ++i) CHECK(std::abs(model.input_gradient()[i] - d2[i] * 2 * x[i]) < 1e-14);
}

TEST_CASE("inputs and outputs: an absent input is an empty node") {
    const Node a = input({dim::batch(), 3});
    const Node y = Pair()(a, Node{});
    Model<float> model({a}, {y, y.output(1)});
    const auto x = numbers(Shape{2, 3}, 1);
    const auto all = model.predict_all(x);
    CHECK(same_bits(all[0], x));
    CHECK(same_bits(all[1], x));
    CHECK(model.output_names() == std::vector<std::string>{"pair", "pair_1"});
    CHECK(message<ShapeError>([&] { Pair()(a, input({dim::batch(), 4})); }).find("two inputs of one shape") !=
          std::string::npos);
    CHECK_THROWS_AS(y.output(2), ValueError);
}

TEST_CASE("inputs and outputs: a loss for each output, by name") {
    const Node a = input({dim::batch(), 3}), b = input({dim::batch(), 4});
    const Node body = Dense(8, relu)(a);
    const Node first = Dense(1, sigmoid).named("answer")(body),
               second = Dense(3, softmax).named("class")(Dense(8, relu)(b));
    Model<float> model({a, b}, {first, second});
    const auto x0 = numbers(Shape{20, 3}, 1), x1 = numbers(Shape{20, 4}, 2);
    const auto y0 = integers(Shape{20}, 3, 2), y1 = integers(Shape{20}, 4, 3);
    const auto losses = Losses<float>{{"class", SparseCategoricalCrossentropy()}, {"answer", BinaryCrossentropy()}};
    model.compile({.optimizer = Adam(), .loss = losses, .loss_weights = {2, 1}, .metrics = {{"class", Accuracy()}}});
    const History h = model.fit(
        {x0, x1}, {y0, y1},
        {.batch_size = 8, .epochs = 2, .verbose = Verbose::silent, .validation_data = {{{x0, x1}, {y0, y1}}}});
    for (const char* name :
         {"loss", "class_loss", "answer_loss", "class_accuracy", "val_loss", "val_class_loss", "val_class_accuracy"})
        CHECK(h.contains(name));
    CHECK(std::abs(h["loss"][1] - 2 * h["class_loss"][1] - h["answer_loss"][1]) < 1e-6);
    const auto p = model.predict_all({x0, x1});
    CHECK(p[0].shape() == Shape{20, 1});
    CHECK(p[1].shape() == Shape{20, 3});

    const auto fails = [&](CompileOptions<float> o) { return message<ValueError>([&] { model.compile(o); }); };
    const std::string before = model.fingerprint();
    CHECK(fails({.optimizer = Adam(), .loss = BinaryCrossentropy()}).find("expects 2 loss(es)") != std::string::npos);
    CHECK(fails({.optimizer = Adam(),
                 .loss = {{"class", SparseCategoricalCrossentropy()}, {"class", SparseCategoricalCrossentropy()}}})
              .find("two for \"class\"") != std::string::npos);
    CHECK(fails({.optimizer = Adam(),
                 .loss = {{"clas", SparseCategoricalCrossentropy()}, {"answer", BinaryCrossentropy()}}})
              .find("expects the name of an output (answer, class)") != std::string::npos);
    CHECK(fails({.optimizer = Adam(), .loss = losses, .metrics = {Accuracy()}}).find("pairs") != std::string::npos);
    CHECK(model.fingerprint() == before);
    model.fit({x0, x1}, {y0, y1}, {.epochs = 1, .verbose = Verbose::silent});
}

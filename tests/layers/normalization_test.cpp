#include "golden.hpp"
#include "promises.hpp"
#include <gradus/layers/normalization.hpp>
#include <gradus/testing/check_layer.hpp>

#include <limits>

using namespace gradus;

namespace {

const NormalizationOptions three{.mean = {0.5, -2, 10}, .variance = {4, 0.01, 1}};

} // namespace

TEST_CASE("Normalization: gradients") {
    NormalizationOptions inverse = three;
    inverse.invert = true;
    for (const auto& o : {three, inverse}) {
        CHECK_NOTHROW(check_layer(Normalization(o), {.inputs = {{.shape = {dim::batch(), 3}}}}));
        CHECK_NOTHROW(
            check_layer(Normalization(o), {.inputs = {{.shape = {dim::batch(), dim::time(), 3}, .mask = true}}}));
    }
    CHECK_NOTHROW(check_layer(Normalization({.axis = {}, .mean = {1}, .variance = {2}}),
                              {.inputs = {{.shape = {dim::batch()}}}}));
    CHECK_NOTHROW(
        check_layer(Normalization({.axis = {1, 2}, .mean = {1, 2, 3, 4, 5, 6}, .variance = {1, 2, 3, 4, 5, 6}}),
                    {.inputs = {{.shape = {dim::batch(), 2, 3}}}}));
}

TEST_CASE("Normalization: Keras's numbers", "[golden]") {
    const auto file = golden_file("normalization");
    const auto check = [&]<class T>(T, const std::string& name, const NormalizationOptions& options) {
        const Golden<T> g{file, name + "/", {"x"}, {"y"}, {}};
        Normalization<T> layer(options);
        layer.adapt(g.at("data"));
        check_close<double>(name + ": mean", View<const double>(layer.mean().data(), Shape{std::ssize(layer.mean())}),
                            g.at("mean"));
        check_close<double>(name + ": variance",
                            View<const double>(layer.variance().data(), Shape{std::ssize(layer.mean())}),
                            g.at("variance"));
        const auto in = g.nodes();
        Harness<T> h(in, {layer(in[0])});
        g.load(h);
        g.check(h);
    };
    const auto both = [&](const std::string& name, const NormalizationOptions& options) {
        check(double(), name, options);
        check(float(), name, options);
    };
    both("last", {});
    both("time", {});
    both("two", {.axis = {1, 2}});
    both("two", {.axis = {-1, -2}});
    both("all", {.axis = {}});
    both("invert", {.invert = true});
}

TEST_CASE("Normalization: bits and allocations") {
    check_promises(Normalization(three), {dim::batch(), 70, 3}, 333);
    check_promises(Normalization({.axis = {}, .mean = {1}, .variance = {2}, .invert = true}), {dim::batch(), 70, 40},
                   33);
}

TEST_CASE("Normalization: statistics are the same bits everywhere") {
    const auto x = numbers<float>({1000, 7});
    Normalization<float> n;
    n.adapt(x);
    std::uint64_t hash = 0;
    for (double v : n.mean()) hash = mix(hash ^ std::bit_cast<std::uint64_t>(v));
    for (double v : n.variance()) hash = mix(hash ^ std::bit_cast<std::uint64_t>(v));
    CHECK(hash == 0x6b4888e381b71e1a);
    // A constant column is exactly what it is, however many rows there are.
    n.adapt(Tensor<float>(Shape{100000, 1}, 0.1f));
    CHECK(n.mean()[0] == static_cast<double>(0.1f));
    CHECK(n.variance()[0] == 0);
    // Any element type.
    n.adapt(tensor<std::uint8_t>({{0, 255}, {2, 255}}));
    CHECK(n.mean() == std::vector<double>{1, 255});
    CHECK(n.variance() == std::vector<double>{1, 0});
}

TEST_CASE("Normalization: copies learn together, clones apart") {
    Normalization<float> n;
    const Normalization<float> copy = n;
    const LayerHandle<float> held(n);
    n.adapt(tensor<float>({{1}, {3}}));
    CHECK(copy.mean() == std::vector<double>{2});
    CHECK(static_cast<const Normalization<float>&>(*held).variance() == std::vector<double>{1});
    Normalization<float> clone = n.clone();
    CHECK(clone.mean() == n.mean());
    n.adapt(tensor<float>({{5}, {5}}));
    CHECK(clone.mean() == std::vector<double>{2});
    clone.adapt(tensor<float>({{7}, {7}}));
    CHECK(n.mean() == std::vector<double>{5});
    const Normalization<double> wide = n;
    CHECK(wide.mean() == n.mean());
}

TEST_CASE("Normalization: bad input") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(Normalization({.mean = {1}}), ValueError);
    CHECK_THROWS_AS(Normalization({.mean = {1, 2}, .variance = {1}}), ValueError);
    CHECK_THROWS_AS(Normalization({.mean = {1}, .variance = {-1}}), ValueError);
    CHECK_THROWS_AS(Normalization({.mean = {nan}, .variance = {1}}), ValueError);

    Normalization<float> n;
    const Node in = input({dim::batch(), 3});
    CHECK_THROWS_WITH(n(in), "normalization: expects adapt(data), or mean and variance, before the model is built");
    CHECK_THROWS_AS(n.adapt(Tensor<float>(Shape{0, 3})), ShapeError);
    CHECK_THROWS_AS(n.adapt(Tensor<float>(Shape{3, 0})), ShapeError);
    CHECK_THROWS_WITH(
        n.adapt(Tensor<float>(Shape{3})),
        "normalization: adapt expects the last axes, but not that of the batch, as axes with statistics, got [3]");
    CHECK_THROWS_AS(n.adapt(tensor<double>({{1, nan}})), ValueError);
    CHECK_THROWS_AS(n.adapt(tensor<double>({{1e308}, {-1e308}})), ValueError);
    CHECK(!n.adapted());
    n.adapt(Tensor<float>(Shape{2, 3}, 1));
    CHECK_THROWS_WITH(
        n(input({dim::batch(), 4})),
        ContainsSubstring("normalization: expects axes of 3 elements, as many as it has means, got [batch, 4]"));
    CHECK_THROWS_AS(n(input({dim::batch(), dim::time()})), ShapeError);
    CHECK_THROWS_AS(n(input({dim::batch()})), ShapeError);
    CHECK_THROWS_AS(n(input({dim::batch(), 3}, Dtype::i32)), ShapeError);
    CHECK_THROWS_AS(Normalization({.axis = {1}, .mean = {1}, .variance = {1}})(input({dim::batch(), 3, 2})),
                    ShapeError);
    CHECK_THROWS_AS(Normalization({.axis = {1, 1}, .mean = {1}, .variance = {1}})(input({dim::batch(), 3})),
                    ShapeError);
    CHECK_NOTHROW(Normalization({.mean = {1}, .variance = {1}})(input({dim::batch(), 3})));
    CHECK_NOTHROW(n(in));
    CHECK_THROWS_WITH(n.adapt(Tensor<float>(Shape{2, 4})),
                      ContainsSubstring("normalization: adapt expects 3 statistics as the model has, got [2, 4]"));
    CHECK(n.mean() == std::vector<double>{1, 1, 1});
}

TEST_CASE("Normalization: adapt names what is not finite") {
    Tensor<float> data(Shape{4, 3}, 1.0f);
    data(2, 1) = -std::numeric_limits<float>::infinity();
    Normalization n;
    CHECK_THROWS_WITH(n.adapt(data), "normalization: adapt expects finite numbers, got -infinity in row 2, column 1");
    data(2, 1) = std::nanf("");
    CHECK_THROWS_WITH(n.adapt(data), "normalization: adapt expects finite numbers, got NaN in row 2, column 1");
    CHECK(!n.adapted());
}

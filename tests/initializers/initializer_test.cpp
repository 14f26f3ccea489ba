#include <gradus/core/tensor.hpp>
#include <gradus/initializers/initializer.hpp>

#include "catch.hpp"
#include "worse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace gradus;

namespace {

const Random stream(7, 3, Purpose::initial);

Tensor<double> filled(const Initializer& initializer, const Shape& shape, Random random = stream) {
    Tensor<double> t(shape);
    initializer(t.view(), random);
    return t;
}

struct Moments {
    double mean = 0, sd = 0, low = 1e300, high = -1e300;
};

Moments moments(const Tensor<double>& t) {
    Moments m;
    const auto n = double(t.size());
    for (Index i = 0; i < t.size(); ++i) {
        m.mean += t[i] / n;
        m.low = std::min(m.low, t[i]);
        m.high = std::max(m.high, t[i]);
    }
    for (Index i = 0; i < t.size(); ++i) m.sd += (t[i] - m.mean) * (t[i] - m.mean) / n;
    m.sd = std::sqrt(m.sd);
    return m;
}

void check_uniform(const Initializer& initializer, const Shape& shape, double limit) {
    INFO(initializer.to_string());
    const Moments m = moments(filled(initializer, shape));
    CHECK(std::abs(m.mean) <= 0.02 * limit);
    CHECK(std::abs(m.sd / (limit / std::sqrt(3.0)) - 1) <= 0.02);
    CHECK(m.low >= -limit);
    CHECK(m.low <= -0.99 * limit);
    CHECK(m.high <= limit);
    CHECK(m.high >= 0.99 * limit);
}

void check_truncated(const Initializer& initializer, const Shape& shape, double sd) {
    INFO(initializer.to_string());
    const Moments m = moments(filled(initializer, shape));
    const double cut = 2 * sd / 0.87962566103423978;
    CHECK(std::abs(m.mean) <= 0.02 * sd);
    CHECK(std::abs(m.sd / sd - 1) <= 0.02);
    CHECK(m.low >= -cut);
    CHECK(m.low <= -0.98 * cut);
    CHECK(m.high <= cut);
    CHECK(m.high >= 0.98 * cut);
}

} // namespace

TEST_CASE("constant initialisers", "[initializers]") {
    for (double v : {0.0, 1.0, -2.5}) {
        const Initializer i = v == 0   ? initializers::zeros()
                              : v == 1 ? initializers::ones()
                                       : initializers::constant(v);
        const auto t = filled(i, {3, 5});
        for (Index k = 0; k < t.size(); ++k) CHECK(t[k] == v);
    }
    CHECK(Initializer() == initializers::zeros());
}

TEST_CASE("scaled initialisers have Keras's ranges and deviations", "[initializers]") {
    const Shape dense{200, 100}, convolution{3, 3, 40, 60}, vector{20000};
    check_uniform(initializers::glorot_uniform(), dense, std::sqrt(6.0 / 300));
    check_uniform(initializers::glorot_uniform(), convolution, std::sqrt(6.0 / (9 * 100)));
    check_uniform(initializers::glorot_uniform(), vector, std::sqrt(3.0 / 20000));
    check_uniform(initializers::he_uniform(), dense, std::sqrt(6.0 / 200));
    check_uniform(initializers::he_uniform(), convolution, std::sqrt(6.0 / 360));
    check_uniform(initializers::lecun_uniform(), dense, std::sqrt(3.0 / 200));
    check_uniform(initializers::random_uniform(), dense, 0.05);
    check_truncated(initializers::glorot_normal(), dense, std::sqrt(2.0 / 300));
    check_truncated(initializers::he_normal(), convolution, std::sqrt(2.0 / 360));
    check_truncated(initializers::lecun_normal(), dense, std::sqrt(1.0 / 200));
    check_truncated(initializers::truncated_normal(0, 1), dense, 0.87962566103423978);
}

TEST_CASE("variance_scaling is what the others are short for", "[initializers]") {
    using initializers::Distribution;
    using initializers::Mode;
    using initializers::variance_scaling;
    const Shape dense{200, 100}, convolution{3, 3, 40, 60};
    const std::pair<Initializer, Initializer> same[] = {
        {initializers::glorot_uniform(), variance_scaling(1, Mode::fan_avg, Distribution::uniform)},
        {initializers::glorot_normal(), variance_scaling(1, Mode::fan_avg)},
        {initializers::he_uniform(), variance_scaling(2, Mode::fan_in, Distribution::uniform)},
        {initializers::he_normal(), variance_scaling(2)},
        {initializers::lecun_uniform(), variance_scaling(1, Mode::fan_in, Distribution::uniform)},
        {initializers::lecun_normal(), variance_scaling()}};
    for (const auto& [a, b] : same)
        for (const Shape& shape : {dense, convolution, Shape{50}}) {
            const auto x = filled(a, shape), y = filled(b, shape);
            CHECK(std::equal(x.begin(), x.end(), y.begin()));
        }
    check_uniform(variance_scaling(3, Mode::fan_out, Distribution::uniform), dense, std::sqrt(9.0 / 100));
    check_truncated(variance_scaling(0.5, Mode::fan_out), convolution, std::sqrt(0.5 / 540));
    const Moments m = moments(filled(variance_scaling(2, Mode::fan_out, Distribution::untruncated_normal), dense));
    CHECK(std::abs(m.sd / std::sqrt(2.0 / 100) - 1) <= 0.02);
    CHECK(m.high > 3 * m.sd);
    for (const double bad :
         {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        CHECK_THROWS_AS(variance_scaling(bad), ValueError);
}

TEST_CASE("identity", "[initializers]") {
    for (const Shape& shape : {Shape{3, 3}, Shape{2, 4}, Shape{4, 2}, Shape{0, 3}}) {
        const auto w = filled(initializers::identity(1.5), shape);
        for (Index i = 0; i < w.size(); ++i) CHECK(w[i] == (i / shape[1] == i % shape[1] ? 1.5 : 0.0));
    }
    Tensor<double> vector({4});
    CHECK_THROWS_WITH(initializers::identity()(vector.view(), stream),
                      "initializer identity: expects two axes, got [4]");
}

TEST_CASE("random_normal is normal", "[initializers]") {
    const auto t = filled(initializers::random_normal(2, 3), {100001});
    const Moments m = moments(t);
    CHECK(std::abs(m.mean - 2) <= 0.03);
    CHECK(std::abs(m.sd - 3) <= 0.03);
    Index within_one = 0, beyond_three = 0;
    double fourth = 0, neighbours = 0;
    for (Index i = 0; i < t.size(); ++i) {
        const double z = (t[i] - 2) / 3;
        within_one += std::abs(z) < 1;
        beyond_three += std::abs(z) > 3;
        fourth += z * z * z * z / double(t.size());
        if (i) neighbours += z * (t[i - 1] - 2) / 3 / double(t.size());
    }
    CHECK(std::abs(double(within_one) / 100001 - 0.6827) <= 0.005);
    CHECK(std::abs(double(beyond_three) / 100001 - 0.0027) <= 0.0006);
    CHECK(std::abs(fourth - 3) <= 0.1);
    CHECK(std::abs(neighbours) <= 0.01);
}

TEST_CASE("orthogonal matrices are orthogonal", "[initializers]") {
    for (const Shape& shape : {Shape{64, 64}, Shape{64, 256}, Shape{130, 7}, Shape{1, 5}, Shape{3, 3, 4, 8}}) {
        const auto w = filled(initializers::orthogonal(1.5), shape);
        const Index cols = shape[-1], rows = shape.size() / cols, few = std::min(rows, cols),
                    many = std::max(rows, cols);
        const Index row_step = rows < cols ? cols : 1, step = rows < cols ? 1 : cols;
        double worst = 0;
        for (Index a = 0; a < few; ++a)
            for (Index b = 0; b < few; ++b) {
                double dot = 0;
                for (Index k = 0; k < many; ++k) dot += w[a * row_step + k * step] * w[b * row_step + k * step];
                worst = worse(worst, std::abs(dot - (a == b ? 2.25 : 0)));
            }
        CHECK(worst <= 1e-13);
    }
    Tensor<double> vector({4});
    CHECK_THROWS_AS(initializers::orthogonal()(vector.view(), stream), ShapeError);
    Tensor<double> empty({0, 4});
    CHECK_NOTHROW(initializers::orthogonal()(empty.view(), stream));
}

TEST_CASE("initial weights follow the stream, and floats are rounded doubles", "[initializers]") {
    for (const char* text : {"glorot_uniform", "he_normal", "random_normal", "orthogonal"}) {
        const Initializer i = Initializer::parse(text);
        const auto a = filled(i, {33, 17}), b = filled(i, {33, 17}, Random(8, 3, Purpose::initial));
        Tensor<float> f({33, 17});
        i(f.view(), stream);
        bool rounded = true;
        Index equal = 0;
        for (Index k = 0; k < a.size(); ++k) {
            rounded &= f[k] == float(a[k]);
            equal += a[k] == b[k];
        }
        CHECK(rounded);
        CHECK(equal == 0);
    }
}

TEST_CASE("initialisers as text", "[initializers]") {
    for (const Initializer& i :
         {initializers::zeros(), initializers::ones(), initializers::constant(0.1),
          initializers::random_uniform(-1e-3, 2), initializers::random_normal(1, 0.3), initializers::truncated_normal(),
          initializers::glorot_uniform(), initializers::glorot_normal(), initializers::he_uniform(),
          initializers::he_normal(), initializers::lecun_uniform(), initializers::lecun_normal(),
          initializers::orthogonal(1.4142135623730951), initializers::identity(0.1), initializers::variance_scaling(),
          initializers::variance_scaling(1.0 / 3, initializers::Mode::fan_out, initializers::Distribution::uniform),
          initializers::variance_scaling(2, initializers::Mode::fan_avg,
                                         initializers::Distribution::untruncated_normal)})
        CHECK(Initializer::parse(i.to_string()) == i);
    CHECK(initializers::random_uniform().to_string() == "random_uniform(-0.05, 0.05)");
    CHECK(initializers::glorot_uniform().to_string() == "glorot_uniform");
    CHECK(Initializer::parse("random_uniform") == initializers::random_uniform());
    CHECK(Initializer::parse("orthogonal") == initializers::orthogonal());
    CHECK(Initializer::parse("identity") == initializers::identity());
    CHECK(Initializer::parse("constant") == initializers::constant(0));
    CHECK(Initializer::parse("variance_scaling") == initializers::variance_scaling());
    CHECK(initializers::variance_scaling(2, initializers::Mode::fan_out).to_string() ==
          "variance_scaling(2, fan_out, truncated_normal)");
    for (const char* bad : {"",
                            "xavier",
                            "glorot_uniform()",
                            "glorot_uniform(1)",
                            "constant()",
                            "constant(1",
                            "constant(1) ",
                            "constant(x)",
                            "constant(1, 2)",
                            "random_uniform(1)",
                            "random_uniform(2, 1)",
                            "random_normal(0, -1)",
                            "constant(nan)",
                            "constant(inf)",
                            "random_uniform(0; 1)",
                            "variance_scaling(1)",
                            "variance_scaling(1, fan_in)",
                            "variance_scaling(1, fan, uniform)",
                            "variance_scaling(1, fan_in, uniform, 2)",
                            "variance_scaling(x, fan_in, uniform)",
                            "variance_scaling(0, fan_in, uniform)",
                            "identity(1, 2)",
                            "zeros(",
                            "zeros)",
                            "identity(1, )",
                            "identity(, 1)"})
        CHECK_THROWS_AS(Initializer::parse(bad), ValueError);
}

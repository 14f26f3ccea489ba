#include "catch.hpp"
#include "harness.hpp"
#include <gradus/layers/dense.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/lstm.hpp>

#include <limits>

using namespace gradus;

namespace {
/// The segments of one layer on one input, by the parameter's own name.
template <class L> std::vector<Segment> segments(const L& layer, const Node& x) {
    Harness<> h({x}, {layer(x)});
    for (Segment& s : h.layout.segments) s.name = s.name.substr(s.name.find('.') + 1);
    return h.layout.segments;
}
/// name, l1, l2, max_norm
using Expected = std::tuple<std::string, double, double, double>;
void check(const std::vector<Segment>& got, const std::vector<Expected>& expected) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(Expected(got[i].name, got[i].l1, got[i].l2, got[i].max_norm) == expected[i]);
}
const Node features = input({dim::batch(), 3}), sequence = input({dim::batch(), dim::time(), 3});
} // namespace

TEST_CASE("Regularizers: what layers say reaches the table of parameters") {
    check(segments(Dense({.units = 2,
                          .kernel_regularizer = L2(1e-4),
                          .bias_regularizer = L1(),
                          .kernel_constraint = MaxNorm(3)}),
                   features),
          {{"kernel", 0, 1e-4, 3}, {"bias", 0.01, 0, 0}});
    check(segments(Dense({.units = 2, .kernel_regularizer = {.l1 = 0.5}, .bias_constraint = MaxNorm()}), features),
          {{"kernel", 0.5, 0, 0}, {"bias", 0, 0, 2}});
    check(segments(Dense(2), features), {{"kernel", 0, 0, 0}, {"bias", 0, 0, 0}});
    check(segments(LSTM({.units = 2,
                         .kernel_regularizer = L1L2(0.1, 0.2),
                         .recurrent_regularizer = L2(),
                         .bias_regularizer = L1(0.3),
                         .kernel_constraint = MaxNorm(4),
                         .recurrent_constraint = MaxNorm(5),
                         .bias_constraint = MaxNorm(6)}),
                   sequence),
          {{"kernel", 0.1, 0.2, 4}, {"recurrent_kernel", 0, 0.01, 5}, {"bias", 0.3, 0, 6}});
    const Node ids = input({dim::batch(), dim::time()}, Dtype::i32);
    const auto table = segments(
        Embedding(
            {.input_dim = 5, .output_dim = 2, .embeddings_regularizer = L2(0.2), .embeddings_constraint = MaxNorm(1)}),
        ids);
    check(table, {{"embeddings", 0, 0.2, 1}});
    CHECK_FALSE(table[0].row_sparse);
    CHECK(
        segments(Embedding({.input_dim = 5, .output_dim = 2, .embeddings_constraint = MaxNorm(1)}), ids)[0].row_sparse);
}

TEST_CASE("Regularizers: they are fields, so copies of another scalar keep them") {
    const Dense<double> twice =
        Dense({.units = 2, .kernel_regularizer = L1L2(1.0 / 3, 1e-300), .kernel_constraint = MaxNorm(0.1)});
    const FieldMap map = FieldWriter::write(twice);
    const auto text = [&](std::string_view name) {
        for (const auto& [n, v] : map)
            if (n == name) return std::get<std::string>(v.value);
        return std::string("absent");
    };
    CHECK(text("kernel_regularizer") == "l1l2(0.3333333333333333, 1e-300)");
    CHECK(text("kernel_constraint") == "max_norm(0.1)");
    CHECK(text("bias_regularizer") == "none");
    for (const Regularizer& r :
         {Regularizer(), Regularizer(L1(0.3)), Regularizer(L2()), Regularizer(L1L2(1e-300, 7))}) {
        const Regularizer again = Regularizer::parse(r.to_string());
        CHECK((again.l1 == r.l1 && again.l2 == r.l2));
    }
    for (const Constraint& c : {Constraint(), Constraint(MaxNorm()), Constraint(MaxNorm(1.0 / 3))})
        CHECK(Constraint::parse(c.to_string()).max_norm == c.max_norm);
    for (const char* bad : {"", "l1l2", "l1l2()", "l1l2(1)", "l1l2(1, 2, 3)", "l1l2(1, x)", "l1l2(1, 2) ", "l1l2(1, 2",
                            "none()", "max_norm(1)"})
        CHECK_THROWS_AS(Regularizer::parse(bad), ValueError);
    for (const char* bad : {"", "max_norm", "max_norm()", "max_norm(1, 2)", "max_norm(x)", "l1l2(1, 2)"})
        CHECK_THROWS_AS(Constraint::parse(bad), ValueError);
}

TEST_CASE("Regularizers: bad numbers") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    CHECK_THROWS_WITH(Dense({.units = 2, .kernel_regularizer = L2(-1)})(features),
                      "dense: regularizers and constraints expect finite numbers of at least 0, got -1.000000");
    for (const double bad : {nan, inf, -0.1}) {
        CHECK_THROWS_AS(Dense({.units = 2, .bias_regularizer = L1(bad)})(features), ValueError);
        CHECK_THROWS_AS(Dense({.units = 2, .kernel_constraint = MaxNorm(bad)})(features), ValueError);
        CHECK_THROWS_AS(LSTM({.units = 2, .recurrent_regularizer = L2(bad)})(sequence), ValueError);
        CHECK_THROWS_AS(Embedding({.input_dim = 5, .output_dim = 2, .embeddings_constraint = MaxNorm(bad)})(
                            input({dim::batch(), 2}, Dtype::i32)),
                        ValueError);
    }
}

TEST_CASE("Regularizers: empty braces are the defaults") {
    CHECK(L1({}).l1 == 0.01);
    CHECK(L2({}).l2 == 0.01);
    CHECK(MaxNorm({}).max_norm == 2);
    CHECK(L1(1).l1 == 1);
    CHECK(L2(2).l2 == 2);
    CHECK(MaxNorm(3).max_norm == 3);
}

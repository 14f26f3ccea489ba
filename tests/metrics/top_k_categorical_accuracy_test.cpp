#include <gradus/metrics/top_k_categorical_accuracy.hpp>

#include "golden.hpp"

#include <limits>

using namespace gradus;

TEST_CASE("top_k_categorical_accuracy equals Keras") {
    golden::check(TopKCategoricalAccuracy(1), "top_1", "labels", "p");
    golden::check(TopKCategoricalAccuracy({.k = 2}), "top_2", "labels", "p");
    golden::check(SparseTopKCategoricalAccuracy({.k = 2}), "sparse_top_2", "labels", "p");
}

TEST_CASE("top_k_categorical_accuracy: one-hot targets, ties, NaN, masks") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto p = tensor<float>({{0.1f, 0.6f, 0.3f}, {0.4f, 0.4f, 0.2f}, {0.2f, nan, 0.6f}, {0.2f, nan, 0.6f}});
    TopKCategoricalAccuracy<float> m(1);
    m.reset(12);
    CHECK(m.result() == 0);
    m.update(tensor<float>({{0, 1, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 0}}).view(), p);
    CHECK(m.result() == 0.75); // a tie counts, NaN does not
    m.reset(12);
    m.update(tensor({1, 2, 2, 1}).view(), p, {}, tensor<std::uint8_t>({1, 1, 0, 0}).view());
    CHECK(m.result() == 0.5);
    CHECK(SparseTopKCategoricalAccuracy<float>().name() == "sparse_top_k_categorical_accuracy");
    // More than there are.
    TopKCategoricalAccuracy<float> all;
    all.update(tensor({1, 2, 2}).view(), p.rows(0, 3));
    CHECK(all.result() == 1);
}

TEST_CASE("top_k_categorical_accuracy refuses what does not fit, and carries its state") {
    const auto p = tensor<float>({{0.5f, 0.5f}, {0.5f, 0.5f}});
    TopKCategoricalAccuracy<float> m(2), other;
    CHECK_THROWS_AS(m.update(tensor({0}).view(), p), ShapeError);
    CHECK_THROWS_AS(m.update(tensor({0, 2}).view(), p), ValueError);
    TopKCategoricalAccuracy<float> none(0);
    CHECK_THROWS_AS(none.reset(1), ValueError);
    m.reset(4);
    m.update(tensor({0, 1}).view(), p, tensor<float>({1, 3}).view());
    FieldReader(FieldWriter::write_state(m), "top_k").read_state(other);
    CHECK(other.result() == m.result());
    const MetricHandle<double> h = SparseTopKCategoricalAccuracy({.k = 3, .name = "top3"});
    CHECK(h->name() == "top3");
    CHECK(h->kind() == "sparse_top_k_categorical_accuracy");
}

TEST_CASE("top_k_categorical_accuracy: empty braces are no k of 0") {
    const auto from_braces = []<class M>(std::type_identity<M>) { return requires { M({}); }; };
    CHECK_FALSE(from_braces(std::type_identity<TopKCategoricalAccuracy<>>{}));
    CHECK_FALSE(from_braces(std::type_identity<SparseTopKCategoricalAccuracy<>>{}));
}

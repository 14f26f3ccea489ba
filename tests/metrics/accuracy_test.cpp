#include <gradus/metrics/accuracy.hpp>

#include "golden.hpp"

#include <cmath>
#include <limits>

using namespace gradus;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("accuracy is binary on one prediction per row") {
    const auto y = tensor({0, 1, 1, 0});
    const auto p = tensor<float>({{0.2f}, {0.7f}, {0.5f}, {0.9f}}); // 0.5 is not above the threshold
    Accuracy<float> a;
    a.reset(4);
    CHECK(a.result() == 0);
    a.update(y.view(), p);
    CHECK(a.result() == 0.5);
    CHECK(a.running() == 0.5);
    a.reset(4);
    CHECK(a.result() == 0);

    BinaryAccuracy<float> b({.threshold = 0.95});
    b.update(y.view(), p);
    CHECK(b.result() == 0.5);
    BinaryAccuracy<float> vector_of_predictions;
    vector_of_predictions.update(y.view(), p.reshaped({4}));
    CHECK(vector_of_predictions.result() == 0.5);
}

TEST_CASE("accuracy takes targets of every element type") {
    const auto p = tensor<double>({{0.2}, {0.7}});
    const auto check = [&](const AnyView& y) {
        Accuracy<double> a;
        a.update(y, p);
        CHECK(a.result() == 1);
    };
    check(tensor<float>({0, 1}).view());
    check(tensor<double>({0, 1}).view());
    check(tensor<std::int32_t>({0, 1}).view());
    check(tensor<std::uint8_t>({0, 1}).view());
    check(tensor<float>({{0}, {1}}).view());
}

TEST_CASE("accuracy is sparse on several classes, first maximum on ties") {
    const auto p = tensor<float>({{0.1f, 0.6f, 0.3f}, {0.4f, 0.4f, 0.2f}, {0.2f, 0.2f, 0.6f}});
    Accuracy<float> a;
    a.update(tensor({1, 0, 1}).view(), p);
    CHECK(std::abs(a.result() - 2.0 / 3) <= 1e-15);
    SparseCategoricalAccuracy<float> s;
    s.update(tensor({{1}, {1}, {2}}).view(), p);
    CHECK(std::abs(s.result() - 2.0 / 3) <= 1e-15);
    Accuracy<float> one_hot;
    one_hot.update(tensor<float>({{0, 1, 0}, {1, 0, 0}, {1, 0, 0}}).view(), p);
    CHECK(std::abs(one_hot.result() - 2.0 / 3) <= 1e-15);
}

TEST_CASE("categorical accuracy of one-hot targets equals Keras") {
    golden::check(Accuracy(), "categorical", "labels", "p");
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/metrics.safetensors");
    const auto labels = file.tensor<std::int32_t>("labels");
    Tensor<float> one_hot(Shape{10, 3});
    for (Index i = 0; i < 10; ++i) one_hot[3 * i + labels[i]] = 1;
    CategoricalAccuracy<float> m;
    m.update(one_hot.view(), file.tensor<float>("p"));
    CHECK(std::abs(m.result() - file.tensor<double>("categorical")[0]) <= 1e-15);
    CHECK_THROWS_AS(m.update(labels.view(), file.tensor<float>("p")), ShapeError);
    CHECK(MetricHandle<double>(CategoricalAccuracy())->name() == "categorical_accuracy");
}

TEST_CASE("accuracy over time steps, masks and weights") {
    Tensor<float> p(Shape{2, 3, 2});
    const auto y = tensor({{0, 1, 0}, {1, 1, 0}});
    for (Index i = 0; i < 6; ++i) p[2 * i + 1] = 1; // predicts 1 everywhere
    const auto mask = tensor<std::uint8_t>({{1, 1, 0}, {1, 0, 1}});
    Accuracy<float> a;
    a.update(y.view(), p, {}, mask.view());
    CHECK(a.result() == 0.5); // steps 0:0 wrong, 0:1 right, 1:0 right, 1:2 wrong

    const auto weight = tensor<float>({1, 3});
    a.reset(6);
    a.update(y.view(), p, weight.view(), mask.view());
    CHECK(a.result() == 0.5);
    a.reset(6);
    a.update(y.view(), p, weight.view());
    CHECK(std::abs(a.result() - 7.0 / 12) <= 1e-15);
    const auto steps = tensor<float>({{0, 1, 0}, {0, 0, 1}});
    a.reset(6);
    a.update(y.view(), p, steps.view());
    CHECK(a.result() == 0.5);
}

TEST_CASE("accuracy does not depend on how rows are cut into batches") {
    Tensor<float> p(Shape{101, 1}), w(Shape{101});
    Tensor<std::int32_t> y(Shape{101});
    for (Index i = 0; i < 101; ++i) {
        p[i] = static_cast<float>((i * 37) % 101) / 101;
        w[i] = 0.1f + static_cast<float>(i % 7) / 3;
        y[i] = static_cast<std::int32_t>(i % 3 == 0);
    }
    Accuracy<float> whole;
    whole.update(y.view(), p, w.view());
    for (Index batch : {1, 7, 32, 100}) {
        Accuracy<float> cut;
        for (Index i = 0; i < 101; i += batch) {
            const Index e = std::min<Index>(i + batch, 101);
            cut.update(y.view().rows(i, e), View<const float>(p).rows(i, e), View<const float>(w).rows(i, e));
        }
        CHECK(cut.result() == whole.result());
    }
}

TEST_CASE("accuracy counts NaN as wrong") {
    const auto p = tensor<double>({{not_a_number}, {0.1}});
    Accuracy<double> a;
    a.update(tensor({0, 0}).view(), p);
    CHECK(a.result() == 0.5);
    const auto q = tensor<double>({{0.1, not_a_number}, {not_a_number, 0.1}, {0.9, 0.1}});
    Accuracy<double> s;
    s.update(tensor({0, 1, 0}).view(), q);
    CHECK(std::abs(s.result() - 1.0 / 3) <= 1e-15);
}

TEST_CASE("accuracy refuses what does not fit") {
    const auto p = tensor<float>({{0.5f, 0.5f}, {0.5f, 0.5f}});
    Accuracy<float> a;
    CHECK_THROWS_AS(a.update(tensor({0}).view(), p), ShapeError);
    CHECK_THROWS_AS(a.update(tensor({0, 2}).view(), p), ValueError);
    CHECK_THROWS_AS(a.update(tensor({0, -1}).view(), p), ValueError);
    CHECK_THROWS_AS(a.update(tensor<double>({0, not_a_number}).view(), p), ValueError);
    CHECK_THROWS_AS(a.update(tensor({0, 1}).view(), p, tensor<float>({1, 1, 1}).view()), ShapeError);
    CHECK_THROWS_AS(a.update(tensor({0, 1}).view(), p, {}, tensor<std::uint8_t>({1}).view()), ShapeError);
    BinaryAccuracy<float> b;
    CHECK_THROWS_AS(b.update(tensor({0, 1}).view(), p), ShapeError);
}

TEST_CASE("accuracy converts between scalars and clones through handles") {
    const MetricHandle<double> h = BinaryAccuracy({.name = "hit", .threshold = 0.7});
    CHECK(h->name() == "hit");
    CHECK(h->kind() == "binary_accuracy");
    MetricHandle<double> copy = h;
    copy->update(tensor({1, 1}).view(), tensor<double>({{0.6}, {0.8}}));
    CHECK(copy->result() == 0.5);
    CHECK(h->result() == 0);
    CHECK(MetricHandle<float>(Accuracy())->name() == "accuracy");
    CHECK(MetricHandle<float>(SparseCategoricalAccuracy())->name() == "sparse_categorical_accuracy");
    CHECK_THROWS_AS(MetricHandle<float>(std::unique_ptr<Metric<float>>()), ValueError);
}

TEST_CASE("accuracy of several outputs per step: a mask leaves out all of a step's") {
    const auto y = tensor<std::uint8_t>({1, 0, 1, 1, 0, 0}).reshaped({1, 3, 2});
    const auto p = tensor<float>({0.9f, 0.1f, 0.2f, 0.3f, 0.8f, 0.1f}).reshaped({1, 3, 2});
    BinaryAccuracy<float> a;
    a.update(y.view(), p, {}, tensor<std::uint8_t>({{1, 0, 1}}).view());
    CHECK(a.result() == 0.75);
    CHECK_THROWS_AS(a.update(y.view(), p, {}, tensor<std::uint8_t>({1, 0, 1, 1}).view()), ShapeError);
}

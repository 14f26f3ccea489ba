// Losses as metrics: their means, in fit, evaluate and files.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include "../io/temporary_folder.hpp"
#include "catch.hpp"
#include "hash_data.hpp"

#include <cmath>

using namespace gradus;

namespace {

Tensor<double> golden(const char* name) {
    return SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/metrics.safetensors").tensor<double>(name);
}

} // namespace

TEST_CASE("loss_metric equals Keras's metric of the loss") {
    const auto p = golden("p"), t = golden("t"), w = golden("w");
    for (const auto& [handle, key] : {std::pair<MetricHandle<double>, const char*>{MSE(), "mse"}, {MAE(), "mae"}}) {
        MetricHandle<double> m = handle;
        for (bool weighted : {false, true}) {
            m->reset(30);
            CHECK(m->result() == 0);
            for (auto [first, last] : {std::pair<Index, Index>{0, 7}, {7, 10}})
                m->update(t.view().rows(first, last), p.view().rows(first, last),
                          weighted ? w.view().rows(first, last) : View<const double>());
            CHECK(std::abs(m->result() - golden(weighted ? (std::string(key) + "/weighted").c_str() : key)[0]) <=
                  1e-14);
        }
    }
    CHECK(MetricHandle<double>(MSE())->name() == "mean_squared_error");
    CHECK(MetricHandle<float>(Huber(0.5))->name() == "huber");
}

TEST_CASE("loss_metric: steps, masks, changing lengths, and scratch; no allocation once it knows the shapes") {
    MetricHandle<float> m = BinaryCrossentropy();
    const Index lengths[] = {4, 7, 3, 7};
    for (int round = 0; round < 2; ++round) {
        m->reset(200);
        double sum = 0, count = 0;
        for (Index length : lengths) {
            const Index batch = length == 3 ? 2 : 5;
            Tensor<float> p(Shape{batch, length, 2}), t(Shape{batch, length, 2});
            Tensor<std::uint8_t> mask(Shape{batch, length});
            for (Index i = 0; i < batch * length; ++i) {
                mask[i] = i % 3 != 0;
                double loss = 0;
                for (Index c = 0; c < 2; ++c) {
                    p[2 * i + c] = 0.1f + 0.8f * static_cast<float>((i * 7 + c) % 11) / 11;
                    t[2 * i + c] = static_cast<float>((i + c) % 2);
                    const double q = double(p[2 * i + c]);
                    loss -= std::log(t[2 * i + c] == 1 ? q : 1 - q) / 2;
                }
                sum += mask[i] ? loss : 0;
                count += mask[i];
            }
            const AllocationGuard guard;
            m->update(t.view(), p, {}, mask.view());
            if (round == 1) CHECK(guard.count() == 0);
        }
        CHECK(std::abs(m->result() - sum / count) <= 1e-6);
        const MetricHandle<float> copy = m;
        CHECK(copy->result() == m->result());
    }
}

TEST_CASE("loss_metric in a model: the loss itself, saved and loaded") {
    Sequential model{Dense(8, relu), Dense(3)};
    model.compile({.optimizer = Adam(0.01), .loss = MSE(), .metrics = {MSE(), MAE(), Huber(0.25), RMSE(), R2Score()}});
    Tensor<float> x(Shape{50, 4}), y(Shape{50, 3});
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 101) / 101;
    for (Index i = 0; i < y.size(); ++i) y[i] = x[(i / 3) * 4 + i % 3] - 0.5f * x[(i / 3) * 4 + 3];
    const History h =
        model.fit(x, y, {.batch_size = 16, .epochs = 30, .verbose = Verbose::silent, .validation_split = 0.2});
    CHECK(std::abs(h["mean_squared_error"].back() - h["loss"].back()) <= 1e-6);
    CHECK(std::abs(h["val_mean_squared_error"].back() - h["val_loss"].back()) <= 1e-6);
    CHECK(h["loss"].back() < h["loss"].front() / 2);
    const Results r = model.evaluate(x, y);
    CHECK(std::abs(r["root_mean_squared_error"] * r["root_mean_squared_error"] - r["loss"]) <= 1e-6);
    CHECK(r["r2_score"] > 0);
    const TemporaryFolder folder;
    save(model, folder / "m.safetensors");
    auto loaded = load(folder / "m.safetensors");
    const Results again = loaded.evaluate(x, y);
    for (const char* key :
         {"loss", "mean_squared_error", "mean_absolute_error", "huber", "root_mean_squared_error", "r2_score"})
        CHECK(again[key] == r[key]);
}

TEST_CASE("loss_metric refuses what its loss refuses") {
    MetricHandle<float> m = MAE();
    const Tensor<float> p(Shape{2, 3});
    CHECK_THROWS_AS(m->update(tensor({1, 2}).view(), p), ShapeError);
    CHECK_THROWS_AS(m->update(tensor<float>({1, 2}).view(), p), ShapeError);
    CHECK_THROWS_AS(LossMetric<float>().update(tensor<float>({1, 2}).view(), p), ValueError);
    m->update(Tensor<float>(Shape{2, 3}, 1.f).view(), p);
    CHECK(m->result() == 1);
    CHECK_THROWS_AS(m->update(Tensor<float>(Shape{2, 3}).view(), p, tensor<float>({1, 2, 3}).view()), ShapeError);
}

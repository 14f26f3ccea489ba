// One model, several threads: each with a Predictor of its own, all with the bits of one.
#include "support.hpp"

#include <thread>

using namespace contract;

TEST_CASE("threads: Predictors run at once, with the bits of predict") {
    Sequential model{Embedding({.input_dim = 40, .output_dim = 6, .mask_zero = true}), Bidirectional(LSTM(9)),
                     Dense(3, softmax)};
    const auto ids = integers(Shape{24, 11}, 1, 40);
    const auto labels = integers(Shape{24}, 2, 3);
    model.compile({.optimizer = Adam(0.02), .loss = SparseCategoricalCrossentropy()});
    model.fit(ids, labels, {.batch_size = 7, .epochs = 2, .verbose = Verbose::silent});
    const auto expected = model.predict(ids, {.batch_size = 5});
    std::vector<Tensor<float>> results(4);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < results.size(); ++k)
        threads.emplace_back([&, k] {
            if (k == 3) { // predict takes turns with itself
                results[k] = model.predict(ids);
                return;
            }
            Predictor<float> p(model, {.batch = static_cast<Index>(k) * 3 + 1, .parallel = k == 2});
            results[k] = Tensor<float>(Shape{24, 3});
            const Index step = static_cast<Index>(k) * 3 + 1;
            for (int again = 0; again < 5; ++again)
                for (Index first = 0; first < 24; first += step) {
                    const Index last = std::min<Index>(24, first + step);
                    p(ids.view().rows(first, last), results[k].view().rows(first, last));
                }
        });
    for (auto& t : threads) t.join();
    for (const auto& r : results) CHECK(largest_difference(r, expected) <= (GRADUS_EIGEN_KERNELS ? 1e-6 : 0));
}

TEST_CASE("threads: Predictors of a model without values yet") {
    for (std::uint64_t again = 0; again < 20; ++again) {
        Sequential model{Dense(3, relu), Dense(2)};
        model.build({dim::batch(), 3});
        const auto x = numbers(Shape{1, 3}, again);
        Tensor<float> results[2] = {Tensor<float>(Shape{1, 2}), Tensor<float>(Shape{1, 2})};
        std::vector<std::thread> threads;
        for (auto& r : results)
            threads.emplace_back([&] {
                Predictor<float> p(model);
                p(x, r);
            });
        for (auto& t : threads) t.join();
        CHECK(same_bits(results[0], results[1]));
        CHECK(same_bits(results[0], model.predict(x)));
    }
}

TEST_CASE("threads: a Predictor outlives its model and refuses what does not fit") {
    std::unique_ptr<Predictor<float>> p;
    Tensor<float> expected;
    const auto x = numbers(Shape{2, 3}, 1);
    {
        Sequential model{Dense(2, relu)};
        model.build({dim::batch(), 3});
        expected = model.predict(x);
        p = std::make_unique<Predictor<float>>(model, PredictorOptions{.batch = 2});
        CHECK_THROWS_AS(Predictor<float>(model, {.batch = 0}), ValueError);
    }
    Tensor<float> y(Shape{2, 2});
    (*p)(x, y);
    CHECK(same_bits(y, expected));
    CHECK_THROWS_AS((*p)(numbers(Shape{3, 3}, 1), y), ShapeError);
    CHECK_THROWS_AS((*p)(numbers(Shape{2, 4}, 1), y), ShapeError);
    Tensor<float> small(Shape{1, 2});
    CHECK_THROWS_AS((*p)(x, small), ShapeError);
}

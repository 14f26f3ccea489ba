// Layers without a file test of their own survive save and load, with their options, in whole models.
#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include <algorithm>

using namespace gradus;

TEST_CASE("layers that move values, activations and regularizers are loaded as they were saved") {
    const TemporaryFolder folder;
    Sequential<float> model{
        Masking(-1),
        TimeDistributed(Dense({.units = 6,
                               .activation = gelu,
                               .kernel_initializer = initializers::variance_scaling(2, initializers::Mode::fan_out),
                               .kernel_regularizer = L1L2(1e-3, 1e-2),
                               .kernel_constraint = MaxNorm(1)})),
        Activation({.activation = leaky_relu, .negative_slope = 0.1}),
        LSTM({.units = 4, .recurrent_regularizer = L2(0.01)}),
        RepeatVector(3),
        Permute(2, 1),
        Reshape(-1, 2),
        Flatten(),
        Dense(2, log_softmax),
        Activation(softmax),
    };
    model.compile({.optimizer = Adam(0.01), .loss = SparseCategoricalCrossentropy()});
    Tensor<float> x({5, 4, 3});
    initializers::random_uniform(-1, 1)(x.view(), Random(7, 0, Purpose::initial));
    std::fill_n(x.data() + 9, 3, -1.0f);
    const Tensor<std::int32_t> y = tensor<std::int32_t>({0, 1, 1, 0, 1});
    for (int i = 0; i < 3; ++i) model.train_on_batch(x, y);
    save(model, folder / "m");
    auto loaded = load(folder / "m");
    CHECK(loaded.fingerprint() == model.fingerprint());
    CHECK(loaded.summary() == model.summary());
    const Tensor<float> p = model.predict(x), q = loaded.predict(x);
    CHECK(std::equal(p.begin(), p.end(), q.begin()));
    save(loaded, folder / "n");
    CHECK(read_bytes(folder / "m") == read_bytes(folder / "n"));
    for (int i = 0; i < 3; ++i) {
        model.train_on_batch(x, y);
        loaded.train_on_batch(x, y);
    }
    CHECK(loaded.fingerprint() == model.fingerprint());
}

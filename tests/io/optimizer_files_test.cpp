// Optimizers and schedules in files: a resumed run has the bits of one that never stopped.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

#include <cmath>

using namespace gradus;

namespace {

/// A user's own: the rate falls with one over the updates.
class Harmonic : public Schedule {
public:
    std::string_view kind() const override { return "harmonic"; }
    void fields(Fields& f) override { f("first", first_); }
    double operator()(Index step) const override { return first_ / static_cast<double>(step + 1); }
    std::unique_ptr<Schedule> copy() const override { return std::make_unique<Harmonic>(*this); }

private:
    double first_ = 0.5;
};

Tensor<std::int32_t> tokens() {
    Tensor<std::int32_t> x({8, 5});
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<std::int32_t>(i * i % 30);
    return x;
}
Tensor<float> targets() {
    Tensor<float> y({8, 1});
    for (Index i = 0; i < y.size(); ++i) y[i] = float(i % 2);
    return y;
}
Sequential<float> compiled(const OptimizerHandle<float>& optimizer) {
    Sequential<float> model{Embedding({.input_dim = 30, .output_dim = 4}), GlobalAveragePooling1D(), Dense(1, sigmoid)};
    model.compile({.optimizer = optimizer, .loss = BinaryCrossentropy(), .seed = 7});
    return model;
}
void train(Model<float>& model, int updates) {
    for (int i = 0; i < updates; ++i) model.train_on_batch(tokens(), targets());
}

std::vector<OptimizerHandle<float>> all() {
    const CosineDecay wave({.initial_learning_rate = 0.1, .decay_steps = 5, .alpha = 0.2});
    return {SGD(0.1),
            Momentum(0.1),
            Momentum({.learning_rate = 0.1, .momentum = 0.8, .averaged = true}),
            Nesterov(0.1),
            Adam(0.1),
            AdamW({.learning_rate = 0.1, .weight_decay = 0.1}),
            RMSprop({.learning_rate = 0.1, .momentum = 0.9, .centered = true}),
            Adam(Constant(0.1)),
            Adam(StepDecay({.initial_learning_rate = 0.1, .decay_steps = 2})),
            Adam(ExponentialDecay({.initial_learning_rate = 0.1, .decay_steps = 2, .decay_rate = 0.5})),
            Adam(PolynomialDecay({.initial_learning_rate = 0.1, .decay_steps = 5, .power = 2})),
            Adam(wave),
            Adam(CosineDecayRestarts({.initial_learning_rate = 0.1, .first_decay_steps = 2})),
            Adam(PiecewiseConstantDecay({.boundaries = {1, 4}, .values = {0.1, 0.05, 0.2}})),
            Nesterov(Warmup({.learning_rate = Warmup({.learning_rate = wave, .warmup_steps = 2}), .warmup_steps = 2}))};
}

std::string problem(const std::string& path) {
    try {
        (void)load(path);
    } catch (const IoError& e) { return e.what(); }
    return "accepted";
}

} // namespace

TEST_CASE("every optimizer and schedule goes on after load as if it had not stopped") {
    const TemporaryFolder folder;
    for (const auto& optimizer : all()) {
        CAPTURE(std::string(optimizer->kind()));
        auto straight = compiled(optimizer), stopped = compiled(optimizer);
        train(straight, 6);
        train(stopped, 3);
        save(stopped, folder / "m");
        auto loaded = load(folder / "m");
        CHECK(loaded.learning_rate() == stopped.learning_rate());
        train(loaded, 3);
        CHECK(loaded.fingerprint() == straight.fingerprint());
        CHECK(loaded.learning_rate() == straight.learning_rate());
        CHECK(load<double>(folder / "m").learning_rate() == stopped.learning_rate());
    }
}

TEST_CASE("a user's schedule is named in the call") {
    const TemporaryFolder folder;
    auto model = compiled(Adam({.learning_rate = Warmup({.learning_rate = Harmonic(), .warmup_steps = 2})}));
    train(model, 4);
    save(model, folder / "m");
    CHECK_THAT(problem(folder / "m"), ContainsSubstring("unknown kind of schedule \"harmonic\""));
    CHECK_THAT(problem(folder / "m"), ContainsSubstring("load(path, {.schedules = {schedule<...>()}})"));
    const auto loaded = load(folder / "m", {.schedules = {schedule<Harmonic>()}});
    CHECK(loaded.learning_rate() == model.learning_rate());
}

TEST_CASE("a damaged schedule is refused") {
    const TemporaryFolder folder;
    auto model = compiled(SGD(PiecewiseConstantDecay({.boundaries = {77, 88}, .values = {0.1, 0.05, 0.2}})));
    train(model, 1);
    save(model, folder / "m");
    const auto edited = [&](const std::string& from, const std::string& to) {
        const auto file = SafetensorsFile::read(folder / "m");
        SafetensorsMetadata metadata = file.metadata();
        for (auto& [name, value] : metadata)
            if (name == "compile") {
                const auto at = value.find(from);
                REQUIRE(at != std::string::npos);
                value.replace(at, from.size(), to);
            }
        std::vector<NamedView> views;
        for (const TensorEntry& e : file.entries())
            views.emplace_back(e.name, AnyView(const_cast<std::byte*>(file.bytes(e).data()), e.shape, *e.dtype));
        write_safetensors(folder / "damaged", views, metadata);
        return problem(folder / "damaged");
    };
    CHECK(edited("88", "89") == "accepted");
    CHECK_THAT(edited("88", "76"), ContainsSubstring("boundaries expects ascending steps"));
    CHECK_THAT(edited("0.05", "-0.05"), ContainsSubstring("values expects a finite number of at least 0, got -0.05"));
    CHECK_THAT(edited("\"piecewise_constant_decay\"", "\"sgd\""),
               ContainsSubstring("unknown kind of schedule \"sgd\""));
    CHECK_THAT(edited("\"category\":\"schedule\"", "\"category\":\"optimizer\""), ContainsSubstring("kind"));
}

// Learning inside an application's loop: at every tick a sensor's reading arrives, the model predicts the next one, and
// one training step has to end before the deadline. The signal changes its nature now and then; the model follows.
#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include "support/options.hpp"
#include "support/result.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <vector>

GRADUS_DEFINE_ALLOCATION_COUNTER;

using namespace gradus;

namespace {

struct Settings {
    Index steps = 100000, history = 32, units = 256;
    double deadline = 5; // milliseconds
};

// Three waves, whose frequencies are drawn anew every `period` ticks, and noise.
class Sensor {
public:
    Sensor(std::uint64_t seed, Index period) : random_(seed, 0, Purpose::sample), period_(period) {}
    float read() {
        const Index regime = tick_ / period_;
        double value = 0.05 * (random_.uniform(0, tick_) - 0.5);
        for (int k = 0; k < 3; ++k)
            value += std::sin(static_cast<double>(tick_) * (0.02 + 0.3 * random_.uniform(1 + k, regime))) / 3;
        ++tick_;
        return static_cast<float>(value);
    }

private:
    Random random_;
    Index period_, tick_ = 0;
};

int run(const examples::Options& options, const Settings& s) {
    using Clock = std::chrono::steady_clock;
    const examples::Stopwatch watch;
    set_threads(options.threads);
    std::cout << "data: a sensor that this program simulates itself (it has no use for --data)\n\n";
    const Index batch = options.batch_size, warm_up = 2 * batch + s.history;

    Sequential<float> model{Dense(s.units, relu), Dense(s.units, relu), Dense(1)};
    model.compile({.optimizer = Adam({.learning_rate = 1e-3}), .loss = MeanSquaredError(), .seed = options.seed});
    model.build({dim::batch(), s.history});
    model.initialize(options.seed);
    Predictor<float> predictor(model);

    // The last readings, newest at the end; a ring of the last `batch` rows is what a step trains on.
    Sensor sensor(options.seed, std::max<Index>(1, s.steps / 10));
    Tensor<float> window({1, s.history}), x({batch, s.history}), y({batch, 1}), guess({1, 1});
    std::vector<double> times;
    times.reserve(static_cast<std::size_t>(s.steps));
    double squares = 0, naive = 0;
    Index late = 0, measured = 0;
    std::int64_t allocations = 0;
    for (Index t = -warm_up; t < s.steps; ++t) {
        const float previous = window[s.history - 1];
        const auto begin = Clock::now();
        const AllocationGuard guard;

        predictor(window, guess);
        const float reading = sensor.read();
        const Index slot = (t + warm_up) % batch;
        std::copy_n(window.data(), s.history, x.data() + slot * s.history);
        y[slot] = reading;
        model.train_on_batch(x, y);
        std::copy(window.data() + 1, window.data() + s.history, window.data());
        window[s.history - 1] = reading;

        const std::int64_t allocated = static_cast<std::int64_t>(guard.count());
        const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
        if (t < 0) continue;
        times.push_back(milliseconds);
        allocations += allocated;
        late += milliseconds > s.deadline;
        squares += std::pow(static_cast<double>(guess[0]) - static_cast<double>(reading), 2);
        naive += std::pow(static_cast<double>(previous) - static_cast<double>(reading), 2);
        ++measured;
    }

    std::sort(times.begin(), times.end());
    const double median = times[times.size() / 2], p99 = times[times.size() * 99 / 100], worst = times.back();
    const auto n = static_cast<double>(measured);
    std::cout << measured << " ticks: a prediction and a step of " << batch << " rows each\n"
              << "  median           " << median << " ms\n"
              << "  99th percentile  " << p99 << " ms\n"
              << "  worst            " << worst << " ms, " << worst / median << " times the median\n"
              << "  later than " << s.deadline << " ms  " << late << "\n"
              << "  allocations      " << allocations << "\n"
              << "  mean squared error of the next reading " << squares / n << "; of repeating the last one "
              << naive / n << "\n\n";
    examples::Result()
        .add("test_mse", squares / n)
        .add("seconds", watch.seconds())
        .add("naive_mse", naive / n)
        .add("median_ms", median)
        .add("p99_ms", p99)
        .add("worst_ms", worst)
        .add("allocations", allocations)
        .print();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Settings settings;
    examples::Options options("Trains a step per tick inside an application's loop", {.batch_size = 128, .threads = 1});
    auto& app = options.app();
    app.add_option("--steps", settings.steps, "ticks of an epoch")->check(CLI::Range(1, 100000000));
    app.add_option("--units", settings.units, "of each hidden layer")->check(CLI::Range(1, 4096));
    app.add_option("--deadline", settings.deadline, "milliseconds")->check(CLI::PositiveNumber);
    if (const auto code = options.parse(argc, argv)) return *code;
    settings.steps *= options.epochs;
    return examples::guarded([&] { return run(options, settings); });
}

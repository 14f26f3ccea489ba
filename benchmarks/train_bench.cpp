// Training throughput of the standard workloads: forward, backward and an Adam step on random data in memory, eight
// batches in turn. The last line is one JSON object; samples per second are the median of the windows after a warm-up.
#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

GRADUS_DEFINE_ALLOCATION_COUNTER;

namespace {

using namespace gradus;
using Clock = std::chrono::steady_clock;

const Clock::time_point process_start = Clock::now();
double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

constexpr int batches = 8;
constexpr int warm_up = 20;

// One workload: a compiled model and its batches.
struct Workload {
    Index batch;
    std::unique_ptr<Model<float>> model;
    std::vector<Tensor<float>> x;
    std::vector<Tensor<std::int32_t>> ids, labels;

    void step(int i) {
        const auto b = static_cast<std::size_t>(i % batches);
        const Columns in = ids.empty() ? Columns(x[b]) : Columns(ids[b]);
        model->forward(in);
        model->loss(labels[b]);
        model->backward();
        model->step();
    }
};

void fill(Tensor<float>& t, std::uint64_t key) {
    initializers::random_normal(0, 1)(t.view(), Random(1, key, Purpose::noise));
}
void fill(Tensor<std::int32_t>& t, std::uint64_t key, Index below) {
    const Random random(1, key, Purpose::sample);
    for (Index i = 0; i < t.size(); ++i) t[i] = static_cast<std::int32_t>(random.below(0, i, below));
}

template <class... L> std::unique_ptr<Model<float>> make(const L&... layers) {
    return std::make_unique<Sequential<float>>(layers...);
}

Workload dense(Index batch, Index features, std::unique_ptr<Model<float>> model) {
    Workload w{batch, std::move(model), {}, {}, {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.x.emplace_back(Shape{batch, features}), b);
        fill(w.labels.emplace_back(Shape{batch}), 100 + b, 10);
    }
    w.model->compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .seed = 1});
    return w;
}

Workload lstm_text() {
    const Index batch = 32, time = 100, vocabulary = 10000;
    Workload w{batch,
               make(Embedding({.input_dim = vocabulary, .output_dim = 50}),
                    LSTM({.units = 64, .dropout = 0.2, .recurrent_dropout = 0.2}), Dense(1, sigmoid)),
               {},
               {},
               {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.ids.emplace_back(Shape{batch, time}), b, vocabulary);
        fill(w.labels.emplace_back(Shape{batch}), 100 + b, 2);
    }
    w.model->compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .seed = 1});
    return w;
}

Workload lstm_char() {
    const Index batch = 64, time = 64, characters = 65;
    Workload w{batch,
               make(Embedding({.input_dim = characters, .output_dim = 128}),
                    LSTM({.units = 256, .return_sequences = true}), LSTM({.units = 256, .return_sequences = true}),
                    Dense(characters, softmax)),
               {},
               {},
               {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.ids.emplace_back(Shape{batch, time}), b, characters);
        fill(w.labels.emplace_back(Shape{batch, time}), 100 + b, characters);
    }
    w.model->compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .seed = 1});
    return w;
}

Workload make_workload(const std::string& name) {
    if (name == "mlp_small") return dense(32, 20, make(Dense(64, relu), Dense(64, relu), Dense(10, softmax)));
    if (name == "mlp_mnist") return dense(128, 784, make(Dense(512, relu), Dense(512, relu), Dense(10, softmax)));
    if (name == "lstm_char") return lstm_char();
    return lstm_text();
}

double peak_rss_mib() {
#if defined(__unix__) || defined(__APPLE__)
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return static_cast<double>(usage.ru_maxrss) / (1024 * 1024);
#else
    return static_cast<double>(usage.ru_maxrss) / 1024;
#endif
#else
    return 0;
#endif
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Training throughput of one workload");
    std::string name = "mlp_small";
    int threads = 1;
    double seconds = 6;
    long steps = 0;
    app.add_option("--workload", name)->check(CLI::IsMember({"mlp_small", "mlp_mnist", "lstm_text", "lstm_char"}));
    app.add_option("--threads", threads)->check(CLI::Range(1, 1024));
    app.add_option("--seconds", seconds, "time for the windows")->check(CLI::PositiveNumber);
    app.add_option("--steps", steps, "a fixed number of steps instead of --seconds")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);

    try {
        set_threads(threads);
        Workload w = make_workload(name);
        w.step(0);
        const double first_step = seconds_since(process_start);
        int i = 1;
        for (; i < warm_up; ++i) w.step(i);
        const std::string fingerprint = w.model->fingerprint();

        const AllocationGuard guard;
        const int counted = 16;
        for (int k = 0; k < counted; ++k) w.step(i++);
        const double allocations = static_cast<double>(guard.count()) / counted;

        std::vector<double> rates;
        const auto start = Clock::now();
        const int windows = 8;
        long done = 0;
        while (steps > 0 ? done < steps : seconds_since(start) < seconds || rates.size() < 3) {
            const auto window = Clock::now();
            long n = 0;
            while (steps > 0 ? n < std::max(1L, steps / windows) && done + n < steps
                             : seconds_since(window) < seconds / windows) {
                w.step(i++);
                ++n;
            }
            done += n;
            rates.push_back(static_cast<double>(n * w.batch) / seconds_since(window));
        }
        std::sort(rates.begin(), rates.end());
        std::printf(
            "{\"system\": \"gradus\", \"workload\": \"%s\", \"threads\": %d, \"samples_per_second\": %.1f, "
            "\"best\": %.1f, \"first_step_seconds\": %.4f, \"peak_rss_mib\": %.1f, \"allocations_per_step\": %g, "
            "\"fingerprint\": \"%s\"}\n",
            name.c_str(), threads, rates[rates.size() / 2], rates.back(), first_step, peak_rss_mib(), allocations,
            fingerprint.c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}

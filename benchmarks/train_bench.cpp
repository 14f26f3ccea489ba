// Training throughput of the standard workloads: forward, backward and an Adam step on random data in memory, eight
// batches in turn. The last line is one JSON object; samples per second are the median of the windows after a warm-up,
// the fingerprint is the model's after the steps of the warm-up. compare.py and scaling.py run this program.
#include <gradus/gradus.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
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

// The command line may replace each; no time, no sequence.
struct Sizes {
    Index batch, units, time;
};

Workload dense(const Sizes& s, Index features) {
    Workload w{s.batch, make(Dense(s.units, relu), Dense(s.units, relu), Dense(10, softmax)), {}, {}, {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.x.emplace_back(Shape{s.batch, features}), b);
        fill(w.labels.emplace_back(Shape{s.batch}), 100 + b, 10);
    }
    w.model->compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .seed = 1});
    return w;
}

Workload mlp_small(const Sizes& s) { return dense(s, 20); }
Workload mlp_mnist(const Sizes& s) { return dense(s, 784); }

Workload lstm_text(const Sizes& s) {
    const Index vocabulary = 10000;
    Workload w{s.batch,
               make(Embedding({.input_dim = vocabulary, .output_dim = 50}),
                    LSTM({.units = s.units, .dropout = 0.2, .recurrent_dropout = 0.2}), Dense(1, sigmoid)),
               {},
               {},
               {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.ids.emplace_back(Shape{s.batch, s.time}), b, vocabulary);
        fill(w.labels.emplace_back(Shape{s.batch}), 100 + b, 2);
    }
    w.model->compile({.optimizer = Adam(), .loss = BinaryCrossentropy(), .seed = 1});
    return w;
}

Workload lstm_char(const Sizes& s) {
    const Index characters = 65;
    Workload w{s.batch,
               make(Embedding({.input_dim = characters, .output_dim = 128}),
                    LSTM({.units = s.units, .return_sequences = true}),
                    LSTM({.units = s.units, .return_sequences = true}), Dense(characters, softmax)),
               {},
               {},
               {}};
    for (std::uint64_t b = 0; b < batches; ++b) {
        fill(w.ids.emplace_back(Shape{s.batch, s.time}), b, characters);
        fill(w.labels.emplace_back(Shape{s.batch, s.time}), 100 + b, characters);
    }
    w.model->compile({.optimizer = Adam(), .loss = SparseCategoricalCrossentropy(), .seed = 1});
    return w;
}

struct Entry {
    const char* name;
    Sizes sizes;
    Workload (*make)(const Sizes&);
};
constexpr Entry workloads[] = {{"mlp_small", {32, 64, 0}, mlp_small},
                               {"mlp_mnist", {128, 512, 0}, mlp_mnist},
                               {"lstm_text", {32, 64, 100}, lstm_text},
                               {"lstm_char", {64, 256, 64}, lstm_char}};

const Entry& find_workload(const std::string& name) {
    std::string known;
    for (const Entry& e : workloads) {
        if (name == e.name) return e;
        known += std::string(known.empty() ? "" : ", ") + e.name;
    }
    throw std::invalid_argument("--workload: expects one of " + known + ", got \"" + name + "\"");
}

std::string compiler() {
#if defined(__clang__)
    return "Clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
           std::to_string(__clang_patchlevel__);
#elif defined(__GNUC__)
    return "GCC " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
           std::to_string(__GNUC_PATCHLEVEL__);
#elif defined(_MSC_VER)
    return "MSVC " + std::to_string(_MSC_VER);
#else
    return "unknown";
#endif
}

double peak_rss_mib() {
    // Linux's ru_maxrss begins with the memory of the process that started this one.
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
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
    Sizes wanted{0, 0, 0};
    app.add_option("--workload", name, "mlp_small, mlp_mnist, lstm_text or lstm_char");
    app.add_option("--threads", threads)->check(CLI::Range(1, 1024));
    app.add_option("--seconds", seconds, "time for the windows")->check(CLI::PositiveNumber);
    app.add_option("--steps", steps, "a fixed number of steps instead of --seconds")->check(CLI::PositiveNumber);
    app.add_option("--batch", wanted.batch, "rows of a batch, instead of the workload's")->check(CLI::PositiveNumber);
    app.add_option("--units", wanted.units, "of each hidden layer or LSTM")->check(CLI::PositiveNumber);
    app.add_option("--time", wanted.time, "length of the sequences")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);

    try {
        set_threads(threads);
        const Entry& entry = find_workload(name);
        Sizes sizes = entry.sizes;
        if (wanted.time > 0 && sizes.time == 0)
            throw std::invalid_argument("--time: the batches of " + name + " have no sequences");
        if (wanted.batch > 0) sizes.batch = wanted.batch;
        if (wanted.units > 0) sizes.units = wanted.units;
        if (wanted.time > 0) sizes.time = wanted.time;

        Workload w = entry.make(sizes);
        w.step(0);
        const double first_step = seconds_since(process_start);
        const double first_step_at =
            std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

        // Twenty steps, or three where a step takes long.
        const auto warm = Clock::now();
        int i = 1;
        const AllocationGuard guard;
        while (i < warm_up && (i < 3 || steps > 0 || seconds_since(warm) < seconds)) w.step(i++);
        const double allocations = static_cast<double>(guard.count()) / (i - 1);
        const int warm_up_steps = i;
        const std::string fingerprint = w.model->fingerprint();

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
            "{\"system\": \"gradus\", \"version\": \"%s\", \"compiler\": \"%s\", \"instructions\": \"%s\", "
            "\"workload\": \"%s\", \"threads\": %d, \"batch\": %lld, \"units\": %lld, \"time\": %lld, "
            "\"samples_per_second\": %.2f, \"best\": %.2f, \"first_step_seconds\": %.4f, \"first_step_at\": %.6f, "
            "\"peak_rss_mib\": %.1f, \"allocations_per_step\": %g, \"warm_up_steps\": %d, \"fingerprint\": \"%s\"}\n",
            GRADUS_VERSION, compiler().c_str(), kernels::name_of(kernels::isa()), name.c_str(), threads,
            static_cast<long long>(sizes.batch), static_cast<long long>(sizes.units),
            static_cast<long long>(sizes.time), rates[rates.size() / 2], rates.back(), first_step, first_step_at,
            peak_rss_mib(), allocations, warm_up_steps, fingerprint.c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}

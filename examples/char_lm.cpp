// A character language model: two LSTMs learn to continue a text, then write one with temperature and top-k.
//
// With --data DIR it reads input.txt (Karpathy's tiny Shakespeare, in DIR or DIR/tinyshakespeare); without, a corpus of
// reviews that it writes itself. The last tenth of the characters is held out; the result is its cross-entropy in nats
// per character.
#include <gradus/gradus.hpp>

#include "support/options.hpp"
#include "support/result.hpp"
#include "support/reviews.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>

using namespace gradus;

namespace {

struct Settings {
    Index units = 256, length = 96, test_length = 512, sample = 400, top_k = 0;
    double dropout = 0.2, temperature = 0.8, learning_rate = 2e-3;
    std::string prompt = "\n";
};

// Characters that occur, in the order of their bytes, are the ids.
struct Characters {
    std::string known;
    explicit Characters(const std::string& text) {
        bool seen[256] = {};
        for (const char c : text) seen[static_cast<unsigned char>(c)] = true;
        for (int c = 0; c < 256; ++c)
            if (seen[c]) known += static_cast<char>(c);
    }
    Index size() const { return static_cast<Index>(known.size()); }
    std::int32_t id(char c) const {
        const auto at = known.find(c);
        if (at == std::string::npos) throw_value_error(std::string("char_lm: the text has no character \"") + c + "\"");
        return static_cast<std::int32_t>(at);
    }
};

// Windows of `length` characters, each with its successors. What is left at the end is dropped.
struct Windows {
    Tensor<std::int32_t> x, y;
    Windows(std::string_view text, const Characters& characters, Index length)
        : x({windows(text, length), length}), y({windows(text, length), length}) {
        if (x.size() == 0) throw_value_error("char_lm: expects more than " + std::to_string(length) + " characters");
        for (Index i = 0; i < x.size(); ++i) {
            x[i] = characters.id(text[static_cast<std::size_t>(i)]);
            y[i] = characters.id(text[static_cast<std::size_t>(i) + 1]);
        }
    }
    static Index windows(std::string_view text, Index length) { return (static_cast<Index>(text.size()) - 1) / length; }
};

// A stateful one keeps its state from call to call: what writing, a character at a time, needs.
Sequential<float> make_model(Index characters, const Settings& s, bool stateful) {
    const LSTMOptions lstm{.units = s.units, .return_sequences = true, .stateful = stateful};
    return Sequential<float>{Embedding({.input_dim = characters, .output_dim = 64}),
                             LSTM(lstm),
                             Dropout(s.dropout),
                             LSTM(lstm),
                             Dropout(s.dropout),
                             Dense(characters, softmax)};
}

// The id drawn from the k likeliest (0: all), with probabilities p^(1 / temperature).
std::int32_t draw(View<const float> p, double temperature, Index k, double uniform) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(p.size()));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
    if (k > 0 && k < p.size()) order.resize(static_cast<std::size_t>(k));
    if (temperature == 0) return order[0];
    std::vector<double> weight;
    for (const auto i : order) weight.push_back(std::pow(static_cast<double>(p[i]) / p[order[0]], 1 / temperature));
    double rest = uniform * std::accumulate(weight.begin(), weight.end(), 0.0);
    for (std::size_t i = 0; i < order.size(); ++i)
        if ((rest -= weight[i]) < 0) return order[i];
    return order.back();
}

std::string write(Model<float>& trained, const Characters& characters, const Settings& s, std::uint64_t seed) {
    Sequential<float> writer = make_model(characters.size(), s, true);
    writer.build({1, 1});
    writer.initialize(seed);
    for (const auto& v : trained.variables()) {
        const auto from = trained.parameter(v.name);
        std::copy(from.begin(), from.end(), writer.parameter(v.name).begin());
    }
    Predictor<float> predictor(writer);
    const Random random(seed, 0, Purpose::sample);
    Tensor<std::int32_t> id({1, 1});
    std::string text;
    for (const char c : s.prompt) {
        id[0] = characters.id(c);
        predictor.run(id);
    }
    for (Index i = 0; i < s.sample; ++i) {
        id[0] = draw(predictor.output(), s.temperature, s.top_k, random.uniform(0, i));
        text += characters.known[static_cast<std::size_t>(id[0])];
        predictor.run(id);
    }
    return text;
}

// Where DIR holds input.txt; empty: nowhere.
std::filesystem::path find_text(const std::string& dir) {
    if (dir.empty()) return {};
    for (const auto& p : {std::filesystem::path(dir), std::filesystem::path(dir) / "tinyshakespeare"})
        if (std::filesystem::exists(p / "input.txt")) return p / "input.txt";
    return {};
}

std::string read_text(const examples::Options& options) {
    const auto path = find_text(options.data);
    if (!path.empty()) {
        std::ifstream file(path, std::ios::binary);
        std::string text{std::istreambuf_iterator<char>(file), {}};
        if (!file || text.empty()) throw_io_error(path.string() + ": expects a text, could not read one");
        return text;
    }
    if (!options.data.empty()) std::cout << "no input.txt in " << options.data << "\n";
    std::cout << "data: reviews that this program writes itself (--data DIR reads input.txt)\n";
    std::string text;
    for (const std::string& review : examples::make_reviews({.samples = 1500}).texts) text += review + "\n";
    return text;
}

int run(const examples::Options& options, const Settings& s) {
    const examples::Stopwatch watch;
    set_threads(options.threads);
    const std::string text = read_text(options);
    const Characters characters(text);
    if (s.prompt.empty()) throw_value_error("char_lm: prompt expects at least one character, got none");
    for (const char c : s.prompt) (void)characters.id(c);
    const std::size_t held_out = text.size() / 10;
    const std::string_view all = text;
    const Windows train(all.substr(0, all.size() - held_out), characters, s.length);
    const Windows test(all.substr(all.size() - held_out), characters, s.test_length);
    std::cout << text.size() << " characters, " << characters.size() << " different; " << train.x.shape()[0]
              << " windows of " << s.length << " to train on\n\n";

    Sequential<float> model = make_model(characters.size(), s, false);
    const double updates =
        std::ceil(static_cast<double>(train.x.shape()[0]) / static_cast<double>(options.batch_size)) *
        static_cast<double>(options.epochs);
    model.compile({.optimizer = Adam({.learning_rate = CosineDecay({.initial_learning_rate = s.learning_rate,
                                                                    .decay_steps = static_cast<Index>(updates)})}),
                   .loss = SparseCategoricalCrossentropy(),
                   .seed = options.seed});
    model.fit(train.x, train.y, {.batch_size = options.batch_size, .epochs = options.epochs});
    const double nats = model.evaluate(test.x, test.y, {.batch_size = options.batch_size})["loss"];
    std::cout << "\nheld out: " << nats << " nats per character, " << nats / std::log(2.0) << " bits\n\n"
              << "--- written at temperature " << s.temperature << (s.top_k ? ", top " + std::to_string(s.top_k) : "")
              << " ---\n"
              << write(model, characters, s, options.seed) << "\n---\n";
    examples::Result().add("test_nats", nats).add("seconds", watch.seconds()).print();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Settings settings;
    examples::Options options("Trains a character language model and writes a text with it",
                              {.epochs = 15, .batch_size = 64});
    auto& app = options.app();
    app.add_option("--units", settings.units, "of each of the two LSTMs")->check(CLI::Range(1, 4096));
    app.add_option("--length", settings.length, "characters of a training window")->check(CLI::Range(1, 4096));
    app.add_option("--dropout", settings.dropout, "share of outputs of each LSTM")->check(CLI::Range(0.0, 0.99));
    app.add_option("--learning-rate", settings.learning_rate, "at the start; it falls as a cosine")
        ->check(CLI::PositiveNumber);
    app.add_option("--sample", settings.sample, "characters to write")->check(CLI::Range(0, 1000000));
    app.add_option("--temperature", settings.temperature, "0: always the likeliest")->check(CLI::Range(0.0, 100.0));
    app.add_option("--top-k", settings.top_k, "draw from the k likeliest; 0: from all")->check(CLI::Range(0, 256));
    app.add_option("--prompt", settings.prompt, "what the text goes on from")->always_capture_default(false);
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] { return run(options, settings); });
}

// The main job: a text classifier trained, tested, saved, loaded and used.
//
// With --data DIR it reads the sentence polarity data of Pang and Lee (rt-polarity.neg and .pos, in DIR or
// DIR/rt-polarity); without, it writes its own reviews, in which the order of words decides. A tenth of the rows is
// held out for the test, a tenth of the others chooses the number of epochs; on rt-polarity, where rows are few, a new
// model is then trained on all training rows.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include "support/naive_bayes.hpp"
#include "support/options.hpp"
#include "support/precision.hpp"
#include "support/result.hpp"
#include "support/reviews.hpp"
#include "support/temporary_file.hpp"

#include <filesystem>
#include <iomanip>
#include <iostream>
#include <numeric>

using namespace gradus;

namespace {

struct Settings {
    std::string architecture = "lstm";
    Index max_tokens = 10000, length = 0, epochs = 6, batch_size = 32, patience = 2;
    double learning_rate = 1e-3;
    std::uint64_t seed = 0;
    ProductPrecision precision = {};
    bool refit = false;
};

struct Outcome {
    double accuracy = 0, auc = 0, loss = 0;
    Index epochs = 0;
};

Sequential<float> make_model(const TextVectorization& words, const Settings& s) {
    const Embedding embedding({.input_dim = s.max_tokens, .output_dim = 50, .mask_zero = true});
    const LSTM lstm({.units = 64, .dropout = 0.2, .recurrent_dropout = 0.2});
    if (s.architecture == "average")
        return Sequential<float>{words, embedding, GlobalAveragePooling1D(), Dropout(0.5), Dense(1, sigmoid)};
    if (s.architecture == "bilstm") return Sequential<float>{words, embedding, Bidirectional(lstm), Dense(1, sigmoid)};
    return Sequential<float>{words, embedding, lstm, Dense(1, sigmoid)};
}

CompileOptions<float> compile_options(const Settings& s) {
    return {.optimizer = Adam({.learning_rate = s.learning_rate}),
            .loss = BinaryCrossentropy(),
            .metrics = {Accuracy(), AUC()},
            .seed = s.seed,
            .precision = s.precision};
}

// Trains with early stopping on a tenth of the training rows; the weights of the best epoch are kept. With `refit` they
// only choose the number of epochs, and a new model is trained for as many on all training rows.
std::pair<Sequential<float>, Outcome> train(const TextSplit& data, const Settings& s, Verbose verbose, bool summary) {
    TextVectorization words({.max_tokens = s.max_tokens, .output_sequence_length = s.length});
    words.adapt(data.train.texts);
    Sequential<float> model = make_model(words, s);
    model.compile(compile_options(s));
    if (summary) {
        model.build({dim::batch(), dim::time()});
        std::cout << model.summary() << "\n";
    }
    const auto stop =
        std::make_shared<EarlyStopping>(EarlyStoppingOptions{.patience = s.patience, .restore_best_weights = !s.refit});
    model.fit(data.train.texts, data.train.labels,
              {.batch_size = s.batch_size,
               .epochs = s.epochs,
               .verbose = verbose,
               .callbacks = {stop},
               .validation_split = 0.1});
    if (s.refit) {
        model = make_model(words, s);
        model.compile(compile_options(s));
        model.fit(data.train.texts, data.train.labels,
                  {.batch_size = s.batch_size, .epochs = stop->best_epoch() + 1, .verbose = verbose});
    }
    const Results r = model.evaluate(data.test.texts, data.test.labels, {.batch_size = 128});
    return {std::move(model), Outcome{r["accuracy"], r["auc"], r["loss"], stop->best_epoch() + 1}};
}

// Where DIR holds the polarity data; empty: nowhere.
std::filesystem::path find_polarity(const std::string& dir) {
    if (dir.empty()) return {};
    for (const auto& p : {std::filesystem::path(dir), std::filesystem::path(dir) / "rt-polarity"})
        if (std::filesystem::exists(p / "rt-polarity.pos") && std::filesystem::exists(p / "rt-polarity.neg")) return p;
    return {};
}

void print_line(const std::string& name, double accuracy, double auc, Index epochs) {
    std::cout << "  " << std::left << std::setw(26) << name << std::fixed << std::setprecision(4) << accuracy;
    if (auc > 0) std::cout << "    " << auc << "    epoch " << epochs;
    std::cout << "\n";
}

int run(const examples::Options& options, Settings settings, int seeds, bool compare) {
    const examples::Stopwatch watch;
    set_threads(options.threads);
    settings.seed = options.seed;
    settings.epochs = options.epochs;
    settings.batch_size = options.batch_size;

    const auto folder = find_polarity(options.data);
    TextData data;
    if (folder.empty()) {
        if (!options.data.empty()) std::cout << "no rt-polarity.pos and rt-polarity.neg in " << options.data << "\n";
        std::cout << "data: 12,000 reviews that this program writes itself (--data DIR reads rt-polarity)\n\n";
        data = examples::make_reviews();
    } else {
        data = load_text_files({(folder / "rt-polarity.neg").string(), (folder / "rt-polarity.pos").string()},
                               {.class_names = {"negative", "positive"}});
        std::cout << "data: " << data.size() << " sentences of rt-polarity\n\n";
        settings.refit = true;
        if (settings.architecture == "average")
            settings.max_tokens = 20000; // every word: nothing else tells the classes apart
    }

    Outcome mean;
    double bayes = 0, average = 0;
    std::optional<Sequential<float>> model;
    TextSplit last;
    for (int k = 0; k < seeds; ++k) {
        settings.seed = options.seed + static_cast<std::uint64_t>(k);
        TextSplit split = train_test_split(data, {.test_size = 0.1, .seed = settings.seed});
        auto [trained, outcome] = train(split, settings, Verbose::automatic, k == 0);
        mean.accuracy += outcome.accuracy / seeds;
        mean.auc += outcome.auc / seeds;
        mean.loss += outcome.loss / seeds;
        examples::NaiveBayes naive;
        naive.fit(split.train);
        const double naive_accuracy = naive.accuracy(split.test);
        bayes += naive_accuracy / seeds;
        std::cout << "\ntest" << (seeds > 1 ? ", seed " + std::to_string(settings.seed) : "")
                  << "        accuracy      AUC\n";
        print_line(settings.architecture, outcome.accuracy, outcome.auc, outcome.epochs);
        if (compare && settings.architecture != "average") {
            Settings bag = settings;
            bag.architecture = "average";
            const Outcome other = train(split, bag, Verbose::silent, false).second;
            average += other.accuracy / seeds;
            print_line("average (order-free)", other.accuracy, other.auc, other.epochs);
        }
        print_line("naive Bayes", naive_accuracy, 0, 0);
        std::cout << "\n";
        model = std::move(trained);
        last = std::move(split);
    }
    if (seeds > 1) {
        std::cout << "mean of " << seeds << " seeds\n";
        print_line(settings.architecture, mean.accuracy, 0, 0);
        if (compare && settings.architecture != "average") print_line("average (order-free)", average, 0, 0);
        print_line("naive Bayes", bayes, 0, 0);
    }

    const examples::TemporaryFile file("gradus_text_classifier", ".safetensors");
    save(*model, file.path());
    const auto loaded = load(file.path());
    std::cout << "saved to " << file.path() << " (" << std::filesystem::file_size(file.path()) / 1024
              << " KiB, removed at the end), loaded again, fingerprint " << loaded.fingerprint() << "\n";
    if (loaded.fingerprint() != model->fingerprint()) throw_value_error("the loaded model differs from the saved one");
    std::vector<std::string> sentences;
    for (const auto& s : examples::sample_sentences()) sentences.push_back(s.text);
    const Tensor<float> p = loaded.predict(sentences);
    for (std::size_t i = 0; i < sentences.size(); ++i)
        std::cout << "  " << std::fixed << std::setprecision(3) << p[static_cast<Index>(i)]
                  << (p[static_cast<Index>(i)] >= 0.5f ? " positive  " : " negative  ") << sentences[i] << "\n";

    examples::Result result;
    result.add("test_accuracy", mean.accuracy).add("test_auc", mean.auc).add("test_nats", mean.loss);
    if (compare && settings.architecture != "average") result.add("average_accuracy", average);
    result.add("naive_bayes_accuracy", bayes).add("seconds", watch.seconds()).print();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    examples::Options options("Trains, tests, saves, loads and uses a text classifier", {.epochs = 6});
    Settings settings;
    int seeds = 1;
    bool compare = true;
    options.app()
        .add_option("--architecture", settings.architecture, "lstm, bilstm, or average: mean of embeddings, order-free")
        ->check(CLI::IsMember({"lstm", "bilstm", "average"}));
    options.app()
        .add_option("--seeds", seeds, "runs with seeds from --seed on; their mean is reported")
        ->check(CLI::Range(1, 100));
    options.app().add_option("--learning-rate", settings.learning_rate, "Adam's step size")->check(CLI::PositiveNumber);
    options.app()
        .add_option("--patience", settings.patience, "epochs without a better validation accuracy")
        ->check(CLI::Range(1, 100));
    options.app().add_flag("!--no-compare", compare, "train no order-free model beside it");
    examples::add_precision(options.app(), settings.precision);
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] { return run(options, settings, seeds, compare); });
}

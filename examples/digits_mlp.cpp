// A dense network reads digits, or pieces of clothing.
//
// With --data DIR it reads MNIST or Fashion-MNIST (IDX files, plain or .gz, in DIR or, with --set, in DIR/mnist and
// DIR/fashion-mnist); without, digits that the program draws itself.
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include "support/digits.hpp"
#include "support/options.hpp"
#include "support/precision.hpp"
#include "support/result.hpp"

#include <filesystem>
#include <iostream>

using namespace gradus;

namespace {

// Where the pictures lie; empty: nowhere.
std::filesystem::path find_digits(const std::string& dir, const std::string& set) {
    if (dir.empty()) return {};
    for (const auto& p : {std::filesystem::path(dir), std::filesystem::path(dir) / set})
        for (const char* name : {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"})
            if (std::filesystem::exists(p / name)) return p;
    return {};
}

int run(const examples::Options& options, const std::string& set, double learning_rate, double dropout,
        ProductPrecision precision) {
    const examples::Stopwatch watch;
    set_threads(options.threads);
    const auto folder = find_digits(options.data, set);
    if (folder.empty()) {
        if (!options.data.empty()) std::cout << "no train-images-idx3-ubyte in " << options.data << "\n";
        std::cout << "data: 12,000 digits that this program draws itself (--data DIR reads MNIST)\n\n";
    } else {
        std::cout << "data: " << folder.filename().string() << "\n\n";
    }
    const examples::Digits d = folder.empty() ? examples::draw_digits() : examples::load_digits(folder);
    std::cout << examples::show_digit(View<const float>(d.x_train.data(), {28, 28})) << "a picture of class "
              << d.class_names[static_cast<std::size_t>(d.y_train[0])] << "\n\n";

    const Index n = d.x_train.shape()[0];
    const Index updates = (n + options.batch_size - 1) / options.batch_size * options.epochs;
    Sequential model{Flatten(),        Dense(512, relu), Dropout(dropout),
                     Dense(512, relu), Dropout(dropout), Dense(10, softmax)};
    model.compile(
        {.optimizer =
             Adam({.learning_rate = CosineDecay({.initial_learning_rate = learning_rate, .decay_steps = updates})}),
         .loss = SparseCategoricalCrossentropy(),
         .metrics = {Accuracy()},
         .seed = options.seed,
         .precision = precision});
    model.build({dim::batch(), 28, 28});
    std::cout << model.summary() << "\n";
    model.fit(d.x_train, d.y_train,
              {.batch_size = options.batch_size,
               .epochs = options.epochs,
               .validation_data = ValidationData{d.x_test, d.y_test}});

    const Tensor<float> p = model.predict(d.x_test, {.batch_size = 256});
    const auto report = classification_report(d.y_test, p, d.class_names);
    std::cout << "\n" << report << "\n";
    examples::Result().add("test_accuracy", report.accuracy).add("seconds", watch.seconds()).print();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    std::string set = "mnist";
    double learning_rate = 1e-3, dropout = 0.25;
    ProductPrecision precision;
    examples::Options options("Trains a dense network on pictures of digits", {.epochs = 10, .batch_size = 128});
    auto& app = options.app();
    app.add_option("--set", set, "folder inside --data")->check(CLI::IsMember({"mnist", "fashion-mnist"}));
    app.add_option("--learning-rate", learning_rate, "at the start; it falls as a cosine")->check(CLI::PositiveNumber);
    app.add_option("--dropout", dropout, "share of units of each hidden layer")->check(CLI::Range(0.0, 0.99));
    examples::add_precision(app, precision);
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] { return run(options, set, learning_rate, dropout, precision); });
}

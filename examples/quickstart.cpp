// The README's program with the examples' options: texts in, a trained classifier out.
#include <gradus/gradus.hpp>

#include "support/options.hpp"
#include "support/result.hpp"

#include <iostream>

using namespace gradus;

int main(int argc, char** argv) {
    examples::Options options("Trains a small text classifier on sentences that the program writes itself",
                              {.epochs = 30, .batch_size = 8});
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] {
        set_threads(options.threads);
        const examples::Stopwatch watch;
        std::cout << "data: 50 sentences that this program writes itself (it has no use for --data)\n\n";

        std::vector<std::string> texts;
        std::vector<std::int32_t> labels;
        for (std::string good : {"clever", "moving", "witty", "warm", "fresh"})
            for (std::string bad : {"dull", "flat", "silly", "cold", "stale"}) {
                if (good == "clever" && bad == "dull") continue; // kept for the end
                texts.insert(texts.end(), {"not " + bad + " but " + good, "not " + good + " but " + bad});
                labels.insert(labels.end(), {1, 0});
            }
        TextVectorization words({.max_tokens = 1000});
        words.adapt(texts);
        Sequential model{words, Embedding({.input_dim = 1000, .output_dim = 16, .mask_zero = true}),
                         LSTM({.units = 32}), Dense(1, sigmoid)};
        model.compile({.optimizer = Adam({.learning_rate = 0.01}),
                       .loss = BinaryCrossentropy(),
                       .metrics = {Accuracy()},
                       .seed = options.seed});
        model.fit(texts, labels, {.batch_size = options.batch_size, .epochs = options.epochs});

        const std::vector<std::string> unseen{"not dull but clever", "not clever but dull"};
        const Tensor p = model.predict(unseen);
        for (Index i = 0; i < p.size(); ++i) std::cout << p[i] << "  " << unseen[static_cast<std::size_t>(i)] << "\n";

        const auto test = model.evaluate(unseen, std::vector<std::int32_t>{1, 0});
        examples::Result().add("test_accuracy", test["accuracy"]).add("seconds", watch.seconds()).print();
        return 0;
    });
}

// The README's program with the examples' options: texts in, a trained classifier out.
#include <gradus/gradus.hpp>

#include "support/options.hpp"
#include "support/result.hpp"
#include "support/reviews.hpp"

#include <iostream>

using namespace gradus;

int main(int argc, char** argv) {
    examples::Options options("Trains a small text classifier on reviews that the program writes itself",
                              {.epochs = 5});
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] {
        set_threads(options.threads);
        const examples::Stopwatch watch;
        if (!options.data.empty()) std::cout << "quickstart has no use for --data; it writes its own reviews\n";
        const auto [train, test] = train_test_split(examples::make_reviews({.samples = 4000}), {.test_size = 0.1});

        TextVectorization words({.max_tokens = 1000});
        words.adapt(train.texts);
        Sequential model{
            words,
            Embedding({.input_dim = 1000, .output_dim = 16, .mask_zero = true}),
            LSTM({.units = 32}),
            Dense(1, sigmoid),
        };
        model.compile({.optimizer = Adam({.learning_rate = 5e-3}),
                       .loss = BinaryCrossentropy(),
                       .metrics = {Accuracy()},
                       .seed = options.seed});
        model.fit(train.texts, train.labels,
                  {.batch_size = options.batch_size, .epochs = options.epochs, .validation_split = 0.1});

        const auto test_results = model.evaluate(test.texts, test.labels);
        const std::vector<std::string> sentences{"the plot was not dull , it was clever",
                                                 "the plot was not clever , it was dull"};
        const Tensor<float> p = model.predict(sentences);
        for (std::size_t i = 0; i < sentences.size(); ++i)
            std::cout << sentences[i] << "  ->  " << p[static_cast<Index>(i)] << "\n";
        examples::Result().add("test_accuracy", test_results["accuracy"]).add("seconds", watch.seconds()).print();
        return 0;
    });
}

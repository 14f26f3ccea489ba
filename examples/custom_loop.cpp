// A training loop of one's own: forward, loss, backward and step by hand, for what fit has no option for. Here each
// batch holds the rows that the model finds hardest among four times as many candidates (selection by loss; Loshchilov
// and Hutter 2015).
#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

#include "support/digits.hpp"
#include "support/options.hpp"
#include "support/result.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <vector>

using namespace gradus;

namespace {

// Negative log likelihood of a row's label.
double row_loss(View<const float> p, Index row, std::int32_t label) {
    return -std::log(std::max(1e-7, static_cast<double>(p[row * 10 + label])));
}

void copy_row(const Tensor<float>& from, Index row, Tensor<float>& to, Index at) {
    std::copy_n(from.data() + row * 784, 784, to.data() + at * 784);
}

int run(const examples::Options& options) {
    const examples::Stopwatch watch;
    set_threads(options.threads);
    std::cout << "data: 7,200 digits that this program draws itself (it has no use for --data)\n\n";
    const examples::Digits d = examples::draw_digits(6000);

    Sequential<float> model{Flatten(), Dense(128, relu), Dense(10, softmax)};
    model.compile(
        {.optimizer = Adam({.learning_rate = 1e-3}), .loss = SparseCategoricalCrossentropy(), .seed = options.seed});
    model.build({dim::batch(), 28, 28});
    model.initialize(options.seed);

    const Index n = d.x_train.shape()[0], batch = std::min(options.batch_size, n / 4), candidates = 4 * batch;
    Tensor<float> pool({candidates, 28, 28}), x({batch, 28, 28});
    Tensor<std::int32_t> y(Shape{batch});
    Predictor<float> judge(model, {.batch = candidates, .parallel = true});
    std::vector<Index> order(static_cast<std::size_t>(n)), hardest(static_cast<std::size_t>(candidates));
    std::vector<double> losses(static_cast<std::size_t>(candidates));

    for (Index epoch = 0; epoch < options.epochs; ++epoch) {
        std::iota(order.begin(), order.end(), Index{0});
        const Random random(options.seed, static_cast<std::uint64_t>(epoch), Purpose::shuffle);
        for (Index i = n - 1; i > 0; --i)
            std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(0, i, i + 1))]);
        double sum = 0, norm = 0;
        Index steps = 0;
        for (Index begin = 0; begin + candidates <= n; begin += candidates, ++steps) {
            const auto row = [&](Index i) { return order[static_cast<std::size_t>(begin + i)]; };
            for (Index i = 0; i < candidates; ++i) copy_row(d.x_train, row(i), pool, i);
            judge.run(pool);
            for (Index i = 0; i < candidates; ++i)
                losses[static_cast<std::size_t>(i)] = row_loss(judge.output(), i, d.y_train[row(i)]);
            std::iota(hardest.begin(), hardest.end(), Index{0});
            std::partial_sort(hardest.begin(), hardest.begin() + batch, hardest.end(), [&](Index a, Index b) {
                const double la = losses[static_cast<std::size_t>(a)], lb = losses[static_cast<std::size_t>(b)];
                return la != lb ? la > lb : a < b;
            });
            for (Index i = 0; i < batch; ++i) {
                copy_row(pool, hardest[static_cast<std::size_t>(i)], x, i);
                y[i] = d.y_train[row(hardest[static_cast<std::size_t>(i)])];
            }

            model.forward(x);
            sum += model.loss(y);
            model.backward();
            const auto g = model.gradient("dense_1.kernel");
            norm += std::sqrt(static_cast<double>(kernels::sum_squares(g.data(), g.size())));
            model.step();
        }
        const auto steps_done = static_cast<double>(std::max<Index>(1, steps));
        std::cout << "epoch " << epoch + 1 << "  loss of the hardest quarter " << sum / steps_done
                  << "  gradient norm of the last layer " << norm / steps_done << "\n";
    }

    const Tensor<float> p = model.predict(d.x_test);
    Index right = 0;
    const Index tests = d.y_test.size();
    for (Index i = 0; i < tests; ++i)
        right += std::max_element(p.data() + i * 10, p.data() + i * 10 + 10) - (p.data() + i * 10) == d.y_test[i];
    examples::Result()
        .add("test_accuracy", static_cast<double>(right) / static_cast<double>(tests))
        .add("seconds", watch.seconds())
        .print();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    examples::Options options("Trains with forward, loss, backward and step called by hand", {.epochs = 12});
    if (const auto code = options.parse(argc, argv)) return *code;
    return examples::guarded([&] { return run(options); });
}

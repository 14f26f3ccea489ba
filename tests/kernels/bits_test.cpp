// The bits of kernels as numbers in the source: every compiler, optimisation and set with a fused multiply-add must
// give them. Initial weights and functions of single numbers have one value for all sets.
#include <gradus/kernels/activation.hpp>
#include <gradus/kernels/crossentropy.hpp>
#include <gradus/kernels/dropout.hpp>
#include <gradus/kernels/initialize.hpp>
#include <gradus/kernels/math.hpp>
#include <gradus/kernels/reduce.hpp>

#include "kernel_support.hpp"

#if !GRADUS_EIGEN_KERNELS

using namespace gradus;
using namespace gradus::kernels;
using namespace kernel_support;

namespace {

class Hash {
public:
    template <class T> void add(const Numbers<T>& x) {
        for (const T& v : x) {
            unsigned char bytes[sizeof(T)];
            std::memcpy(bytes, &v, sizeof(T));
            for (unsigned char b : bytes) value_ = (value_ ^ b) * 0x100000001b3;
        }
    }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

/// numbers() without arithmetic that contraction could change: multiples of 2^-20.
template <class T> Numbers<T> exact_numbers(Index n, std::uint64_t seed, std::int64_t low, std::int64_t high) {
    const Random random(seed, 0, Purpose::sample);
    Numbers<T> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
        const std::int64_t whole = random.below(0, i, (high - low) * (1 << 20)) + low * (1 << 20);
        x[static_cast<std::size_t>(i)] = T(double(whole) * 0x1p-20);
    }
    return x;
}

template <class T> std::uint64_t hash_of_kernels() {
    Hash h;
    const Index rows = 57, cols = 83, n = rows * cols;
    const auto x = exact_numbers<T>(n, 1, -20, 20), positive = exact_numbers<T>(n, 2, 1, 900),
               dy = exact_numbers<T>(n, 3, -2, 2);
    Numbers<T> y(x.size()), d(x.size()), loss(x.size());
    for (auto f : {vexp<T>, vtanh<T>, vsigmoid<T>, vsin<T>, vcos<T>}) {
        f(y.data(), x.data(), n);
        h.add(y);
    }
    vlog(y.data(), positive.data(), n);
    h.add(y);
    for (auto kind : {relu, sigmoid, activation::tanh, softmax}) {
        activation_forward(y.data(), x.data(), kind, rows, cols);
        activation_backward(d.data(), dy.data(), y.data(), kind, rows, cols);
        h.add(y);
        h.add(d);
    }
    h.add(Numbers<T>{sum(x.data(), n), sum_squares(x.data(), n)});
    Numbers<std::int32_t> target(static_cast<std::size_t>(rows));
    for (std::size_t r = 0; r < target.size(); ++r) target[r] = std::int32_t(r * 7 % std::size_t(cols));
    const auto t = exact_numbers<T>(n, 4, 0, 1);
    for (bool logits : {false, true}) {
        const auto& p = logits ? x : t;
        binary_crossentropy(loss.data(), d.data(), p.data(), t.data(), n, logits);
        h.add(loss);
        h.add(d);
        sparse_categorical_crossentropy(loss.data(), d.data(), logits ? x.data() : positive.data(), target.data(), rows,
                                        cols, logits);
        h.add(loss);
        h.add(d);
    }
    dropout_mask(y.data(), Random(1, 2, Purpose::dropout), T(0.3), rows, cols);
    h.add(y);
    return h.value();
}

template <class T> std::uint64_t hash_of_rare_activations() {
    Hash h;
    const Index rows = 57, cols = 83, n = rows * cols;
    const auto x = exact_numbers<T>(n, 1, -20, 20), dy = exact_numbers<T>(n, 3, -2, 2);
    Numbers<T> y(x.size()), d(x.size());
    for (auto kind : {gelu, gelu_tanh, silu, elu, leaky_relu, softplus, log_softmax}) {
        activation_forward(y.data(), x.data(), kind, rows, cols);
        activation_backward(d.data(), dy.data(), activation::needs_input(kind) ? x.data() : y.data(), kind, rows, cols);
        h.add(y);
        h.add(d);
    }
    return h.value();
}

std::uint64_t hash_of_initial_weights() {
    Hash h;
    const Random random(3, 4, Purpose::initial);
    Numbers<float> f(3001);
    Numbers<double> d(3001), workspace(3000);
    fill_uniform(f.data(), random, -0.1, 0.3, 3001);
    fill_uniform(d.data(), random, -0.1, 0.3, 3001);
    h.add(f);
    h.add(d);
    fill_normal(f.data(), random, 0.1, 0.3, 3001);
    fill_truncated_normal(d.data(), random, 0.1, 0.3, 3001);
    h.add(f);
    h.add(d);
    orthogonal(d.data(), random, 1.1, 30, 100, workspace.data());
    h.add(d);
    for (double x : exact_numbers<double>(500, 5, 0, 9))
        h.add(Numbers<double>{scalar::exp(x), scalar::log(x), scalar::tanh(x), scalar::sqrt(x), scalar::sin(x),
                              scalar::cos(x), scalar::pow(x, 5), scalar::pow(x, 0.3)});
    return h.value();
}

} // namespace

TEST_CASE("kernels give the bits that are written here", "[kernels]") {
    for (Isa isa : {Isa::avx2, Isa::avx512}) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        INFO(name_of(isa));
        CHECK(hash_of_kernels<float>() == 0xcfcc8caae9970bfa);
        CHECK(hash_of_kernels<double>() == 0x358a58e0f8af1729);
        CHECK(hash_of_rare_activations<float>() == 0xc39f15595d61c07e);
        CHECK(hash_of_rare_activations<double>() == 0x6431e394eb25b0f8);
    }
    on_each_set([] { CHECK(hash_of_initial_weights() == 0x964e721d84b729fd); });
}

#endif

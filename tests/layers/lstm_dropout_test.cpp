// The masks of dropout in an LSTM: given ones against Keras's numbers, drawn ones by what they drop.
#include "golden.hpp"
#include <gradus/kernels/lstm.hpp>
#include <gradus/layers/lstm.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

using namespace gradus;

namespace {

/// One case of lstm.safetensors with given masks, through the kernel. Keras has a mask for each gate as soon as
/// recurrent dropout is on, the kernel one for all. Four copies of inputs and units make up for it: copy p has gate p's
/// masks, and only gate p reads it. All copies compute the same h; gradients of a weight are sums over its copies.
template <class T> class GivenMasks {
public:
    GivenMasks(const SafetensorsFile& file, const std::string& name) : file_(file), prefix_(name + "/") {
        const Tensor<double> x = at("x");
        batch_ = x.shape()[0], time_ = x.shape()[1], features_ = x.shape()[2];
        units_ = at("recurrent_kernel").shape()[0];
        copies_ = at("input_mask").rank() == 3 ? 4 : 1;
    }

    void check() {
        const Index d = copies_ * features_, u = copies_ * units_;
        const std::vector<T> x = repeated(at("x"), batch_ * time_, features_);
        const std::vector<T> kernel = wide(at("kernel"), features_), recurrent = wide(at("recurrent_kernel"), units_);
        std::vector<T> bias(static_cast<std::size_t>(4 * u));
        const Tensor<double> narrow_bias = at("bias");
        for (Index i = 0; i < 4 * u; ++i) bias[size(i)] = T(narrow_bias[i / u * units_ + i % units_]);
        const std::vector<T> input_mask = by_copy(at("input_mask"), features_);
        std::vector<T> recurrent_mask;
        if (has("recurrent_mask")) recurrent_mask = by_copy(at("recurrent_mask"), units_);
        Tensor<std::uint8_t> mask;
        if (has("mask")) mask = file_.tensor<std::uint8_t>(prefix_ + "mask");

        std::vector<T> y(size(batch_ * time_ * u)), saved(size(kernels::lstm_saved(batch_, time_, d, u)));
        std::vector<T> workspace(size(
            std::max(kernels::lstm_forward_workspace(batch_, d, u), kernels::lstm_backward_workspace(batch_, d, u))));
        kernels::LSTMForward<T> f;
        f.batch = batch_, f.time = time_, f.features = d, f.units = u;
        f.x = x.data(), f.kernel = kernel.data(), f.recurrent_kernel = recurrent.data(), f.bias = bias.data();
        f.input_mask = input_mask.data();
        f.recurrent_mask = recurrent_mask.empty() ? nullptr : recurrent_mask.data();
        f.mask = mask.empty() ? nullptr : mask.data();
        f.y = y.data(), f.saved = saved.data(), f.workspace = workspace.data();
        kernels::lstm_forward(f);
        const std::vector<double> expected = repeated<double>(at("y"), batch_ * time_, units_);
        check_close<T>(prefix_ + "y", Values<T>{y}, Values<double>{expected});

        std::vector<T> dy(y.size()), dx(x.size()), dkernel(kernel.size()), drecurrent(recurrent.size());
        std::vector<T> dbias(bias.size());
        const Tensor<double> narrow_dy = at("dy");
        for (Index i = 0; i < narrow_dy.size(); ++i) dy[size(i / units_ * u + i % units_)] = T(narrow_dy[i]);
        kernels::LSTMBackward<T> b;
        b.batch = batch_, b.time = time_, b.features = d, b.units = u;
        b.kernel = kernel.data(), b.recurrent_kernel = recurrent.data();
        b.mask = f.mask, b.input_mask = f.input_mask, b.recurrent_mask = f.recurrent_mask;
        b.saved = saved.data(), b.workspace = workspace.data(), b.dy = dy.data();
        b.dx = dx.data(), b.dkernel = dkernel.data(), b.drecurrent_kernel = drecurrent.data(), b.dbias = dbias.data();
        kernels::lstm_backward(b);
        Tensor<double> sum({batch_, time_, features_});
        for (Index i = 0; i < batch_ * time_ * d; ++i) sum[i / d * features_ + i % features_] += double(dx[size(i)]);
        check_close<T>(prefix_ + "dx", sum, at("dx"));
        check_close<T>(prefix_ + "dkernel", summed(dkernel, features_), at("dkernel"));
        check_close<T>(prefix_ + "drecurrent_kernel", summed(drecurrent, units_), at("drecurrent_kernel"));
        Tensor<double> bias_sum({4 * units_});
        for (Index i = 0; i < 4 * u; ++i) bias_sum[i / u * units_ + i % units_] += double(dbias[size(i)]);
        check_close<T>(prefix_ + "dbias", bias_sum, at("dbias"));
    }

private:
    /// What check_close reads.
    template <class U> struct Values {
        const std::vector<U>& v;
        Index size() const { return static_cast<Index>(v.size()); }
        U operator[](Index i) const { return v[static_cast<std::size_t>(i)]; }
    };
    static std::size_t size(Index n) { return static_cast<std::size_t>(n); }
    bool has(const std::string& name) const { return file_.find(prefix_ + name) != nullptr; }
    Tensor<double> at(const std::string& name) const { return file_.tensor<double>(prefix_ + name); }

    /// Each row as often as there are copies.
    template <class U = T> std::vector<U> repeated(const Tensor<double>& x, Index rows, Index cols) const {
        std::vector<U> y;
        for (Index r = 0; r < rows; ++r)
            for (Index p = 0; p < copies_; ++p)
                for (Index c = 0; c < cols; ++c) y.push_back(U(x[r * cols + c]));
        return y;
    }
    /// [copies, B, N] to [B, copies, N].
    std::vector<T> by_copy(const Tensor<double>& masks, Index cols) const {
        std::vector<T> y;
        for (Index b = 0; b < batch_; ++b)
            for (Index p = 0; p < copies_; ++p)
                for (Index c = 0; c < cols; ++c) y.push_back(T(masks[(p * batch_ + b) * cols + c]));
        return y;
    }
    /// f(place in [copies * inner, 4, copies * U], place in [inner, 4, U]) for what is not zero.
    template <class F> void each_weight(Index inner, const F& f) const {
        for (Index p = 0; p < copies_; ++p)
            for (Index i = 0; i < inner; ++i)
                for (Index gate = 0; gate < 4; ++gate)
                    for (Index q = 0; q < copies_; ++q)
                        for (Index v = 0; v < units_; ++v)
                            if (copies_ == 1 || p == gate)
                                f((((p * inner + i) * 4 + gate) * copies_ + q) * units_ + v,
                                  (i * 4 + gate) * units_ + v);
    }
    std::vector<T> wide(const Tensor<double>& weights, Index inner) const {
        std::vector<T> w(size(copies_ * copies_ * inner * 4 * units_));
        each_weight(inner, [&](Index to, Index from) { w[size(to)] = T(weights[from]); });
        return w;
    }
    Tensor<double> summed(const std::vector<T>& gradient, Index inner) const {
        Tensor<double> sum({inner, 4 * units_});
        each_weight(inner, [&](Index from, Index to) { sum[to] += double(gradient[size(from)]); });
        return sum;
    }

    const SafetensorsFile& file_;
    std::string prefix_;
    Index batch_ = 0, time_ = 0, features_ = 0, units_ = 0, copies_ = 1;
};

} // namespace

TEST_CASE("LSTM: Keras's numbers under given dropout masks", "[golden]") {
    const auto file = golden_file("lstm");
    for (const kernels::Isa isa : kernels::all_isas) {
        if (!kernels::available(isa)) continue;
        kernels::IsaScope scope(isa);
        INFO("instruction set " << kernels::name_of(isa));
        for (const std::string name : {"dropout", "recurrent_dropout", "recurrent_dropout_mask"}) {
            GivenMasks<float>(file, name).check();
            GivenMasks<double>(file, name).check();
        }
    }
}

TEST_CASE("LSTM: dropout drops the same inputs at every step, and another set in every update") {
    const Node x = input({dim::batch(), dim::time(), 8});
    Harness<> h({x}, {LSTM({.units = 3, .dropout = 0.5})(x)});
    h.sizes({{"batch", 4}, {"time", 6}});
    h.pass.training = true;
    const auto dropped = [&] {
        h.set(0, numbers({4, 6, 8}));
        h.forward();
        h.seed(0, Tensor<float>({4, 3}, 1.0f));
        h.backward();
        std::vector<bool> zero;
        for (const float g : h.dx()) zero.push_back(g == 0);
        return zero;
    };
    const auto first = dropped();
    for (std::size_t b = 0; b < 4; ++b)
        for (std::size_t t = 0; t < 6; ++t)
            for (std::size_t d = 0; d < 8; ++d) CHECK(first[(b * 6 + t) * 8 + d] == first[b * 48 + d]);
    CHECK(std::count(first.begin(), first.end(), true) > 40);
    CHECK(dropped() == first);
    h.pass.update = 1;
    CHECK(dropped() != first);
}

// Units that forget (f = 0) and see no input: unit u's h depends on its own h of the step before alone, and is what it
// was after the first step exactly where that h was dropped.
TEST_CASE("LSTM: recurrent dropout drops the same units at every step, other ones in every row and update") {
    constexpr Index rows = 64, steps = 7, units = 32;
    constexpr double rate = 0.4;
    const Node x = input({dim::batch(), dim::time(), 1});
    Harness<> h({x}, {LSTM({.units = units, .recurrent_dropout = rate, .return_sequences = true})(x)});
    h.sizes({{"batch", rows}, {"time", steps}});
    h.set(0, Tensor<float>({rows, steps, 1}));
    h.set_parameter("lstm.kernel", Tensor<float>({1, 4 * units}));
    Tensor<float> recurrent({units, 4 * units}), bias({4 * units});
    for (Index u = 0; u < units; ++u) {
        recurrent(u, 2 * units + u) = 1;
        bias[units + u] = -1000;
        bias[2 * units + u] = 1;
    }
    h.set_parameter("lstm.recurrent_kernel", recurrent);
    h.set_parameter("lstm.bias", bias);
    const double first = 0.5 * std::tanh(0.5 * std::tanh(1.0));
    const auto step = [&](double keep) { return 0.5 * std::tanh(0.5 * std::tanh(1 + keep * first)); };
    const auto y = [&](Index row, Index t, Index u) { return h.y()[(row * steps + t) * units + u]; };
    const auto dropped = [&] {
        h.forward();
        const double kept = step(h.pass.training ? 1 / (1 - rate) : 1);
        std::vector<bool> out;
        for (Index row = 0; row < rows; ++row)
            for (Index u = 0; u < units; ++u) {
                const bool zero = y(row, 1, u) == y(row, 0, u);
                if (!zero) REQUIRE(std::abs(y(row, 1, u) - kept) < 1e-6);
                for (Index t = 2; t < steps; ++t) REQUIRE((y(row, t, u) == y(row, 0, u)) == zero);
                out.push_back(zero);
            }
        return out;
    };
    for (const bool d : dropped()) CHECK_FALSE(d);
    h.pass.training = true;
    const auto drawn = dropped();
    CHECK(std::abs(double(std::count(drawn.begin(), drawn.end(), true)) / (rows * units) - rate) < 0.05);
    std::set<std::vector<bool>> different;
    for (Index row = 0; row < rows; ++row)
        different.emplace(drawn.begin() + row * units, drawn.begin() + (row + 1) * units);
    CHECK(different.size() == rows);
    CHECK(dropped() == drawn);
    h.pass.update = 1;
    CHECK(dropped() != drawn);
}

// A loss at a place of its own, with memory, without a graph; and what Keras computed.
#pragma once
#include <gradus/io/safetensors.hpp>
#include <gradus/losses/loss.hpp>

#include "worse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace place {

using namespace gradus;

template <class T> class LossPlace {
public:
    LossPlace(const LossOf<T>& layer, Tensor<T> p, AnyView target, bool differentiated = true)
        : loss_(layer.copy()), p_(std::move(p)),
          build_({{symbolic(p_.shape()), dtype_of<T>()}, {symbolic(target.shape), target.dtype}}, dtype_of<T>(),
                 "loss") {
        loss_->build(build_);
        frame_.layer = loss_.get();
        loss = Tensor<T>(evaluate(build_.outs()[0].shape, {}), T(NAN));
        dp = Tensor<T>(p_.shape(), T(NAN));
        frame_.x = {AnyView(View<const T>(p_)), target};
        frame_.y = {AnyView(loss.view())};
        frame_.dy = {AnyView()};
        frame_.dx = {AnyView(dp.view()), AnyView()};
        for (const auto& b : build_.saved_buffers())
            frame_.saved.push_back({differentiated ? buffer(b) : AnyView(), 0});
        for (const auto& b : build_.scratch_buffers()) frame_.scratch_forward.push_back({buffer(b), 0});
        frame_.scratch_backward.resize(frame_.scratch_forward.size());
    }
    void forward(activation::Kind passes_over = linear) {
        Run<T> run(frame_, {.passes_over = passes_over});
        static_cast<const LossOf<T>&>(*loss_).forward(run);
    }
    // dp for this upstream gradient; without one, dy is empty.
    void backward(View<const T> dy) {
        frame_.dy[0] = AnyView(dy);
        Run<T> run(frame_, {.backward = true});
        static_cast<const LossOf<T>&>(*loss_).backward(run);
    }
    void backward() { backward(Tensor<T>(loss.shape(), T(1)).view()); }

    Tensor<T> loss, dp;

private:
    AnyView buffer(const Build::BufferSpec& spec) {
        memory_.push_back(Tensor<T>(spec.evaluate({}), T(NAN)));
        return AnyView(memory_.back().view());
    }

    std::unique_ptr<LayerBase> loss_;
    Tensor<T> p_;
    Build build_;
    Frame frame_;
    std::vector<Tensor<T>> memory_;
};

template <class T> double difference(const Tensor<T>& a, const Tensor<T>& b) {
    if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
    double worst = 0;
    for (Index i = 0; i < a.size(); ++i) {
        // Relative where numbers are large: a gradient is 1e7 where a probability is the clipping's epsilon.
        const double d = std::abs(double(a[i]) - double(b[i])) / std::max(1.0, std::abs(double(b[i])));
        worst = worse(worst, d);
    }
    return worst;
}

// The largest difference of losses and gradients to a case of tests/golden/losses.safetensors, means, weights and masks
// included.
template <class T, class Target> double golden_difference(const LossOf<T>& loss, const std::string& name) {
    const auto file = SafetensorsFile::read(std::string(GRADUS_GOLDEN_DIR) + "/losses.safetensors");
    const std::string path = name + (sizeof(T) == 8 ? "/f64/" : "/f32/");
    const Tensor<Target> target = file.tensor<Target>(name + "/target");
    LossPlace<T> place(loss, file.tensor<T>(name + "/p"), AnyView(target.view()));
    place.forward();
    place.backward();
    double worst =
        worse(difference(place.loss, file.tensor<T>(path + "loss")), difference(place.dp, file.tensor<T>(path + "dp")));
    const Index n = place.loss.size();
    for (const bool weighted : {false, true})
        for (const bool masked : {false, true}) {
            const std::string key = weighted ? masked ? "weighted_masked" : "weighted" : masked ? "masked" : "mean";
            if (!file.find(path + key)) continue;
            Tensor<T> dy(place.loss.shape(), T(1));
            Index count = n;
            if (weighted) {
                const Tensor<T> w = file.tensor<T>(name + "/weights");
                for (Index i = 0; i < n; ++i) dy[i] = w[i];
            }
            if (masked) {
                const Tensor<std::uint8_t> mask = file.tensor<std::uint8_t>(name + "/mask");
                count = 0;
                for (Index i = 0; i < n; ++i) {
                    count += mask[i];
                    if (!mask[i]) dy[i] = 0;
                }
            }
            double sum = 0;
            for (Index i = 0; i < n; ++i) {
                dy[i] /= T(count);
                sum += double(dy[i]) * double(place.loss[i]);
            }
            place.backward(dy.view());
            worst = worse(worst, std::abs(sum - double(file.tensor<T>(path + key)[0])));
            worst = worse(worst, difference(place.dp, file.tensor<T>(path + "d" + key)));
        }
    return worst;
}

} // namespace place

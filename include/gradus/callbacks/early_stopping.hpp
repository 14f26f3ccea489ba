/// EarlyStopping: ends training when a monitored value no longer improves.
#pragma once
#include <gradus/callbacks/monitor.hpp>

#include <cmath>
#include <cstring>

GRADUS_BEGIN

struct EarlyStoppingOptions {
    std::string monitor = "val_loss";
    double min_delta = 0; ///< a smaller change does not count
    Index patience = 0;   ///< epochs without improvement before training ends
    Improves mode = Improves::automatic;
    bool restore_best_weights = false; ///< parameters and state of the best epoch return when training ends
    Index start_from_epoch = 0;
};

/// As Keras's, without its baseline. The best weights also return where training runs to its last epoch. Throws
/// ValueError where the monitored value is not among an epoch's logs.
class EarlyStopping : public Callback {
public:
    EarlyStopping() = default;
    explicit EarlyStopping(const EarlyStoppingOptions& options) : o_(options) {
        if (o_.patience < 0)
            throw_value_error("early_stopping: patience expects at least 0, got " + std::to_string(o_.patience));
        o_.min_delta = std::abs(o_.min_delta);
    }
    std::string_view kind() const override { return "early_stopping"; }
    void fields(Fields& f) override {
        f("monitor", o_.monitor);
        f("min_delta", o_.min_delta);
        f("patience", o_.patience);
        f("mode", o_.mode);
        f("restore_best_weights", o_.restore_best_weights);
        f("start_from_epoch", o_.start_from_epoch);
    }
    void state(Fields& f) override {
        f("best", best_);
        f("best_epoch", best_epoch_);
        f("waited", waited_);
    }

    void on_train_begin(ModelBase&) override {
        best_ = detail::worst_value(up());
        best_epoch_ = -1;
        stopped_epoch_ = -1;
        waited_ = 0;
        kept_.clear();
    }
    void on_epoch_end(ModelBase& model, Index epoch, std::span<const Log> logs) override {
        if (epoch < o_.start_from_epoch) return;
        const double value = detail::monitored(logs, o_.monitor, kind());
        if (up() ? value - o_.min_delta > best_ : value + o_.min_delta < best_) {
            best_ = value;
            best_epoch_ = epoch;
            waited_ = 0;
            if (o_.restore_best_weights) keep(model);
            return;
        }
        if (++waited_ > o_.patience || (o_.patience > 0 && waited_ >= o_.patience)) {
            stopped_epoch_ = epoch;
            model.stop_training();
        }
    }
    void on_train_end(ModelBase& model) override {
        if (!o_.restore_best_weights || kept_.empty()) return;
        std::size_t at = 0;
        for (const auto& v : model.variables()) {
            std::memcpy(v.view.data, kept_.data() + at, static_cast<std::size_t>(v.view.bytes()));
            at += static_cast<std::size_t>(v.view.bytes());
        }
    }

    double best() const { return best_; }
    /// Epoch of the best value, from 0; -1 before any.
    Index best_epoch() const { return best_epoch_; }
    /// Epoch at whose end training was stopped, from 0; -1: it was not.
    Index stopped_epoch() const { return stopped_epoch_; }

private:
    bool up() const { return detail::improves_up(o_.mode, o_.monitor); }
    void keep(const ModelBase& model) {
        std::size_t bytes = 0, at = 0;
        const auto variables = model.variables();
        for (const auto& v : variables) bytes += static_cast<std::size_t>(v.view.bytes());
        kept_.resize(bytes);
        for (const auto& v : variables) {
            std::memcpy(kept_.data() + at, v.view.data, static_cast<std::size_t>(v.view.bytes()));
            at += static_cast<std::size_t>(v.view.bytes());
        }
    }

    EarlyStoppingOptions o_;
    double best_ = 0;
    Index best_epoch_ = -1, stopped_epoch_ = -1, waited_ = 0;
    std::vector<std::byte> kept_;
};

GRADUS_END

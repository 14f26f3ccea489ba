/// EarlyStopping: ends training when a monitored value no longer improves.
#pragma once
#include <gradus/models/callback.hpp>

#include <cmath>
#include <cstring>
#include <limits>

GRADUS_BEGIN

/// Which way a monitored value improves. automatic: up for names that contain acc, auc, precision, recall, f1 or r2, else down.
enum class Improves : std::uint8_t { automatic, down, up };

struct EarlyStoppingOptions {
    std::string monitor = "val_loss";
    double min_delta = 0;     ///< a smaller change does not count
    Index patience = 0;       ///< epochs without improvement before training ends
    Improves mode = Improves::automatic;
    bool restore_best_weights = false;  ///< parameters and state of the best epoch return when training ends
    Index start_from_epoch = 0;
};

/// As Keras's. The best weights also return where training runs to its last epoch. Throws ValueError where the monitored value
/// is not among an epoch's logs.
class EarlyStopping : public Callback {
public:
    EarlyStopping() = default;
    explicit EarlyStopping(const EarlyStoppingOptions& options) : o_(options) {
        if (o_.patience < 0) throw_value_error("early_stopping: patience expects at least 0, got " + std::to_string(o_.patience));
        o_.min_delta = std::abs(o_.min_delta);
    }
    std::string_view kind() const override { return "early_stopping"; }
    void fields(Fields& f) override {
        f("monitor", o_.monitor);
        f("min_delta", o_.min_delta);
        f("patience", o_.patience);
        Index mode = static_cast<Index>(o_.mode);
        f("mode", mode);
        o_.mode = static_cast<Improves>(mode);
        f("restore_best_weights", o_.restore_best_weights);
        f("start_from_epoch", o_.start_from_epoch);
    }
    void state(Fields& f) override {
        f("best", best_);
        f("best_epoch", best_epoch_);
        f("waited", waited_);
    }

    void on_train_begin(ModelBase&) override {
        best_ = up() ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
        best_epoch_ = -1;
        stopped_epoch_ = -1;
        waited_ = 0;
        kept_.clear();
    }
    void on_epoch_end(ModelBase& model, Index epoch, std::span<const Log> logs) override {
        if (epoch < o_.start_from_epoch) return;
        const double value = find(logs);
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
    bool up() const {
        if (o_.mode != Improves::automatic) return o_.mode == Improves::up;
        for (const char* s : {"acc", "auc", "precision", "recall", "f1", "r2"})
            if (o_.monitor.find(s) != std::string::npos) return true;
        return false;
    }
    double find(std::span<const Log> logs) const {
        std::string known;
        for (const Log& l : logs) {
            if (l.name == o_.monitor) return l.value;
            known += (known.empty() ? "" : ", ") + std::string(l.name);
        }
        throw_value_error("early_stopping: monitor expects one of " + known + ", got \"" + o_.monitor + "\"");
    }
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

/// ReduceLROnPlateau: a smaller learning rate when a monitored value no longer improves.
#pragma once
#include <gradus/callbacks/monitor.hpp>

#include <algorithm>
#include <cmath>

GRADUS_BEGIN

struct ReduceLROnPlateauOptions {
    std::string monitor = "val_loss";
    double factor = 0.1; ///< the new rate is the old one times this, in [0, 1)
    Index patience = 10; ///< epochs without improvement before the rate is reduced
    Improves mode = Improves::automatic;
    double min_delta = 1e-4; ///< a smaller change does not count
    Index cooldown = 0;      ///< epochs after a reduction that do not count
    double min_lr = 0;       ///< no smaller rate
};

/// As Keras's, in double (Keras rounds rates to float). Throws ValueError where an option is out of its range, where
/// the monitored value is not among an epoch's logs, and, when it would reduce it, where the rate is a schedule.
class ReduceLROnPlateau : public Callback {
public:
    ReduceLROnPlateau() = default;
    explicit ReduceLROnPlateau(const ReduceLROnPlateauOptions& options) : o_(options) { check(); }
    std::string_view kind() const override { return "reduce_lr_on_plateau"; }
    void fields(Fields& f) override {
        f("monitor", o_.monitor);
        f("factor", o_.factor);
        f("patience", o_.patience);
        f("mode", o_.mode);
        f("min_delta", o_.min_delta);
        f("cooldown", o_.cooldown);
        f("min_lr", o_.min_lr);
        check();
    }
    void state(Fields& f) override {
        f("best", best_);
        f("waited", waited_);
        f("cooling", cooling_);
    }

    void on_train_begin(ModelBase&) override {
        best_ = detail::worst_value(up());
        waited_ = cooling_ = reductions_ = 0;
    }
    void on_epoch_end(ModelBase& model, Index, std::span<const Log> logs) override {
        const double value = detail::monitored(logs, o_.monitor, kind());
        if (cooling_ > 0) {
            --cooling_;
            waited_ = 0;
        }
        if (up() ? value > best_ + o_.min_delta : value < best_ - o_.min_delta) {
            best_ = value;
            waited_ = 0;
        } else if (cooling_ == 0 && ++waited_ >= o_.patience && model.learning_rate() > o_.min_lr) {
            model.set_learning_rate(std::max(model.learning_rate() * o_.factor, o_.min_lr));
            cooling_ = o_.cooldown;
            waited_ = 0;
            ++reductions_;
        }
    }

    double best() const { return best_; }
    /// How often the rate was reduced since training began.
    Index reductions() const { return reductions_; }

private:
    bool up() const { return detail::improves_up(o_.mode, o_.monitor); }
    void check() const {
        const auto expect = [](bool fits, const char* option, const char* expected, double found) {
            if (!fits)
                throw_value_error("reduce_lr_on_plateau: " + std::string(option) + " expects " + expected + ", got " +
                                  std::to_string(found));
        };
        expect(o_.factor >= 0 && o_.factor < 1, "factor", "a number in [0, 1)", o_.factor);
        expect(o_.patience >= 0, "patience", "at least 0", static_cast<double>(o_.patience));
        expect(o_.cooldown >= 0, "cooldown", "at least 0", static_cast<double>(o_.cooldown));
        expect(o_.min_delta >= 0 && std::isfinite(o_.min_delta), "min_delta", "a finite number of at least 0",
               o_.min_delta);
        expect(o_.min_lr >= 0 && std::isfinite(o_.min_lr), "min_lr", "a finite number of at least 0", o_.min_lr);
    }

    ReduceLROnPlateauOptions o_;
    double best_ = 0;
    Index waited_ = 0, cooling_ = 0, reductions_ = 0;
};

GRADUS_END

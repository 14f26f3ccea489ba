/// LearningRateScheduler: a learning rate for each epoch, from a function.
#pragma once
#include <gradus/models/callback.hpp>

#include <concepts>
#include <functional>
#include <utility>

GRADUS_BEGIN

/// Sets the rate at the beginning of each epoch, counted from 0, to schedule(epoch, rate), or schedule(epoch), as
/// Keras's. For rates that change with each update, give the optimizer a Schedule.
///
///     LearningRateScheduler([](Index epoch, double rate) { return epoch < 10 ? rate : rate * 0.9; })
///
/// Throws ValueError where the function is empty, where a rate is not a number, infinite or negative, and where the
/// optimizer's is a schedule. Holds code: it cannot be saved.
class LearningRateScheduler : public Callback {
public:
    template <class F>
        requires std::is_invocable_r_v<double, F&, Index, double> || std::is_invocable_r_v<double, F&, Index>
    explicit LearningRateScheduler(F schedule) {
        if constexpr (std::is_invocable_r_v<double, F&, Index, double>)
            schedule_ = std::move(schedule);
        else
            schedule_ = [s = std::move(schedule)](Index epoch, double) mutable { return s(epoch); };
        if (!schedule_) throw_value_error("learning_rate_scheduler: expects a function, got an empty one");
    }
    std::string_view kind() const override { return "learning_rate_scheduler"; }
    void fields(Fields&) override {
        throw_value_error("learning_rate_scheduler: holds code, which has no form in a file");
    }

    void on_epoch_begin(ModelBase& model, Index epoch) override {
        model.set_learning_rate(schedule_(epoch, model.learning_rate()));
    }

private:
    std::function<double(Index, double)> schedule_;
};

GRADUS_END

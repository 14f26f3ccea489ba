/// Schedule: a learning rate that depends on the number of updates; and LearningRate, what optimizers take: a number or
/// a schedule.
#pragma once
#include <gradus/core/fields.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

GRADUS_BEGIN

/// A rate for each update, saved with the model. Not a template: one schedule serves optimizers of any scalar.
///
/// A user's own derives from it, says kind(), fields(), copy() and the call, and is named when a model is loaded:
/// `load(path, {.schedules = {schedule<Mine>()}})`. What it computes reaches the parameters: kernels::scalar has
/// functions whose bits are the same everywhere.
class Schedule : public Described {
public:
    /// The rate of the update that follows `step` others, as Keras counts: the first update has step 0. Finite and at
    /// least 0; allocates nothing, throws nothing.
    virtual double operator()(Index step) const = 0;
    virtual std::unique_ptr<Schedule> copy() const = 0;
};

namespace detail {

/// Throws ValueError "adam: epsilon expects <expectation>, got -1".
GRADUS_COLD inline void require_option(bool condition, std::string_view kind, const char* option,
                                       const char* expectation, double found) {
    if (condition) return;
    char text[32] = {};
    std::to_chars(text, text + sizeof text - 1, found);
    throw_value_error(std::string(kind) + ": " + option + " expects " + expectation + ", got " + text);
}

/// A finite number of at least 0: a rate of 0 leaves the parameters as they are.
inline void require_rate(std::string_view kind, const char* option, double rate) {
    require_option(rate >= 0 && std::isfinite(rate), kind, option, "a finite number of at least 0", rate);
}
inline void require_learning_rate(std::string_view kind, double rate) { require_rate(kind, "learning_rate", rate); }

/// What a schedule counts, at least one.
inline void require_steps(std::string_view kind, const char* option, Index steps) {
    require_option(steps >= 1, kind, option, "at least 1", static_cast<double>(steps));
}

} // namespace detail

/// A learning rate: a number, or a schedule. Made from either: `.learning_rate = 0.01`, `.learning_rate =
/// CosineDecay({...})`. Copies share the schedule, which never changes.
class LearningRate {
public:
    LearningRate(double rate) : rate_(rate) {}
    template <std::derived_from<Schedule> S> LearningRate(const S& schedule) { set(schedule.copy()); }

    /// The rate of the update that follows `step` others.
    double operator()(Index step) const { return schedule_ ? (*schedule_)(step) : rate_; }
    /// Null where the rate is a number.
    const Schedule* schedule() const { return schedule_.get(); }
    /// The same number; a schedule equals none.
    friend bool operator==(const LearningRate& a, double rate) { return !a.schedule_ && a.rate_ == rate; }

    /// Throws ValueError where the rate is not a number, infinite or negative, and where there is a schedule: it rules,
    /// as in Keras.
    void set(std::string_view kind, double rate) {
        detail::require_learning_rate(kind, rate);
        if (schedule_)
            throw_value_error(std::string(kind) +
                              ": set_learning_rate expects an optimizer whose rate is a number, got a schedule (" +
                              std::string(schedule_->kind()) + ")");
        rate_ = rate;
    }
    void check(std::string_view kind) const {
        detail::require_learning_rate(schedule_ ? schedule_->kind() : kind, (*this)(0));
    }
    /// "learning_rate", a number (of a schedule: the first one), and "schedule", which is empty where there is none.
    void fields(Fields& f) {
        f("learning_rate", rate_);
        Slot slot(*this);
        f("schedule", slot);
    }

private:
    class Slot : public ObjectSlot {
    public:
        explicit Slot(LearningRate& rate) : rate_(rate) {}
        Described* get() override { return rate_.schedule_.get(); }
        void set(std::unique_ptr<Described> object) override {
            auto* schedule = dynamic_cast<Schedule*>(object.get());
            if (!schedule) throw_value_error("expects a schedule");
            (void)object.release();
            rate_.set(std::unique_ptr<Schedule>(schedule));
        }
        std::string_view category() const override { return "schedule"; }

    private:
        LearningRate& rate_;
    };

    void set(std::unique_ptr<Schedule> schedule) {
        schedule_ = std::move(schedule);
        rate_ = (*schedule_)(0);
    }

    double rate_ = 0;
    std::shared_ptr<Schedule> schedule_;
};

namespace detail {

/// Reads options of an object of another scalar: schedules have none, and are copied.
class ScheduleCopier : public FieldReader {
public:
    using FieldReader::FieldReader;

protected:
    std::unique_ptr<Described> make(const FieldObject& o) override {
        if (const auto* schedule = dynamic_cast<const Schedule*>(o.source)) return schedule->copy();
        return FieldReader::make(o);
    }
};

} // namespace detail

GRADUS_END

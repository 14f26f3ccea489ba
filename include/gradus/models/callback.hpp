/// Callback: what a user hooks into fit.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/models/history.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

GRADUS_BEGIN

/// What callbacks see of a model, whatever its scalar.
class ModelBase {
public:
    struct Variable {
        std::string name;
        AnyView view;
        bool trained;
    };
    virtual ~ModelBase() = default;
    /// Parameters and state, in the order of the file.
    virtual std::vector<Variable> variables() const = 0;
    virtual double learning_rate() const = 0;
    virtual void set_learning_rate(double rate) = 0;
    /// Updates of the optimizer so far.
    virtual Index updates() const = 0;
    /// Ends fit after this epoch; in on_batch_end, the epoch after this batch.
    virtual void stop_training() = 0;

protected:
    ModelBase() = default;
    ModelBase(ModelBase&&) = default;
    ModelBase& operator=(ModelBase&&) = default;
};

/// Called by fit. Per-batch calls of built-in callbacks allocate nothing.
class Callback : public Described {
public:
    virtual void on_train_begin(ModelBase&) {}
    virtual void on_train_end(ModelBase&) {}
    virtual void on_epoch_begin(ModelBase&, Index epoch) { (void)epoch; }
    /// Training logs and, where there is validation data, "val_" logs. Epochs count from 0.
    virtual void on_epoch_end(ModelBase&, Index epoch, std::span<const Log> logs) {
        (void)epoch;
        (void)logs;
    }
    /// After each update: of a batch, or of a group where batches accumulate. They count from 0 in each epoch.
    virtual void on_batch_end(ModelBase&, Index batch, std::span<const Log> logs) {
        (void)batch;
        (void)logs;
    }
};

/// A callback in a braced list. A callback passed by value is copied; a shared_ptr is shared, so it can be asked
/// afterwards.
class CallbackHandle {
public:
    template <std::derived_from<Callback> C> CallbackHandle(const C& callback)
        : callback_(std::make_shared<C>(callback)) {}
    template <std::derived_from<Callback> C> CallbackHandle(std::shared_ptr<C> callback)
        : callback_(std::move(callback)) {
        if (!callback_) throw_value_error("callback: expects an object, got none");
    }
    Callback* operator->() const { return callback_.get(); }
    Callback& operator*() const { return *callback_; }

private:
    std::shared_ptr<Callback> callback_;
};

GRADUS_END

/// LambdaCallback: a callback made of functions.
#pragma once
#include <gradus/models/callback.hpp>

#include <functional>

GRADUS_BEGIN

/// What is called when; an empty function is not.
struct LambdaCallbackOptions {
    std::function<void(ModelBase&, Index epoch)> on_epoch_begin = {};
    std::function<void(ModelBase&, Index epoch, std::span<const Log>)> on_epoch_end = {};
    std::function<void(ModelBase&)> on_train_begin = {};
    std::function<void(ModelBase&)> on_train_end = {};
    std::function<void(ModelBase&, Index batch, std::span<const Log>)> on_batch_end = {}; ///< after each update
};

/// As Keras's, whose functions do not see the model.
///
///     LambdaCallback({.on_epoch_end = [](ModelBase& model, Index epoch, std::span<const Log> logs) { ... }})
///
/// Holds code: it cannot be saved.
class LambdaCallback : public Callback {
public:
    explicit LambdaCallback(LambdaCallbackOptions options) : o_(std::move(options)) {}
    std::string_view kind() const override { return "lambda_callback"; }
    void fields(Fields&) override { throw_value_error("lambda_callback: holds code, which has no form in a file"); }

    void on_train_begin(ModelBase& m) override {
        if (o_.on_train_begin) o_.on_train_begin(m);
    }
    void on_train_end(ModelBase& m) override {
        if (o_.on_train_end) o_.on_train_end(m);
    }
    void on_epoch_begin(ModelBase& m, Index epoch) override {
        if (o_.on_epoch_begin) o_.on_epoch_begin(m, epoch);
    }
    void on_epoch_end(ModelBase& m, Index epoch, std::span<const Log> logs) override {
        if (o_.on_epoch_end) o_.on_epoch_end(m, epoch, logs);
    }
    void on_batch_end(ModelBase& m, Index batch, std::span<const Log> logs) override {
        if (o_.on_batch_end) o_.on_batch_end(m, batch, logs);
    }

private:
    LambdaCallbackOptions o_;
};

GRADUS_END

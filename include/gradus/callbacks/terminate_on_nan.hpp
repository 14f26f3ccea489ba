/// TerminateOnNaN: ends training where the loss is no number.
#pragma once
#include <gradus/models/callback.hpp>

#include <cmath>

GRADUS_BEGIN

/// Ends the epoch and training after the first update whose loss is NaN or infinite, as Keras's. Parameters are then as
/// that update left them.
class TerminateOnNaN : public Callback {
public:
    std::string_view kind() const override { return "terminate_on_nan"; }
    void on_train_begin(ModelBase&) override { batch_ = -1; }
    void on_batch_end(ModelBase& model, Index batch, std::span<const Log> logs) override {
        for (const Log& l : logs)
            if (l.name == "loss" && !std::isfinite(l.value) && batch_ < 0) {
                batch_ = batch;
                model.stop_training();
            }
    }
    /// The update of its epoch that ended training, from 0; -1: none.
    Index batch() const { return batch_; }

private:
    Index batch_ = -1;
};

GRADUS_END

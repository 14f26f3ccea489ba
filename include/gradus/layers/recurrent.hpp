/// Recurrent: what Bidirectional asks of a layer that reads a sequence step by step.
#pragma once
#include <gradus/layers/layer.hpp>

#include <memory>

GRADUS_BEGIN

/// A layer x [B, T, D], then optional states -> y, then (with return_state) the last states, as many as it takes.
class Recurrent {
public:
    virtual ~Recurrent() = default;
    virtual bool return_sequences() const = 0;
    virtual bool return_state() const = 0;
    /// How many states: 2 for LSTM, 1 for GRU.
    virtual int states() const = 0;
    /// The same options with go_backwards turned around and parameters of its own.
    virtual std::unique_ptr<LayerBase> reversed() const = 0;

protected:
    Recurrent() = default;
    Recurrent(const Recurrent&) = default;
    Recurrent& operator=(const Recurrent&) = default;
};

GRADUS_END

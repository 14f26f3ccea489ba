/// LSTMOptions: what an LSTM is told.
#pragma once
#include <gradus/kernels/activation_kind.hpp>
#include <gradus/layers/layer.hpp>
#include <gradus/layers/regularizer.hpp>

#include <limits>

GRADUS_BEGIN

struct LSTMOptions {
    Index units = 0;
    activation::Kind activation = activation::tanh;
    activation::Kind recurrent_activation = sigmoid;
    bool use_bias = true;
    Initializer kernel_initializer = initializers::glorot_uniform();
    Initializer recurrent_initializer = initializers::orthogonal();
    Initializer bias_initializer = initializers::zeros();
    bool unit_forget_bias = true; ///< the forget gate's bias starts at 1
    Regularizer kernel_regularizer = {};
    Regularizer recurrent_regularizer = {};
    Regularizer bias_regularizer = {};
    Constraint kernel_constraint = {};
    Constraint recurrent_constraint = {};
    Constraint bias_constraint = {};
    double dropout = 0;           ///< of inputs: one mask per sample for all gates and steps
    double recurrent_dropout = 0; ///< of h on its way into the gates: one mask per sample for all gates and steps
    bool return_sequences = false;
    bool return_state = false;
    bool go_backwards = false;
    bool stateful = false; ///< the last h and c are the next batch's first ones, until reset_states

    void fields(Fields& f) {
        f("units", units);
        f("activation", activation);
        f("recurrent_activation", recurrent_activation);
        f("use_bias", use_bias);
        f("kernel_initializer", kernel_initializer);
        f("recurrent_initializer", recurrent_initializer);
        f("bias_initializer", bias_initializer);
        f("unit_forget_bias", unit_forget_bias);
        f("kernel_regularizer", kernel_regularizer);
        f("recurrent_regularizer", recurrent_regularizer);
        f("bias_regularizer", bias_regularizer);
        f("kernel_constraint", kernel_constraint);
        f("recurrent_constraint", recurrent_constraint);
        f("bias_constraint", bias_constraint);
        f("dropout", dropout);
        f("recurrent_dropout", recurrent_dropout);
        f("return_sequences", return_sequences);
        f("return_state", return_state);
        f("go_backwards", go_backwards);
        f("stateful", stateful);
    }
    /// Throws ValueError, naming the place.
    void check(const Build& b) const {
        if (units < 1) throw_value_error(b.context() + ": units expects at least 1, got " + std::to_string(units));
        if (units > std::numeric_limits<std::int32_t>::max())
            throw_value_error(b.context() + ": units expects at most 2^31 - 1, got " + std::to_string(units));
        if (activation != activation::tanh || recurrent_activation != sigmoid)
            throw_value_error(b.context() +
                              ": expects activation tanh and recurrent_activation sigmoid; there are no others");
        for (double rate : {dropout, recurrent_dropout})
            if (!(rate >= 0 && rate < 1))
                throw_value_error(b.context() + ": dropout rates expect [0, 1), got " + std::to_string(rate));
    }
};

GRADUS_END

#include "catch.hpp"
#include <gradus/layers/lstm.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

namespace {
const CheckInput sequence{.shape = {dim::batch(), dim::time(), 3}};
const CheckInput masked{.shape = {dim::batch(), dim::time(), 3}, .mask = true};
const CheckInput state{.shape = {dim::batch(), 4}};
}  // namespace

TEST_CASE("LSTM: gradients") {
    for (const bool sequences : {false, true})
        for (const bool states : {false, true})
            for (const bool backwards : {false, true})
                for (const CheckInput& x : {sequence, masked}) {
                    const LSTM layer({.units = 4, .return_sequences = sequences, .return_state = states, .go_backwards = backwards});
                    check_layer(layer, {.inputs = {x}});
                    if (!backwards) check_layer(layer, {.inputs = {x, state, state}});
                }
}

TEST_CASE("LSTM: gradients with dropout, state and without bias") {
    check_layer(LSTM({.units = 4, .use_bias = false}), {.inputs = {sequence}});
    check_layer(LSTM({.units = 4, .dropout = 0.3, .recurrent_dropout = 0.4}), {.inputs = {masked}});
    check_layer(LSTM({.units = 4, .dropout = 0.3, .return_sequences = true, .return_state = true}), {.inputs = {sequence, state, state}});
    check_layer(LSTM({.units = 4, .stateful = true}), {.inputs = {masked}});
    check_layer(LSTM({.units = 4, .return_sequences = true, .return_state = true, .stateful = true}), {.inputs = {sequence}});
    check_layer(LSTM({.units = 4, .stateful = true}), {.inputs = {sequence, state, {.present = false}}});
    check_layer(LSTM({.units = 17}), {.inputs = {sequence}, .batches = {17}, .times = {2}});
}

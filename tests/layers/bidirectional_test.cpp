#include "catch.hpp"
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/lstm.hpp>
#include <gradus/testing/check_layer.hpp>

using namespace gradus;

TEST_CASE("Bidirectional: gradients") {
    const CheckInput state{.shape = {dim::batch(), 4}};
    for (const Merge merge : {Merge::concat, Merge::sum, Merge::mul, Merge::ave})
        for (const bool sequences : {false, true})
            for (const bool mask : {false, true}) {
                const CheckInput x{.shape = {dim::batch(), dim::time(), 3}, .mask = mask};
                check_layer(Bidirectional(LSTM<double>({.units = 4, .return_sequences = sequences}), {.merge_mode = merge}), {.inputs = {x}});
            }
    const CheckInput x{.shape = {dim::batch(), dim::time(), 3}, .mask = true};
    const LSTM<double> layer({.units = 4, .dropout = 0.2, .return_sequences = true, .return_state = true, .stateful = true});
    check_layer(Bidirectional(layer), {.inputs = {x}});
    check_layer(Bidirectional(layer), {.inputs = {x, state, state, state, state}});
}

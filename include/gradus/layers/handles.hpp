/// Handles: what a layer keeps of the memory it declared in `build`. Plain numbers; each place of use has its own. One
/// that was never asked for reads as an empty view (r[bias_] without a bias, r.next(h_) where nothing is carried);
/// only Child, and Run::rows and positions, need one that was.
#pragma once
#include <gradus/core/types.hpp>

GRADUS_BEGIN

/// Trained, of the layer's scalar; found by (identity, name), shared wherever the layer stands.
struct Param {
    int i = -1;
};
/// Saved, not trained, one per identity and store (a running mean). Written only by a training forward.
template <class U> struct State {
    int i = -1;
};
/// Per workspace, with an old and a new side that change places after the step: a stateful layer's h and c.
template <class U> struct Carry {
    int i = -1;
};
/// Written in forward, read in backward; empty where the plan is not differentiated: forward then writes nothing.
template <class U> struct Saved {
    int i = -1;
};
/// Garbage between calls.
template <class U> struct Scratch {
    int i = -1;
};
/// Saved where a backward follows, else scratch: what forward needs in any case (a dropout mask). What forward writes
/// only in training is garbage otherwise: backward reads it under `if (r.training())`.
template <class U> struct Kept {
    Saved<U> saved;
    Scratch<U> scratch;
};
/// A wrapper's inner layer.
struct Child {
    int i = -1;
};

GRADUS_END

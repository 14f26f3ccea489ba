/// Segment: one parameter's place in the contiguous blocks that optimizers, clipping, saving and reduction loop over.
#pragma once
#include <gradus/core/shape.hpp>

#include <span>
#include <string>

GRADUS_BEGIN

/// What an optimizer knows of a parameter.
struct Segment {
    std::string name;
    Index offset = 0; ///< first element in the block of parameters
    Index slot = -1;  ///< first element in the blocks of gradients and moments; -1 where frozen
    Shape shape;
    Index group = 0;       ///< which learning-rate scale applies
    bool decay = true;     ///< decoupled weight decay applies
    double l1 = 0, l2 = 0; ///< regularisation factors
    double max_norm = 0;   ///< largest norm of a column; 0: none
    bool row_sparse = false;
    Index size() const { return shape.size(); }
};

/// The gradient of a row-sparse parameter [V, D]: rows `ids[i]` (sorted, unique) hold `values[i*D .. (i+1)*D)`, all
/// others are zero.
template <class T> struct SparseRows {
    std::span<const std::int32_t> ids;
    const T* values = nullptr;
};

GRADUS_END

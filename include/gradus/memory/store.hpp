/// Store: parameters and state of a model, each in one contiguous block.
#pragma once
#include <gradus/core/storage.hpp>
#include <gradus/core/view.hpp>

#include <string>
#include <vector>

GRADUS_BEGIN

/// Entries are added, then allocated once; views stay valid for the store's life.
class Store {
public:
    struct Entry {
        Shape shape;
        Dtype dtype = Dtype::f32;
        bool trained = true;
        Index offset = 0; ///< bytes from the start of its block, a multiple of 64
    };

    Index add(const Shape& shape, Dtype dtype, bool trained) {
        Index& end = trained ? parameter_bytes_ : state_bytes_;
        const Index bytes = align_up(checked_bytes(shape.size(), size_of(dtype)));
        (void)checked_bytes(end + bytes, 1);
        entries_.push_back({shape, dtype, trained, end});
        end += bytes;
        return static_cast<Index>(entries_.size()) - 1;
    }
    void allocate() {
        parameters_ = AlignedBuffer(parameter_bytes_);
        states_ = AlignedBuffer(state_bytes_);
    }

    const Entry& entry(Index i) const { return entries_[static_cast<std::size_t>(i)]; }
    Index size() const { return static_cast<Index>(entries_.size()); }
    AnyView view(Index i) const {
        const Entry& e = entry(i);
        return {(e.trained ? parameters_ : states_).data() + e.offset, e.shape, e.dtype};
    }
    std::byte* parameters() const { return parameters_.data(); }
    Index parameter_bytes() const { return parameter_bytes_; }

private:
    std::vector<Entry> entries_;
    AlignedBuffer parameters_, states_;
    Index parameter_bytes_ = 0, state_bytes_ = 0;
};

GRADUS_END

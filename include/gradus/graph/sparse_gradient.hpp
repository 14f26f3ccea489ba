/// SparseGradient: the gradient of a row-sparse parameter, as sorted unique ids and their rows.
#pragma once
#include <gradus/core/segment.hpp>
#include <gradus/core/storage.hpp>
#include <gradus/core/types.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <vector>

GRADUS_BEGIN

/// Collects the ids of one step (or of several, where gradients accumulate) and holds the rows that layers add into.
/// After `reserve` for a plan's bound, a step allocates nothing.
template <class T> class SparseGradient {
public:
    SparseGradient() = default;
    SparseGradient(Index vocabulary, Index width) : vocabulary_(vocabulary), width_(width) {
        words_.assign(static_cast<std::size_t>((vocabulary + 63) / 64), 0);
        ranks_.assign(words_.size(), 0);
    }

    /// For steps of up to `ids` ids, `steps` of them before each clear.
    void reserve(Index ids, Index steps = 1) {
        positions_.reserve(static_cast<std::size_t>(ids));
        reserve_rows(steps > vocabulary_ ? vocabulary_ : std::min(std::max<Index>(2, steps) * ids, vocabulary_));
    }
    /// Marks the ids of one reader; `merge` follows once all are marked. Ids outside [0, V) are clamped.
    void mark(std::span<const std::int32_t> ids) {
        for (const std::int32_t id : ids) {
            const auto i = clamp(id);
            words_[static_cast<std::size_t>(i >> 6)] |= std::uint64_t{1} << (i & 63);
        }
    }
    /// Makes one zeroed row for each newly marked id; rows from earlier calls keep their sums.
    void merge() {
        const Index before = static_cast<Index>(ids_.size());
        std::int32_t rank = 0;
        for (std::size_t w = 0; w < words_.size(); ++w) {
            ranks_[w] = rank;
            rank += std::popcount(words_[w]);
        }
        if (rank > capacity_) reserve_rows(std::min(2 * Index{rank}, vocabulary_));
        if (before == rank) return;
        // Earlier rows move up to their new rank, last first, so that none is overwritten before it has moved.
        for (Index r = before - 1; r >= 0; --r) {
            const Index to = position(ids_[static_cast<std::size_t>(r)]);
            if (to != r) std::memmove(values() + to * width_, values() + r * width_, row_bytes());
        }
        list_ids();
    }
    /// Appends the positions of a reader's ids; valid until the next `start`.
    std::span<const std::int32_t> locate(std::span<const std::int32_t> ids) {
        const std::size_t first = positions_.size();
        for (const std::int32_t id : ids) positions_.push_back(position(id));
        return {positions_.data() + first, ids.size()};
    }
    void start() { positions_.clear(); }
    /// After the update: no rows.
    void clear() {
        std::fill(words_.begin(), words_.end(), 0);
        ids_.clear();
    }

    std::span<const std::int32_t> ids() const { return ids_; }
    T* values() const { return reinterpret_cast<T*>(values_.data()); }
    Index width() const { return width_; }

private:
    std::int32_t clamp(std::int32_t id) const {
        return id < 0 ? 0 : id >= vocabulary_ ? static_cast<std::int32_t>(vocabulary_ - 1) : id;
    }
    std::size_t row_bytes() const { return static_cast<std::size_t>(width_) * sizeof(T); }
    std::int32_t position(std::int32_t id) const {
        const std::int32_t i = clamp(id);
        const std::uint64_t below = words_[static_cast<std::size_t>(i >> 6)] & ((std::uint64_t{1} << (i & 63)) - 1);
        return ranks_[static_cast<std::size_t>(i >> 6)] + std::popcount(below);
    }
    /// Lists the marked ids in order and zeroes the rows that are new.
    void list_ids() {
        spare_.assign(ids_.begin(), ids_.end());
        ids_.clear();
        std::size_t old = 0;
        for (std::size_t w = 0; w < words_.size(); ++w)
            for (std::uint64_t bits = words_[w]; bits; bits &= bits - 1) {
                const auto id = static_cast<std::int32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
                if (old < spare_.size() && spare_[old] == id)
                    ++old;
                else
                    std::memset(values() + static_cast<Index>(ids_.size()) * width_, 0, row_bytes());
                ids_.push_back(id);
            }
    }
    void reserve_rows(Index rows) {
        if (rows <= capacity_) return;
        AlignedBuffer larger(rows * width_ * Index(sizeof(T)));
        if (!ids_.empty()) std::memcpy(larger.data(), values_.data(), ids_.size() * row_bytes());
        values_ = std::move(larger);
        ids_.reserve(static_cast<std::size_t>(rows));
        spare_.reserve(static_cast<std::size_t>(rows));
        capacity_ = rows;
    }

    Index vocabulary_ = 0, width_ = 0, capacity_ = 0;
    std::vector<std::uint64_t> words_; // a bit per id
    std::vector<std::int32_t> ranks_;  // bits before each word
    std::vector<std::int32_t> ids_, spare_, positions_;
    AlignedBuffer values_;
};

GRADUS_END

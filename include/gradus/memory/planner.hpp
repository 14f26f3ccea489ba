/// Planner: puts buffers with known life times into one arena.
#pragma once
#include <gradus/core/storage.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

GRADUS_BEGIN

/// A buffer that is live in steps [first, last].
struct LifeTime {
    Index bytes = 0;
    Index first = 0;
    Index last = 0;
};

/// Offsets in an arena such that buffers live at the same time never overlap.
struct Layout {
    std::vector<Index> offsets;
    Index bytes = 0;
};

/// Greedy by size: the largest buffers first, each into the smallest gap that holds it among those live at the same
/// time. (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020.) Offsets are multiples
/// of 64.
inline Layout plan_layout(const std::vector<LifeTime>& buffers) {
    Layout layout;
    layout.offsets.assign(buffers.size(), 0);
    std::vector<std::size_t> order(buffers.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) {
        return buffers[a].bytes != buffers[b].bytes ? buffers[a].bytes > buffers[b].bytes : a < b;
    });

    std::vector<std::size_t> placed; // by offset
    for (std::size_t b : order) {
        const Index bytes = align_up(buffers[b].bytes);
        if (bytes == 0) continue;
        Index end = 0, best = -1, best_gap = 0;
        for (std::size_t p : placed) {
            if (buffers[p].last < buffers[b].first || buffers[b].last < buffers[p].first) continue;
            const Index gap = layout.offsets[p] - end;
            if (gap >= bytes && (best < 0 || gap < best_gap)) {
                best = end;
                best_gap = gap;
            }
            end = std::max(end, layout.offsets[p] + align_up(buffers[p].bytes));
        }
        layout.offsets[b] = best < 0 ? end : best;
        layout.bytes = std::max(layout.bytes, layout.offsets[b] + bytes);
        placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                       [&](auto x, auto y) { return layout.offsets[x] < layout.offsets[y]; }),
                      b);
    }
    return layout;
}

GRADUS_END

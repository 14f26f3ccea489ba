// Blocks of memory as a model has them, padded with numbers that nobody may change.
#pragma once
#include <gradus/kernels/optimizer.hpp>
#include <gradus/optimizers/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace blocks {

using namespace gradus;

constexpr double padding = 12345;

template <class T> std::vector<T> numbers(Index n, int seed) {
    std::vector<T> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = T(std::sin(double(i) * 0.7 + seed * 1.3));
    return x;
}

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// A store in which segments start at multiples of `align` elements, the first at `align`.
template <class T> struct Blocks {
    std::vector<Segment> segments;
    std::vector<T> parameters, gradients;
    std::vector<std::vector<T>> moments;
    std::vector<SparseRows<T>> sparse;
    Index step = 0;

    Blocks(const std::vector<Shape>& shapes, Index count, Index align = 16) {
        const auto up = [&](Index n) { return (n + align - 1) / align * align; };
        Index offset = align, slot = align;
        for (const Shape& s : shapes) {
            segments.push_back({"p" + std::to_string(segments.size()), offset, slot, s});
            offset += up(s.size());
            slot += up(s.size());
        }
        parameters.assign(static_cast<std::size_t>(offset), T(padding));
        gradients.assign(static_cast<std::size_t>(slot), T(padding));
        moments.assign(static_cast<std::size_t>(count), gradients);
        for (const Segment& s : segments) {
            const auto w = numbers<T>(s.size(), int(s.offset));
            std::copy(w.begin(), w.end(), parameters.begin() + s.offset);
            for (auto& m : moments) std::fill_n(m.begin() + s.slot, s.size(), T(0));
        }
    }
    void fill_gradients(int seed) {
        for (const Segment& s : segments) {
            if (s.slot < 0) continue;
            const auto g = numbers<T>(s.size(), seed + int(s.offset));
            std::copy(g.begin(), g.end(), gradients.begin() + s.slot);
        }
    }
    void apply(const Optimizer<T>& optimizer, const std::vector<double>& group_scales = {}) {
        std::vector<T*> pointers;
        for (auto& m : moments) pointers.push_back(m.data());
        optimizer.update({parameters.data(), segments, gradients.data(), sparse, pointers, ++step, group_scales});
    }
};

} // namespace blocks

/// Buffers: the arena of a plan. Sizes follow the symbols' values without allocating.
#pragma once
#include <gradus/layers/build.hpp>
#include <gradus/memory/planner.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// Each buffer lives from its first to its last step; an alias lies in another one's memory.
class Buffers {
public:
    struct Buffer {
        Build::BufferSpec spec;
        Dim times = 1;
        Index first = 0, last = 0;
        int alias = -1;
        Index offset = 0, reserved = 0, stride = 0;
        Shape shape;
        std::byte* data = nullptr;
    };

    int add(SymbolicShape shape, Dtype dtype, Index first, Index last) {
        return add(Build::BufferSpec{std::move(shape), {}, dtype, {}}, Dim(1), first, last);
    }
    int add(Build::BufferSpec spec, Dim times, Index first, Index last) {
        Buffer b;
        b.spec = std::move(spec);
        b.times = std::move(times);
        b.first = first;
        b.last = last;
        list_.push_back(std::move(b));
        return static_cast<int>(list_.size()) - 1;
    }
    /// Puts buffer i into the memory of another one, which then lives as long as both.
    void share(int i, int with) {
        Buffer& b = list_[static_cast<std::size_t>(i)];
        b.alias = root(with);
        Buffer& r = list_[static_cast<std::size_t>(b.alias)];
        r.first = std::min(r.first, b.first);
        r.last = std::max(r.last, b.last);
    }
    const Buffer& operator[](int i) const { return list_[static_cast<std::size_t>(i)]; }
    /// Bytes that buffer i may take before the arena grows.
    Index reserved(int i) const { return (*this)[root(i)].reserved; }
    Index arena_bytes() const { return arena_.bytes(); }

    /// Lays the arena out for the symbols' upper bounds, and for `values`: a difference of symbols may need more there.
    void reserve(const Extents& bounds, const Extents& values) {
        std::vector<LifeTime> times;
        Index total = 0;
        for (const Buffer& b : list_) {
            const Index size = b.alias >= 0 ? 0 : std::max({bytes(b, bounds), bytes(b, values), b.reserved});
            total = checked_bytes(total + size, 1);
            times.push_back({size, b.first, b.last});
        }
        const Layout layout = plan_layout(times);
        AlignedBuffer arena(layout.bytes);
        for (std::size_t i = 0; i < list_.size(); ++i) {
            list_[i].offset = layout.offsets[i];
            list_[i].reserved = times[i].bytes;
        }
        arena_ = std::move(arena);
    }
    /// Shapes and addresses for the symbols' values. False: a buffer needs more than it has.
    [[nodiscard]] bool resolve(const Extents& extents) {
        for (int i = 0; i < static_cast<int>(list_.size()); ++i) {
            Buffer& b = list_[static_cast<std::size_t>(i)];
            if (b.alias < 0 && bytes(b, extents) > b.reserved) return false;
            b.shape = b.spec.evaluate(extents);
            b.stride = align_up(b.shape.size() * size_of(b.spec.dtype));
            b.data = arena_.data() + (*this)[root(i)].offset;
        }
        return true;
    }
    /// Fills the arena with bytes that read as NaN, -1 and 255: what a layer reads before it was written shows.
    void poison() {
        if (arena_.bytes()) std::memset(arena_.data(), 0xff, static_cast<std::size_t>(arena_.bytes()));
    }

private:
    int root(int i) const {
        while ((*this)[i].alias >= 0) i = (*this)[i].alias;
        return i;
    }
    /// Upper bounds that never stood together may give negative sizes: those need nothing.
    static Index bytes(const Buffer& b, const Extents& e) {
        Shape s;
        if (b.spec.sizer.size)
            s.push_back(std::max<Index>(0, b.spec.sizer.evaluate(e)));
        else
            for (const Dim& d : b.spec.shape) s.push_back(std::max<Index>(0, d.evaluate(e)));
        const Index times = std::max<Index>(0, b.times.evaluate(e));
        const Index each = align_up(checked_bytes(s.size(), size_of(b.spec.dtype)));
        return each == 0 ? 0 : checked_bytes(times, each);
    }

    std::vector<Buffer> list_;
    AlignedBuffer arena_;
};

GRADUS_END

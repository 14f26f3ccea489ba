/// parallel_for and parallel_reduce: how the library uses threads.
///
/// Work is cut into cells `[begin + i*grain, begin + (i+1)*grain)`, and the function is called once for each, whatever
/// the number of threads: cells decide the bits, threads only who computes them. So a grain may depend on the problem's
/// sizes only.
///
/// Work runs inline, cell after cell, in a SerialScope, inside anybody's OpenMP region, while another thread of the
/// process owns the team (TeamScope), and with one thread. OpenMP's settings are read, never changed.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/float_scope.hpp>
#include <gradus/core/thread_pool.hpp>
#include <gradus/core/types.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>

#if GRADUS_OPENMP
#include <omp.h>
#endif

GRADUS_BEGIN

namespace detail {

inline std::atomic<int> wanted_threads{0};

inline int default_threads() {
#if GRADUS_OPENMP
    static const int n = omp_get_max_threads();
#else
    static const int n = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#endif
    return n;
}

inline Cells make_cells(Index begin, Index end, Index grain) {
    if (grain < 1) grain = 1;
    return {begin, end, grain, end > begin ? (end - begin - 1) / grain + 1 : 0};
}

inline void run_cells_inline(const Cells& cells, CellFunction f, void* context) {
    FloatScope mode;
    for (Index i = 0; i < cells.count; ++i) f(context, cells.first(i), cells.last(i));
}

} // namespace detail

/// The number of threads that parallel work of this process uses.
inline int threads() {
    const int wanted = detail::wanted_threads.load(std::memory_order_relaxed);
    return wanted > 0 ? wanted : detail::default_threads();
}

/// Sets threads(); 0 is the default: all processors, or, with OpenMP, what it allowed when it was first asked
/// (OMP_NUM_THREADS). The results do not depend on it. Throws ValueError below 0.
inline void set_threads(int n) {
    if (n < 0) throw_value_error("set_threads: expects 0 (the default) or more, got " + std::to_string(n));
    detail::wanted_threads.store(n, std::memory_order_relaxed);
}

/// While it lives, parallel work that this thread starts runs inline.
class SerialScope {
public:
    /// `active` false makes it do nothing.
    explicit SerialScope(bool active = true) : active_(active) { detail::serial_depth += active_; }
    ~SerialScope() { detail::serial_depth -= active_; }
    SerialScope(const SerialScope&) = delete;
    SerialScope& operator=(const SerialScope&) = delete;

private:
    int active_;
};

/// Claims the process's team of threads for this thread while it lives. While another thread holds it, this thread's
/// work runs inline: two threads that each use all processors run at half speed or worse. Nests.
class TeamScope {
public:
    TeamScope() {
        if (detail::team_depth > 0) {
            ++detail::team_depth;
        } else if (!detail::team_taken.exchange(true, std::memory_order_acquire)) {
            detail::team_depth = 1;
        } else {
            owned_ = false;
            ++detail::serial_depth;
        }
    }
    ~TeamScope() {
        if (!owned_) {
            --detail::serial_depth;
        } else if (--detail::team_depth == 0) {
            detail::team_taken.store(false, std::memory_order_release);
        }
    }
    TeamScope(const TeamScope&) = delete;
    TeamScope& operator=(const TeamScope&) = delete;

    /// Whether work in this scope may use the team.
    bool owned() const { return owned_; }

private:
    bool owned_ = true;
};

namespace detail {

inline bool must_run_inline() {
#if GRADUS_OPENMP
    if (omp_get_level() > 0) return true;
#endif
    return serial_depth > 0 || threads() == 1;
}

GRADUS_NOINLINE inline void run_cells(const Cells& cells, CellFunction f, void* context) {
    if (cells.count > 1 && !must_run_inline()) {
        const TeamScope team;
        ThreadPool* const pool = team.owned() ? thread_pool() : nullptr;
        if (pool) {
            const FloatScope mode;
            const SerialScope cells_are_serial;
            pool->run(cells, f, context, static_cast<int>(std::min<Index>(threads(), cells.count)));
            return;
        }
    }
    run_cells_inline(cells, f, context);
}

} // namespace detail

/// Calls f(first, last) once for each cell of [begin, end), in any order and from any thread; returns when all are
/// done. What f throws is thrown here, and cells that have not begun are left out. One cell costs a plain call.
template <class F> void parallel_for(Index begin, Index end, Index grain, F&& f) {
    using Function = std::remove_reference_t<F>;
    const detail::Cells cells = detail::make_cells(begin, end, grain);
    if (cells.count == 0) return;
    if (cells.count == 1) {
        FloatScope mode;
        f(begin, end);
        return;
    }
    detail::run_cells(
        cells, [](void* context, Index first, Index last) { (*static_cast<Function*>(context))(first, last); },
        const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

/// Number of cells, and so of partials, of parallel_reduce.
constexpr Index cell_count(Index begin, Index end, Index grain) {
    return end > begin ? (end - begin - 1) / (grain < 1 ? 1 : grain) + 1 : 0;
}

/// partials[i] = f(first, last) for each cell i, then combine(combine(partials[0], partials[1]), ...) in order of
/// index. Gives S{} for an empty range. `partials` holds cell_count(begin, end, grain) values.
template <class S, class F, class Combine>
S parallel_reduce(Index begin, Index end, Index grain, S* partials, F&& f, Combine&& combine) {
    const Index step = grain < 1 ? 1 : grain;
    const Index count = cell_count(begin, end, grain);
    if (count == 0) return S{};
    parallel_for(begin, end, step, [&](Index first, Index last) { partials[(first - begin) / step] = f(first, last); });
    FloatScope mode;
    S result = partials[0];
    for (Index i = 1; i < count; ++i) result = combine(result, partials[i]);
    return result;
}

GRADUS_END

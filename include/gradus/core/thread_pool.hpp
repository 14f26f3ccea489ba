/// The threads behind parallel_for: one pool for the process, made when parallel work first asks for it.
///
/// The caller is a worker like the others and waits only for cells that somebody has begun, so a worker that does not
/// run (a busy machine, a sleeping thread) costs nothing but its help. Workers spin for a while after a job, yield, and
/// then sleep. A child of fork() makes a pool of its own. In a trace a worker's cells bear the name of the span in
/// which its caller is.
#pragma once
#include <gradus/core/float_scope.hpp>
#include <gradus/core/trace.hpp>
#include <gradus/core/types.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GRADUS_HAS_FORK 1
#else
#define GRADUS_HAS_FORK 0
#endif

GRADUS_BEGIN
namespace detail {

inline thread_local int serial_depth = 0;
inline thread_local int team_depth = 0;
inline std::atomic<bool> team_taken{false};

inline void pause_thread() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_ia32_pause();
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
    __asm__ volatile("yield");
#endif
}

using CellFunction = void (*)(void* context, Index first, Index last);

/// Where the cells of one call lie.
struct Cells {
    Index begin, end, grain, count;
    Index first(Index i) const { return begin + i * grain; }
    Index last(Index i) const { return i + 1 == count ? end : begin + (i + 1) * grain; }
};

/// One job at a time: whoever calls run() owns the pool (TeamScope sees to it).
class ThreadPool {
public:
    ThreadPool() = default;
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;
    ~ThreadPool() {
        stop_.store(true, std::memory_order_relaxed);
        publish(0);
        for (std::thread& worker : workers_) worker.join();
    }

    /// Calls f for each of the cells, on this thread and up to `threads - 1` others; returns when all are done.
    void run(const Cells& cells, CellFunction f, void* context, int threads) {
        while (static_cast<int>(workers_.size()) < threads - 1) add_worker();
        job_ = {cells, f, context, (cells.count - 1) / most_claims + 1,
                trace_innermost.empty() ? std::string_view("cells") : trace_innermost};
        const Index claims = (cells.count - 1) / job_.stride + 1;
        done_.store(0, std::memory_order_relaxed);
        failed_.store(false, std::memory_order_relaxed);
        helpers_.store(threads - 1, std::memory_order_relaxed);
        publish(static_cast<std::uint64_t>(claims));
        take_cells<false>();
        Waiting waiting;
        while (done_.load(std::memory_order_acquire) != claims) waiting.once();
        if (!error_) return;
        std::rethrow_exception(std::exchange(error_, nullptr));
    }

private:
    /// A ticket says which job is on, how many claims it has, and which is the next: one word, so that a worker that
    /// comes late can never take a claim of another job for its own.
    static constexpr int field_bits = 20;
    static constexpr std::uint64_t field_mask = (std::uint64_t(1) << field_bits) - 1;
    static constexpr Index most_claims = Index(1) << (field_bits - 1);
    static std::uint64_t next_of(std::uint64_t ticket) { return ticket & field_mask; }
    static std::uint64_t claims_of(std::uint64_t ticket) { return ticket >> field_bits & field_mask; }
    static std::uint64_t job_of(std::uint64_t ticket) { return ticket >> 2 * field_bits; }

    struct Job {
        Cells cells{};
        CellFunction f = nullptr;
        void* context = nullptr;
        Index stride = 1; ///< cells of one claim
        std::string_view name;
    };

    /// Spins for 20 microseconds or so, then lets others run.
    class Waiting {
    public:
        void once() {
            if (spins_ < 256) {
                ++spins_;
                pause_thread();
            } else {
                std::this_thread::yield();
            }
        }

    private:
        int spins_ = 0;
    };

    void add_worker() {
        const int index = static_cast<int>(workers_.size());
        const std::uint64_t seen = job_of(ticket_.load(std::memory_order_relaxed));
        workers_.emplace_back([this, index, seen] { work(index, seen); });
    }

    void publish(std::uint64_t claims) {
        const std::uint64_t job = job_of(ticket_.load(std::memory_order_relaxed)) + 1;
        ticket_.store(job << 2 * field_bits | claims << field_bits, std::memory_order_seq_cst);
        if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
        bell_.fetch_add(1, std::memory_order_release);
        bell_.notify_all();
    }

    template <bool worker> void take_cells() {
        for (;;) {
            const std::uint64_t ticket = ticket_.fetch_add(1, std::memory_order_acq_rel);
            const Index claim = static_cast<Index>(next_of(ticket));
            if (claim >= static_cast<Index>(claims_of(ticket))) return;
            const Index first = claim * job_.stride;
            const Index last = std::min(first + job_.stride, job_.cells.count);
            try {
                const auto run = [&] {
                    for (Index i = first; i < last && !failed_.load(std::memory_order_relaxed); ++i)
                        job_.f(job_.context, job_.cells.first(i), job_.cells.last(i));
                };
                if constexpr (worker) {
                    const TraceSpan span(job_.name, "cells"); // the caller has a span of its own
                    run();
                } else {
                    run();
                }
            } catch (...) {
                if (!failed_.exchange(true)) error_ = std::current_exception();
            }
            done_.fetch_add(1, std::memory_order_acq_rel);
        }
    }

    void work(int index, std::uint64_t seen) {
        serial_depth = 1;
        trace_thread("worker");
        while (!stop_.load(std::memory_order_relaxed)) {
            const std::uint64_t ticket = wait_for_other_than(seen);
            seen = job_of(ticket);
            if (index >= helpers_.load(std::memory_order_relaxed) || next_of(ticket) >= claims_of(ticket)) continue;
            FloatScope mode;
            take_cells<true>();
        }
    }

    /// The ticket of a job that is not `seen`.
    std::uint64_t wait_for_other_than(std::uint64_t seen) {
        using Clock = std::chrono::steady_clock;
        const auto is_new = [&](std::uint64_t ticket) { return job_of(ticket) != seen; };
        std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
        for (int i = 0; i < 1024 && !is_new(ticket); ++i) {
            pause_thread();
            ticket = ticket_.load(std::memory_order_acquire);
        }
        for (const auto start = Clock::now(); !is_new(ticket) && Clock::now() - start < std::chrono::milliseconds(1);) {
            std::this_thread::yield();
            ticket = ticket_.load(std::memory_order_acquire);
        }
        while (!is_new(ticket)) {
            sleepers_.fetch_add(1, std::memory_order_seq_cst);
            const std::uint32_t bell = bell_.load(std::memory_order_acquire);
            ticket = ticket_.load(std::memory_order_seq_cst);
            if (!is_new(ticket)) bell_.wait(bell, std::memory_order_acquire);
            sleepers_.fetch_sub(1, std::memory_order_relaxed);
            ticket = ticket_.load(std::memory_order_acquire);
        }
        return ticket;
    }

    alignas(64) std::atomic<std::uint64_t> ticket_{0};
    alignas(64) std::atomic<Index> done_{0};
    alignas(64) std::atomic<int> sleepers_{0};
    std::atomic<std::uint32_t> bell_{0};
    std::atomic<int> helpers_{0};
    std::atomic<bool> stop_{false}, failed_{false};
    Job job_;
    std::exception_ptr error_;
    std::vector<std::thread> workers_;
};

// Constant-initialised and never destroyed, so that they may be asked while the program's static objects end.
inline ThreadPool* process_pool = nullptr;
inline bool process_is_ending = false;

/// Ends the pool's threads with the program, and forgets them in a child of fork(), where they do not run.
struct PoolOwner {
    PoolOwner() {
#if GRADUS_HAS_FORK
        pthread_atfork(nullptr, nullptr, [] {
            process_pool = nullptr;
            if (team_depth == 0) team_taken.store(false, std::memory_order_relaxed);
        });
#endif
    }
    ~PoolOwner() {
        process_is_ending = true;
        delete std::exchange(process_pool, nullptr);
    }
    PoolOwner(const PoolOwner&) = delete;
    PoolOwner& operator=(const PoolOwner&) = delete;
};

/// The process's pool; null when the program is ending. For the owner of the team.
inline ThreadPool* thread_pool() {
    if (process_pool || process_is_ending) return process_pool;
    static PoolOwner owner;
    return process_pool = new ThreadPool;
}

} // namespace detail
GRADUS_END

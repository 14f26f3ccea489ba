#include <gradus/core/parallel.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GRADUS_TEST_TSAN 1
#endif
#endif

using namespace gradus;

namespace {

using CellSet = std::multiset<std::pair<Index, Index>>;

CellSet cells_of(Index begin, Index end, Index grain) {
    CellSet cells;
    std::mutex lock;
    parallel_for(begin, end, grain, [&](Index b, Index e) {
        const std::lock_guard<std::mutex> hold(lock);
        cells.emplace(b, e);
    });
    return cells;
}

struct Threads {
    explicit Threads(int n) { set_threads(n); }
    ~Threads() { set_threads(0); }
};

bool runs_inline() {
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> other{false};
    parallel_for(0, 64, 1, [&](Index, Index) {
        if (std::this_thread::get_id() != caller) other = true;
        std::this_thread::yield();
    });
    return !other;
}

} // namespace

TEST_CASE("parallel_for calls f once for each cell, whatever the threads", "[core]") {
    const CellSet expected{{3, 7}, {7, 11}, {11, 15}, {15, 16}};
    for (int t : {1, 2, 3, 8}) {
        Threads use(t);
        CHECK(cells_of(3, 16, 4) == expected);
        {
            SerialScope serial;
            CHECK(cells_of(3, 16, 4) == expected);
        }
        CHECK(cells_of(5, 5, 4).empty());
        CHECK(cells_of(5, 2, 4).empty());
        CHECK(cells_of(0, 3, 8) == CellSet{{0, 3}});
        CHECK(cells_of(0, 2, 0) == CellSet{{0, 1}, {1, 2}});
        CHECK(cells_of(0, 1000, 1).size() == 1000);
    }
    const Index far = Index(1) << 40;
    CHECK(cells_of(far, far + 10, far) == CellSet{{far, far + 10}});
}

TEST_CASE("nested parallel_for runs inline with the same cells", "[core]") {
    Threads use(3);
    std::atomic<int> inner{0};
    std::atomic<bool> moved{false};
    parallel_for(0, 6, 1, [&](Index, Index) {
        const auto self = std::this_thread::get_id();
        parallel_for(0, 10, 3, [&](Index, Index) {
            if (std::this_thread::get_id() != self) moved = true;
            ++inner;
        });
    });
    CHECK(inner == 24);
    CHECK(!moved);
}

TEST_CASE("while another thread owns the team, work is inline", "[core]") {
    Threads use(2);
    TeamScope mine;
    REQUIRE(mine.owned());
    bool inline_there = false, owned_there = true;
    std::thread other([&] {
        inline_there = runs_inline();
        TeamScope second;
        owned_there = second.owned();
    });
    other.join();
    CHECK(inline_there);
    CHECK(!owned_there);
    TeamScope nested;
    CHECK(nested.owned());
}

TEST_CASE("SerialScope keeps work on this thread", "[core]") {
    Threads use(4);
    SerialScope serial;
    CHECK(runs_inline());
}

TEST_CASE("exceptions of cells arrive at the caller, and later work runs", "[core]") {
    for (int t : {1, 4}) {
        Threads use(t);
        CHECK_THROWS_AS(parallel_for(0, 100, 1,
                                     [&](Index b, Index) {
                                         if (b == 13) throw std::out_of_range("thirteen");
                                     }),
                        std::out_of_range);
        CHECK(cells_of(0, 4, 1).size() == 4);
    }
}

TEST_CASE("parallel_reduce adds partials in order of index", "[core]") {
    double expected = 0;
    for (int t : {1, 2, 3, 8}) {
        Threads use(t);
        const Index n = 10001, grain = 97;
        std::vector<double> partials(static_cast<std::size_t>(cell_count(0, n, grain)));
        const double sum = parallel_reduce(
            0, n, grain, partials.data(),
            [](Index b, Index e) {
                double s = 0;
                for (Index i = b; i < e; ++i) s += 1.0 / double(i + 1);
                return s;
            },
            [](double a, double b) { return a + b; });
        if (t == 1) expected = sum;
        CHECK(sum == expected);
    }
    CHECK(parallel_reduce(
              0, 0, 1, static_cast<double*>(nullptr), [](Index, Index) { return 1.0; },
              [](double a, double b) { return a + b; }) == 0.0);
}

TEST_CASE("set_threads refuses negative numbers", "[core]") { CHECK_THROWS_AS(set_threads(-1), ValueError); }

#if defined(__x86_64__) && defined(__GNUC__)
TEST_CASE("cells keep denormals whatever the caller's mode, which is given back", "[core]") {
    Threads use(3);
    const unsigned before = __builtin_ia32_stmxcsr();
    const unsigned flushing = before | 0x8040u;
    __builtin_ia32_ldmxcsr(flushing);
    std::atomic<int> kept{0};
    parallel_for(0, 50, 1, [&](Index, Index) {
        volatile float tiny = 1e-38f;
        volatile float less = tiny * 0.01f;
        if (less > 0) ++kept;
    });
    parallel_for(0, 1, 1, [&](Index, Index) { kept += (__builtin_ia32_stmxcsr() & 0xffc0u) == 0x1f80u; });
    const unsigned after = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before);
    CHECK(kept == 51);
    CHECK((after & 0xffc0u) == (flushing & 0xffc0u));
}
#endif

TEST_CASE("jobs that follow each other closely lose no cell and repeat none", "[core]") {
    for (int t : {2, 3, 8}) {
        Threads use(t);
        bool once = true;
        for (Index job = 0; job < 3000; ++job) {
            std::vector<int> calls(static_cast<std::size_t>(1 + job % 13));
            parallel_for(0, 1 + job % 13, 1, [&](Index i, Index) { ++calls[static_cast<std::size_t>(i)]; });
            for (int n : calls) once = once && n == 1;
            if (job % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3)); // workers fall asleep
        }
        CHECK(once);
    }
}

TEST_CASE("a million cells are each called once", "[core]") {
    Threads use(3);
    std::vector<unsigned char> calls(1 << 20);
    parallel_for(0, Index(1) << 20, 1, [&](Index i, Index) { ++calls[static_cast<std::size_t>(i)]; });
    CHECK(std::count(calls.begin(), calls.end(), 1) == 1 << 20);
}

#if (defined(__unix__) || defined(__APPLE__)) && !defined(__SANITIZE_THREAD__) && !defined(GRADUS_TEST_TSAN)
TEST_CASE("a forked child trains with threads of its own", "[core]") {
    Threads use(3);
    REQUIRE(cells_of(0, 100, 1).size() == 100);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(cells_of(0, 100, 1).size() == 100 && cells_of(0, 50, 1).size() == 50 ? 0 : 1);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(cells_of(0, 100, 1).size() == 100);
}
#endif

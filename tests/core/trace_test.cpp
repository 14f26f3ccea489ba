// Trace: a file that parses, spans that nest, threads by name, counters in order, and its errors.
#include <gradus/core/parallel.hpp>
#include <gradus/core/trace.hpp>

#include "../io/temporary_folder.hpp"
#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <clocale>
#include <limits>
#include <thread>

using namespace gradus;
using nlohmann::json;

namespace {

json events(const json& file, const std::string& phase, const std::string& name) {
    json found = json::array();
    for (const json& e : file.at("traceEvents"))
        if (e.at("ph") == phase && e.at("name") == name) found.push_back(e);
    return found;
}
json event(const json& file, const std::string& phase, const std::string& name) {
    const json found = events(file, phase, name);
    REQUIRE(found.size() == 1);
    return found[0];
}
std::string thread_name(const json& file, const json& tid) {
    for (const json& e : events(file, "M", "thread_name"))
        if (e.at("tid") == tid) return e.at("args").at("name");
    return {};
}

/// Nanoseconds that a decimal of microseconds says.
std::int64_t nanoseconds(const json& number) { return std::llround(number.get<double>() * 1000); }

} // namespace

TEST_CASE("trace: spans nest, with category and pass; other threads have names") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    CHECK_FALSE(Trace::is_open());
    {
        Trace trace(path);
        CHECK(Trace::is_open());
        {
            const TraceSpan outer("outer", "layer", "forward");
            CHECK(outer.active());
            const TraceSpan inner("inner");
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        std::thread([] {
            trace_thread("reader");
            const TraceSpan span("read");
        }).join();
        std::thread([] { const TraceSpan span("work"); }).join();
    }
    CHECK_FALSE(Trace::is_open());
    CHECK_FALSE(TraceSpan("after").active());
    const json file = json::parse(read_bytes(path));
    CHECK(file.at("displayTimeUnit") == "ms");
    CHECK(file.at("otherData").at("dropped_events") == 0);
    CHECK(event(file, "M", "process_name").at("args").at("name") == "gradus");
    for (const json& e : file.at("traceEvents")) {
        CHECK(e.contains("pid"));
        CHECK(e.contains("tid"));
    }

    const json outer = event(file, "X", "outer"), inner = event(file, "X", "inner");
    CHECK(outer.at("cat") == "layer");
    CHECK(outer.at("args").at("pass") == "forward");
    CHECK(inner.at("cat") == "user");
    CHECK_FALSE(inner.contains("args"));
    CHECK(nanoseconds(inner.at("dur")) >= 2000000);
    CHECK(nanoseconds(outer.at("ts")) <= nanoseconds(inner.at("ts")));
    CHECK(nanoseconds(outer.at("ts")) + nanoseconds(outer.at("dur")) >=
          nanoseconds(inner.at("ts")) + nanoseconds(inner.at("dur")));

    CHECK(thread_name(file, outer.at("tid")) == "main");
    CHECK(thread_name(file, event(file, "X", "read").at("tid")) == "reader");
    CHECK(thread_name(file, event(file, "X", "work").at("tid")) == "thread 2");
    CHECK(events(file, "X", "after").empty());
}

TEST_CASE("trace: cells of workers bear the name of their caller's span") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    const int before = threads();
    set_threads(2);
    {
        Trace trace(path);
        const TraceSpan span("layer");
        std::atomic<bool> other{false};
        const auto caller = std::this_thread::get_id();
        // The caller's cells wait until the worker has had one.
        parallel_for(0, 100, 1, [&](Index, Index) {
            if (std::this_thread::get_id() != caller) other = true;
            for (int i = 0; i < 1000 && !other; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        });
        CHECK(other);
        { const TraceSpan inner("inner"); }
        trace.close();
    }
    set_threads(before);
    const json file = json::parse(read_bytes(path));
    const json found = events(file, "X", "layer"); // the caller's own span has not ended
    REQUIRE(!found.empty());
    for (const json& e : found) {
        CHECK(e.at("cat") == "cells");
        CHECK(thread_name(file, e.at("tid")) == "worker");
    }
}

TEST_CASE("trace: counters are in order of time, numbers do not depend on the locale") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    const std::string before = std::setlocale(LC_NUMERIC, nullptr);
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
        if (std::setlocale(LC_NUMERIC, name)) break;
    {
        Trace trace(path);
        const TraceSpan span("work");
        const std::int64_t now = detail::trace_now();
        trace_counter("rate", 2.5, now + 2000);
        trace_counter("rate", 0.125, now + 1000);
        trace_counter("rate", std::numeric_limits<double>::infinity());
        trace_counter("bytes", 1e15);
        std::thread([] { trace_counter("rate", 7); }).join();
    }
    std::setlocale(LC_NUMERIC, before.c_str());
    const json file = json::parse(read_bytes(path));
    std::vector<double> values;
    for (const json& e : events(file, "C", "rate"))
        if (!e.contains("id")) values.push_back(e.at("args").at("value"));
    CHECK(values == std::vector<double>{0.125, 2.5});
    CHECK(events(file, "C", "rate").size() == 3); // another thread's is another counter
    CHECK(event(file, "C", "bytes").at("args").at("value") == 1e15);
}

TEST_CASE("trace: names are copied and escaped") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    {
        Trace trace(path);
        std::string name = "a \"quoted\" \\ name\n\x01";
        { const TraceSpan span(name, "Größe 中 \xf0\x9f\x99\x82"); }
        name.assign(name.size(), 'x'); // the same memory, another name
        { const TraceSpan span(name, "latin \xe4, cut \xe4\xb8, overlong \xc0\xaf, surrogate \xed\xa0\x80"); }
    }
    const json file = json::parse(read_bytes(path));
    CHECK(event(file, "X", "a \"quoted\" \\ name\n\x01").at("cat") == "Größe 中 \xf0\x9f\x99\x82");
    CHECK(event(file, "X", std::string(19, 'x')).at("cat") == "latin ?, cut ??, overlong ??, surrogate ???");
}

TEST_CASE("trace: what is open at its end, or began before it, is left out") {
    const TemporaryFolder folder;
    const std::string first = folder / "first.json", second = folder / "second.json";
    {
        const TraceSpan before("before");
        Trace trace(first);
        const TraceSpan open("open");
        { const TraceSpan whole("whole"); }
        trace.close();
        trace.close();
        CHECK_FALSE(Trace::is_open());
        Trace next(second);
        { const TraceSpan later("later"); }
    }
    const json a = json::parse(read_bytes(first)), b = json::parse(read_bytes(second));
    CHECK(events(a, "X", "whole").size() == 1);
    CHECK(events(b, "X", "later").size() == 1);
    for (const json* file : {&a, &b})
        for (const char* name : {"before", "open"}) CHECK(events(*file, "X", name).empty());
    CHECK(events(a, "X", "later").empty());
    CHECK(events(b, "X", "whole").empty());
}

TEST_CASE("trace: events beyond the limit are counted") {
    const TemporaryFolder folder;
    const std::string path = folder / "trace.json";
    {
        Trace trace(path, {.events_per_thread = 5000}); // two chunks, the second not whole
        for (int i = 0; i < 5003; ++i) const TraceSpan span("work");
    }
    const json file = json::parse(read_bytes(path));
    CHECK(events(file, "X", "work").size() == 5000);
    CHECK(file.at("otherData").at("dropped_events") == 3);
}

TEST_CASE("trace: closes while other threads record") {
    const TemporaryFolder folder;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            while (!stop) {
                const TraceSpan span("busy");
                trace_counter("turns", 1);
            }
        });
    for (int i = 0; i < 5; ++i) {
        const std::string path = folder / (std::to_string(i) + ".json");
        Trace trace(path);
        { const TraceSpan mine("mine"); }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        trace.close();
        CHECK(events(json::parse(read_bytes(path)), "X", "mine").size() == 1);
    }
    stop = true;
    for (std::thread& t : threads) t.join();
}

TEST_CASE("trace: errors") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(Trace(folder / "missing/trace.json"), IoError);
    CHECK_THROWS_WITH(Trace(folder / "missing/trace.json"), ContainsSubstring("trace: cannot write"));
    CHECK_FALSE(Trace::is_open());
    CHECK_THROWS_AS(Trace(folder / "none.json", {.events_per_thread = 0}), ValueError);
    CHECK(folder.files() == 0);
    {
        Trace trace(folder / "trace.json");
        CHECK_THROWS_WITH(Trace(folder / "other.json"), ContainsSubstring("expects one at a time"));
        CHECK(Trace::is_open());
    }
    CHECK(folder.files() == 1);
#if defined(__linux__)
    if (std::FILE* full = std::fopen("/dev/full", "wb")) {
        (void)std::fclose(full);
        Trace trace("/dev/full");
        CHECK_THROWS_AS(trace.close(), IoError);
        const Trace quiet("/dev/full");
    }
#endif
    CHECK_NOTHROW(Trace(folder / "again.json"));
}

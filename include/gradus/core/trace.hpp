/// Trace: when each piece of work ran, on which thread, as a file for Perfetto (ui.perfetto.dev) and chrome://tracing.
///
///     Trace trace("fit.json");
///     model.fit(x, y);
///
/// TraceSpan marks a piece of work, trace_counter a value that changes with time. With no trace open each costs one
/// relaxed load and allocates nothing.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>
#include <gradus/core/utf8.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

GRADUS_BEGIN

struct TraceOptions {
    /// 48 bytes each; workers have one for each cell or so. What comes after is left out; the file counts it as
    /// dropped_events.
    Index events_per_thread = 1000000;
};

namespace detail {

struct TraceEvent {
    const std::string *name, *category, *pass; ///< category: none for a counter; pass: none where there is none
    std::int64_t start, duration;              ///< nanoseconds of the steady clock
    double value;                              ///< of a counter
};

/// The events of one thread. Its own thread adds, the one that closes the trace takes them.
struct TraceLog {
    static constexpr Index chunk = 4096;

    TraceLog(std::uint32_t session_, Index thread_, std::string name_, Index limit_)
        : session(session_), thread(thread_), limit(limit_), thread_name(std::move(name_)) {
        chunks.reserve(static_cast<std::size_t>((limit + chunk - 1) / chunk));
        grow();
    }

    /// Allocates only where a chunk is full and for a name that is new.
    void add(std::string_view name, std::string_view category, std::string_view pass, std::int64_t start,
             std::int64_t duration, double value) {
        if (size == limit || (size == static_cast<Index>(chunks.size()) * chunk && !grow())) {
            ++dropped;
            return;
        }
        const TraceEvent e{intern(name),
                           category.empty() ? nullptr : intern(category),
                           pass.empty() ? nullptr : intern(pass),
                           start,
                           duration,
                           value};
        event(size++) = e;
    }

    TraceEvent& event(Index i) {
        return chunks[static_cast<std::size_t>(i / chunk)][static_cast<std::size_t>(i % chunk)];
    }

    const std::uint32_t session;
    const Index thread, limit;
    std::mutex mutex; ///< of all that follows
    bool closed = false;
    std::string thread_name;
    std::set<std::string, std::less<>> names;
    std::vector<std::unique_ptr<TraceEvent[]>> chunks;
    Index size = 0, dropped = 0;

private:
    bool grow() {
        std::unique_ptr<TraceEvent[]> more(new (std::nothrow) TraceEvent[static_cast<std::size_t>(chunk)]);
        if (more) chunks.push_back(std::move(more));
        return static_cast<Index>(chunks.size()) * chunk > size;
    }
    const std::string* intern(std::string_view name) {
        auto at = names.find(name);
        if (at == names.end()) at = names.emplace(name).first;
        return &*at;
    }
};

struct TraceSession {
    std::uint32_t number;
    Index limit;
    std::vector<std::shared_ptr<TraceLog>> logs;
};

inline std::atomic<std::uint32_t> trace_open{0}; ///< number of the open session; 0: none
inline std::mutex trace_mutex;                   ///< of the two that follow, and of the session's list of logs
inline TraceSession* trace_session = nullptr;
inline std::uint32_t trace_sessions = 0;
inline thread_local std::shared_ptr<TraceLog> trace_log; ///< of the last session that this thread took part in
inline thread_local const char* trace_thread_name = nullptr;
inline thread_local std::string_view trace_innermost; ///< name of this thread's innermost active span

inline std::int64_t trace_now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// A log of this thread in a session whose list nobody else touches meanwhile.
inline void begin_log(TraceSession& session) {
    const auto thread = static_cast<Index>(session.logs.size());
    const std::string name = thread == 0 ? "main" : "thread " + std::to_string(thread);
    trace_log =
        std::make_shared<TraceLog>(session.number, thread, trace_thread_name ? trace_thread_name : name, session.limit);
    session.logs.push_back(trace_log);
}

/// This thread's log in a session; none where that is closed.
inline TraceLog* log_of(std::uint32_t session) {
    if (trace_log && trace_log->session == session) return trace_log.get();
    const std::lock_guard<std::mutex> lock(trace_mutex);
    if (!trace_session || trace_session->number != session) return nullptr;
    begin_log(*trace_session);
    return trace_log.get();
}

/// Where memory runs out the event is lost.
GRADUS_COLD inline void record_trace(std::uint32_t session, std::string_view name, std::string_view category,
                                     std::string_view pass, std::int64_t start, std::int64_t duration,
                                     double value) noexcept {
    try {
        TraceLog* const log = log_of(session);
        if (!log) return;
        const std::lock_guard<std::mutex> lock(log->mutex);
        if (!log->closed) log->add(name, category, pass, start, duration, value);
    } catch (const std::bad_alloc&) {}
}

/// Writes events as JSON. Numbers do not depend on the locale.
class TraceWriter {
public:
    TraceWriter(std::FILE* file, std::int64_t start) : file_(file), start_(start) {
        out_ = "{\"traceEvents\":[\n"
               "{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"gradus\"}}";
    }

    void thread(Index thread, std::string_view name) {
        begin("M", thread, "thread_name");
        out_ += ",\"args\":{\"name\":";
        text(name);
        out_ += "}}";
    }
    void event(const TraceEvent& e, Index thread) {
        begin(e.category ? "X" : "C", thread, *e.name);
        out_ += ",\"ts\":";
        microseconds(std::max<std::int64_t>(0, e.start - start_));
        if (e.category) {
            out_ += ",\"dur\":";
            microseconds(e.duration);
            out_ += ",\"cat\":";
            text(*e.category);
            if (e.pass) {
                out_ += ",\"args\":{\"pass\":";
                text(*e.pass);
                out_ += "}";
            }
        } else {
            if (thread > 0) out_ += ",\"id\":" + std::to_string(thread); // beside the name, what tells counters apart
            char digits[32];
            out_ += ",\"args\":{\"value\":";
            out_.append(digits, std::to_chars(digits, digits + sizeof digits, e.value).ptr);
            out_ += "}";
        }
        out_ += "}";
    }
    /// False where not everything could be written.
    bool finish(Index dropped) {
        out_ += "\n],\"displayTimeUnit\":\"ms\",\"otherData\":{\"version\":\"gradus " GRADUS_VERSION
                "\",\"dropped_events\":" +
                std::to_string(dropped) + "}}\n";
        flush();
        return good_;
    }

private:
    void begin(const char* phase, Index thread, std::string_view name) {
        if (out_.size() > (1u << 16)) flush();
        out_ += ",\n{\"ph\":\"";
        out_ += phase;
        out_ += "\",\"pid\":1,\"tid\":" + std::to_string(thread) + ",\"name\":";
        text(name);
    }
    void microseconds(std::int64_t nanoseconds) {
        const std::string rest = std::to_string(1000 + nanoseconds % 1000);
        out_ += std::to_string(nanoseconds / 1000) + "." + rest.substr(1);
    }
    /// Quoted and escaped; bytes that are not UTF-8 become question marks.
    void text(std::string_view s) {
        std::string clean;
        while (!s.empty()) {
            const std::size_t n = character_length(s);
            clean += n ? s.substr(0, n) : "?";
            s.remove_prefix(n ? n : 1);
        }
        print_json_text(out_, clean);
    }
    void flush() {
        good_ = good_ && std::fwrite(out_.data(), 1, out_.size(), file_) == out_.size();
        out_.clear();
    }

    std::FILE* file_;
    std::int64_t start_;
    std::string out_;
    bool good_ = true;
};

} // namespace detail

/// Records the process's spans and counters until it is closed or dies, and then writes them: Chrome's trace event
/// format, a JSON object, times in microseconds since it was opened. Spans that have not ended by then are left out.
///
/// One at a time: a second one throws ValueError. Throws IoError where the file cannot be written. Bits are the same
/// with and without one. Recording allocates when a thread records first, meets a name for the first time, or has
/// filled a chunk of 4096 events; it costs well under a microsecond a span.
class Trace {
public:
    explicit Trace(const std::string& path, const TraceOptions& options = {}) : path_(path) {
        if (options.events_per_thread < 1)
            throw_value_error("trace: events_per_thread expects at least 1, got " +
                              std::to_string(options.events_per_thread));
        const std::lock_guard<std::mutex> lock(detail::trace_mutex);
        if (detail::trace_session)
            throw_value_error("trace: expects one at a time, got " + path + " while another one is open");
        session_.number = ++detail::trace_sessions;
        session_.limit = options.events_per_thread;
        detail::begin_log(session_); // this thread is the first, "main"
        file_ = std::fopen(path.c_str(), "wb");
        if (!file_) throw_io_error("trace: cannot write " + path + ": " + std::strerror(errno));
        start_ = detail::trace_now();
        detail::trace_session = &session_;
        detail::trace_open.store(session_.number, std::memory_order_relaxed);
    }
    /// Closes it; an error is lost.
    ~Trace() {
        try {
            close();
        } catch (...) {}
    }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;

    /// Ends recording and writes the file; a second call does nothing. Throws IoError where that fails.
    void close() {
        if (!file_) return;
        {
            const std::lock_guard<std::mutex> lock(detail::trace_mutex);
            detail::trace_open.store(0, std::memory_order_relaxed);
            detail::trace_session = nullptr;
        }
        std::FILE* const file = std::exchange(file_, nullptr);
        bool good = false;
        try {
            good = write(file);
        } catch (...) {
            (void)std::fclose(file);
            throw;
        }
        if (std::fclose(file) != 0 || !good) throw_io_error("trace: writing " + path_ + " failed: no space left?");
    }

    /// Whether there is one.
    static bool is_open() { return detail::trace_open.load(std::memory_order_relaxed) != 0; }

private:
    bool write(std::FILE* file) {
        detail::TraceWriter writer(file, start_);
        std::vector<std::tuple<std::int64_t, Index, const detail::TraceEvent*>> counters; // time, thread
        Index dropped = 0;
        for (const auto& log : session_.logs) {
            const std::lock_guard<std::mutex> lock(log->mutex);
            log->closed = true;
            writer.thread(log->thread, log->thread_name);
            for (Index i = 0; i < log->size; ++i) {
                const detail::TraceEvent& e = log->event(i);
                if (e.category)
                    writer.event(e, log->thread);
                else
                    counters.emplace_back(e.start, log->thread, &e);
            }
            dropped += log->dropped;
        }
        std::sort(counters.begin(), counters.end());
        for (const auto& [time, thread, event] : counters) writer.event(*event, thread);
        for (const auto& log : session_.logs) log->chunks.clear(); // a thread may keep its log for long
        return writer.finish(dropped);
    }

    std::string path_;
    std::FILE* file_ = nullptr;
    std::int64_t start_ = 0;
    detail::TraceSession session_;
};

/// A span of this thread, from here to the end of the scope. The texts live as long as it does; names are of the kind
/// that repeats (a layer's), not one for each batch.
class TraceSpan {
public:
    explicit TraceSpan(std::string_view name, std::string_view category = "user", std::string_view pass = {})
        : name_(name), category_(category), pass_(pass), session_(detail::trace_open.load(std::memory_order_relaxed)) {
        if (session_ != 0) [[unlikely]] {
            outer_ = std::exchange(detail::trace_innermost, name_);
            start_ = detail::trace_now();
        }
    }
    ~TraceSpan() {
        if (session_ != 0) [[unlikely]] {
            detail::record_trace(session_, name_, category_.empty() ? "user" : category_, pass_, start_,
                                 detail::trace_now() - start_, 0);
            detail::trace_innermost = outer_;
        }
    }
    TraceSpan(const TraceSpan&) = delete;
    TraceSpan& operator=(const TraceSpan&) = delete;

    /// Whether it is recorded, and when it began, in nanoseconds.
    bool active() const { return session_ != 0; }
    std::int64_t start() const { return start_; }

private:
    std::string_view name_, category_, pass_, outer_;
    std::uint32_t session_;
    std::int64_t start_ = 0;
};

/// The value of a counter from `time` on, in nanoseconds of detail::trace_now; what is not finite is left out. Each
/// thread has counters of its own.
inline void trace_counter(std::string_view name, double value, std::int64_t time) {
    const std::uint32_t session = detail::trace_open.load(std::memory_order_relaxed);
    if (session != 0 && std::isfinite(value)) [[unlikely]]
        detail::record_trace(session, name, {}, {}, time, 0, value);
}
/// The value of a counter from now on.
inline void trace_counter(std::string_view name, double value) {
    if (Trace::is_open()) [[unlikely]]
        trace_counter(name, value, detail::trace_now());
}

/// Names this thread in traces that it has no event in yet. The text is a literal: it is not copied.
inline void trace_thread(const char* name) { detail::trace_thread_name = name; }

GRADUS_END

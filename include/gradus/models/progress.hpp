/// ProgressBar: what fit and evaluate show in a terminal. Writes from a fixed buffer; allocates nothing.
///
///     Epoch 2/10
///     120/250 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - loss: 0.2981 - accuracy: 0.9123
#pragma once
#include <gradus/models/history.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <span>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

GRADUS_BEGIN

/// automatic: the bar in a terminal, one line per epoch elsewhere.
enum class Verbose : std::uint8_t { automatic, silent, bar, line };

class ProgressBar {
public:
    ProgressBar(Verbose verbose, std::ostream* out, Index batches)
        : out_(out ? out : &std::cout), batches_(batches), mode_(verbose) {
        if (mode_ == Verbose::automatic) mode_ = is_terminal(out_) ? Verbose::bar : Verbose::line;
        const char* const plain = std::getenv("NO_COLOR");
        color_ = is_terminal(out_) && !(plain && *plain);
    }

    void begin(Index epoch, Index epochs) {
        start_ = last_ = clock::now();
        has_epochs_ = epochs > 0;
        if (mode_ == Verbose::silent || epochs <= 0) return;
        length_ = 0;
        put("Epoch %lld/%lld", static_cast<long long>(epoch + 1), static_cast<long long>(epochs));
        if (mode_ == Verbose::bar) put("\n");
        flush();
    }
    /// After a batch; draws at most every 50 ms.
    void update(Index done, std::span<const Log> logs) {
        if (mode_ != Verbose::bar) return;
        const auto now = clock::now();
        if (now - last_ < std::chrono::milliseconds(50)) return;
        last_ = now;
        draw(done, logs, false);
    }
    void end(std::span<const Log> logs) {
        if (mode_ == Verbose::silent) return;
        if (mode_ == Verbose::bar) return draw(batches_, logs, true);
        length_ = 0;
        const double s = seconds();
        if (!has_epochs_) put("%lld/%lld", static_cast<long long>(batches_), static_cast<long long>(batches_));
        put(" - ");
        put_duration(s);
        put_step(s, batches_);
        put_logs(logs);
        put("\n");
        flush();
    }

private:
    using clock = std::chrono::steady_clock;

    static bool is_terminal(const std::ostream* out) {
#if defined(__unix__) || defined(__APPLE__)
        return (out == &std::cout && isatty(1)) || ((out == &std::cerr || out == &std::clog) && isatty(2));
#else
        (void)out;
        return false;
#endif
    }
    double seconds() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

    void draw(Index done, std::span<const Log> logs, bool final) {
        constexpr Index width = 20;
        length_ = 0;
        put("\r%lld/%lld ", static_cast<long long>(done), static_cast<long long>(batches_));
        const Index filled = batches_ ? width * done / batches_ : width;
        if (color_) put("\x1b[32m");
        for (Index i = 0; i < filled; ++i) put("\u2501");
        if (color_) put("\x1b[37m");
        for (Index i = filled; i < width; ++i) put(color_ ? "\u2501" : " ");
        if (color_) put("\x1b[0m");
        put(" ");
        const double s = seconds();
        put_duration(final || done == 0 ? s : s / static_cast<double>(done) * static_cast<double>(batches_ - done));
        put_step(s, done);
        put_logs(logs);
        put(color_ ? "\x1b[K" : "   ");
        if (final) put("\n");
        flush();
    }
    void put_duration(double s) {
        const auto n = static_cast<long long>(s + 0.5);
        if (n >= 3600)
            put("%lld:%02lld:%02lld", n / 3600, n / 60 % 60, n % 60);
        else if (n >= 60)
            put("%lld:%02lld", n / 60, n % 60);
        else
            put("%llds", n);
    }
    void put_step(double s, Index steps) {
        if (steps == 0) return;
        const double each = s / static_cast<double>(steps);
        if (each >= 1)
            put(" %.0fs/step", each);
        else if (each >= 1e-3)
            put(" %.0fms/step", each * 1e3);
        else
            put(" %.0fus/step", each * 1e6);
    }
    void put_logs(std::span<const Log> logs) {
        for (const Log& l : logs)
            put(std::abs(l.value) > 1e-3 || l.value == 0 ? " - %.*s: %.4f" : " - %.*s: %.4e",
                static_cast<int>(l.name.size()), l.name.data(), l.value);
    }
    template <class... A> void put(const char* format, A... a) {
        if (length_ + 1 >= sizeof(buffer_)) return;
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#endif
        const int n = std::snprintf(buffer_ + length_, sizeof(buffer_) - length_, format, a...);
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
        if (n > 0) length_ = std::min(length_ + static_cast<std::size_t>(n), sizeof(buffer_) - 1);
    }
    void flush() { out_->write(buffer_, static_cast<std::streamsize>(length_)).flush(); }

    std::ostream* out_;
    Index batches_;
    Verbose mode_;
    bool color_ = false, has_epochs_ = false;
    clock::time_point start_, last_;
    char buffer_[2048];
    std::size_t length_ = 0;
};

GRADUS_END

/// The last line of every example: `result: {"test_accuracy": 0.9812, "seconds": 31.5}`.
#pragma once
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <ostream>
#include <string>
#include <string_view>

namespace examples {

/// Collects keys and values and prints them as one line of JSON. A number that is not finite becomes null.
///
///     examples::Result result;
///     result.add("test_accuracy", accuracy).add("seconds", watch.seconds()).print();
class Result {
public:
    /// Six significant digits.
    Result& add(std::string_view key, double value) {
        if (!std::isfinite(value)) return raw(key, "null");
        char text[32];
        const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6);
        return raw(key, error == std::errc() ? std::string_view(text, static_cast<std::size_t>(end - text)) : "null");
    }
    Result& add(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
    Result& add(std::string_view key, int value) { return raw(key, std::to_string(value)); }
    Result& add(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }
    Result& add(std::string_view key, const char* value) { return raw(key, quoted(value)); }

    std::string json() const { return "{" + members_ + "}"; }
    void print(std::ostream& out = std::cout) const { out << "result: " << json() << std::endl; }

private:
    Result& raw(std::string_view key, std::string_view value) {
        if (!members_.empty()) members_ += ", ";
        members_.append(quoted(key)).append(": ").append(value);
        return *this;
    }
    static std::string quoted(std::string_view text) {
        static constexpr char digits[] = "0123456789abcdef";
        std::string s = "\"";
        for (char ch : text) {
            const auto code = static_cast<unsigned char>(ch);
            if (ch == '"' || ch == '\\')
                (s += '\\') += ch;
            else if (code < 0x20)
                ((s += "\\u00") += digits[code / 16]) += digits[code % 16];
            else
                s += ch;
        }
        return s + "\"";
    }

    std::string members_;
};

/// Wall time since its construction.
class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace examples

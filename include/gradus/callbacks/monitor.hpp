/// What callbacks that watch a log share: finding it, and which way it improves.
#pragma once
#include <gradus/models/callback.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <string_view>

GRADUS_BEGIN

/// Which way a monitored value improves. automatic: by the words of its name, between underscores: up for acc,
/// accuracy, auc, precision, recall, f1 and r2, unless one is loss, error, mse, mae or rmse; else down.
enum class Improves : std::uint8_t { automatic, down, up };
inline std::span<const std::string_view> enum_names(Improves) {
    static constexpr std::string_view names[] = {"automatic", "down", "up"};
    return names;
}

namespace detail {

inline bool improves_up(Improves mode, std::string_view monitor) {
    if (mode != Improves::automatic) return mode == Improves::up;
    bool up = false;
    while (!monitor.empty()) {
        const std::string_view word = monitor.substr(0, monitor.find('_'));
        monitor.remove_prefix(std::min(monitor.size(), word.size() + 1));
        for (const std::string_view s : {"loss", "error", "mse", "mae", "rmse"})
            if (word == s) return false;
        for (const std::string_view s : {"acc", "accuracy", "auc", "precision", "recall", "f1", "r2"}) up |= word == s;
    }
    return up;
}

/// Worse than any value.
inline double worst_value(bool up) {
    return up ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

/// The value of a log; throws ValueError where there is none of that name.
inline double monitored(std::span<const Log> logs, std::string_view name, std::string_view who,
                        const char* option = "monitor") {
    std::string known;
    for (const Log& l : logs) {
        if (l.name == name) return l.value;
        known += (known.empty() ? "" : ", ") + std::string(l.name);
    }
    throw_value_error(std::string(who) + ": " + option + " expects one of " + known + ", got \"" + std::string(name) +
                      "\"");
}

} // namespace detail
GRADUS_END

// What the C++ peers share: windows, peak memory and the line of JSON, as common.py has them.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

/// Seconds since the epoch, for first_step_at.
inline double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

inline double peak_rss_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
    return 0;
}

/// Samples per second of at least three windows that fill `seconds`, in rising order; step() trains on one batch,
/// wait() ends when all steps have.
template <class Step, class Wait>
std::vector<double> windows(double seconds, std::size_t batch, const Step& step, const Wait& wait) {
    std::vector<double> rates;
    const auto start = Clock::now();
    while (seconds_since(start) < seconds || rates.size() < 3) {
        const auto window = Clock::now();
        std::size_t steps = 0;
        do step(), ++steps;
        while (seconds_since(window) < seconds / 8);
        wait();
        rates.push_back(static_cast<double>(steps * batch) / seconds_since(window));
    }
    std::sort(rates.begin(), rates.end());
    return rates;
}

/// What the command line asks for: WORKLOAD [SECONDS].
struct Request {
    std::string workload;
    double seconds;
    Request(int argc, char** argv) : workload(argc > 1 ? argv[1] : ""), seconds(argc > 2 ? std::atof(argv[2]) : 6) {}
};

inline void report(const std::string& version, const char* workload, double first_step_at,
                   const std::vector<double>& rates) {
    std::printf("{\"version\": \"%s\", \"workload\": \"%s\", \"samples_per_second\": %.1f, \"best\": %.1f, "
                "\"first_step_at\": %.6f, \"peak_rss_mib\": %.1f}\n",
                version.c_str(), workload, rates[rates.size() / 2], rates.back(), first_step_at, peak_rss_mib());
}

/// `warm_up` steps, the end of the first one noted, then windows; prints the line of JSON.
template <class Step, class Wait> void measure(const std::string& version, const char* workload, std::size_t batch,
                                               double seconds, int warm_up, const Step& step, const Wait& wait) {
    step();
    wait();
    const double first_step_at = now();
    for (int i = 1; i < warm_up; ++i) step();
    wait();
    report(version, workload, first_step_at, windows(seconds, batch, step, wait));
}

/// The options that every example takes, and its outermost frame.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/trace.hpp>
#include <gradus/core/types.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

namespace examples {

/// Values to start from; each program sets its own.
struct CommonOptions {
    std::string data = {}; ///< folder with data; empty: the program's own
    gradus::Index epochs = 1;
    gradus::Index batch_size = 32;
    int threads = 0; ///< 0: as many as the machine has cores
    std::uint64_t seed = 0;
    std::string trace = {}; ///< file for a Trace of the whole program; empty: none
};

/// --data, --epochs, --batch-size, --threads, --seed, --trace and --help; a program adds its own through `app()`:
///
///     examples::Options options("What the program does", {.epochs = 5});
///     options.app().add_option("--architecture", architecture);
///     if (const auto code = options.parse(argc, argv)) return *code;
class Options : public CommonOptions {
public:
    explicit Options(const std::string& description, const CommonOptions& defaults = {})
        : CommonOptions(defaults), app_(description) {
        app_.option_defaults()->always_capture_default();
        app_.add_option("--data", data, "folder with data; without one the program uses its own")
            ->envname("GRADUS_DATA_DIR")
            ->always_capture_default(false);
        app_.add_option("--epochs", epochs, "passes over the training rows")
            ->check(CLI::Range(gradus::Index{1}, gradus::Index{1000000}));
        app_.add_option("--batch-size", batch_size, "rows per step")
            ->check(CLI::Range(gradus::Index{1}, gradus::Index{1000000}));
        app_.add_option("--threads", threads, "threads; 0: one per core")->check(CLI::Range(0, 1024));
        app_.add_option("--seed", seed, "seed of weights, shuffling and dropout")->check(CLI::NonNegativeNumber);
        app_.add_option("--trace", trace, "file for what ran when (for ui.perfetto.dev)")
            ->always_capture_default(false);
    }
    Options(const Options&) = delete;
    Options& operator=(const Options&) = delete;

    CLI::App& app() { return app_; }

    /// The exit code where the program should end here: after --help, or after a wrong option, which it names. From
    /// here on a trace records.
    std::optional<int> parse(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
            if (!trace.empty()) trace_.emplace(trace);
        } catch (const CLI::ParseError& e) { return app_.exit(e); } catch (const gradus::IoError& e) {
            std::fprintf(stderr, "error: %s\n", e.what());
            return 1;
        }
        return {};
    }

private:
    CLI::App app_;
    std::optional<gradus::Trace> trace_; ///< until the program ends
};

/// Runs a program's body; an exception becomes a line on stderr and exit code 1.
template <class F> int guarded(const F& body) {
    try {
        return body();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}

} // namespace examples

// What Gradus costs the compiler: time (median of three), memory, and the size of the stripped program, for the README's
// program and for a small classifier, beside the same classifier in dlib and in libtorch, where they are.
// Usage: measure_compile_time QUICKSTART SOURCES LIBRARY DLIB TORCH COMPILER FLAGS...
// SOURCES holds the classifiers; LIBRARY is gradus::compiled, DLIB says whether there is one, TORCH holds include/torch;
// "-" stands for none.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Command = std::vector<std::string>;

struct Cost {
    double seconds = 0, megabytes = 0;
};

Cost run(const Command& command) {
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = fork();
    if (child == 0) {
        std::vector<char*> arguments;
        for (const std::string& s : command) arguments.push_back(const_cast<char*>(s.c_str()));
        arguments.push_back(nullptr);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (status != 0) {
        std::string line;
        for (const std::string& s : command) line += s + ' ';
        std::fprintf(stderr, "failed: %s\n", line.c_str());
        std::exit(1);
    }
#if defined(__APPLE__)
    const double unit = 1e6;
#else
    const double unit = 1e3;
#endif
    return {elapsed.count(), double(usage.ru_maxrss) / unit};
}

Command operator+(Command a, const Command& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Cost measure(const char* label, const Command& command) {
    std::vector<double> seconds;
    Cost cost;
    for (int i = 0; i < 3; ++i) {
        const Cost c = run(command);
        seconds.push_back(c.seconds);
        cost.megabytes = std::max(cost.megabytes, c.megabytes);
    }
    std::sort(seconds.begin(), seconds.end());
    cost.seconds = seconds[1];
    std::printf("%-44s %8.2f s %8.0f MB\n", label, cost.seconds, cost.megabytes);
    std::fflush(stdout);
    return cost;
}

std::string source(const char* name, const char* text) {
    std::ofstream(name) << text;
    return name;
}

void size(const char* label, const std::string& program) {
    run({"strip", program});
    std::printf("%-44s %8.0f KB\n", label, double(std::filesystem::file_size(program)) / 1e3);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 7) {
        std::fprintf(stderr, "usage: measure_compile_time QUICKSTART SOURCES LIBRARY DLIB TORCH COMPILER FLAGS...\n");
        return 2;
    }
    const std::string quickstart = argv[1], sources = argv[2], library = argv[3], dlib = argv[4], torch = argv[5];
    Command compiler(argv + 6, argv + argc);
    std::erase(compiler, std::string());
    setenv("CCACHE_DISABLE", "1", 1);

    for (std::size_t i = 0; i < compiler.size(); ++i)
        std::printf("%s%s", compiler[i].c_str(), i + 1 < compiler.size() ? " " : "\n");
    const Command object = {"-c", "-o", "compile_time.o"};
    const std::string eigen = source("eigen.cpp", "#include <Eigen/Core>\n");
    const std::string umbrella = source("umbrella.cpp", "#include <gradus/gradus.hpp>\n");
    const std::string io = source("io.cpp", "#include <gradus/gradus.hpp>\n#include <gradus/io.hpp>\n");
    measure("#include <Eigen/Core>", compiler + object + Command{eigen});
    measure("#include <gradus/gradus.hpp>", compiler + object + Command{umbrella});
    measure("#include <gradus/gradus.hpp>, <gradus/io.hpp>", compiler + object + Command{io});
    measure("quickstart, headers alone", compiler + Command{"-c", "-o", "headers.o", quickstart});
    measure("quickstart, gradus::compiled",
            compiler + Command{"-DGRADUS_COMPILED=1", "-c", "-o", "compiled.o", quickstart});
    const Command classifier = object + Command{sources + "/gradus_mlp.cpp"};
    measure("classifier, headers alone", compiler + classifier);
    measure("classifier, gradus::compiled", compiler + Command{"-DGRADUS_COMPILED=1"} + classifier);
    if (dlib != "-") measure("classifier, dlib", compiler + object + Command{sources + "/dlib_mlp.cpp"});
    if (torch != "-")
        measure("classifier, libtorch",
                compiler + object +
                    Command{"-isystem", torch + "/include", "-isystem", torch + "/include/torch/csrc/api/include",
                            sources + "/torch_mlp.cpp"});
    run(compiler + Command{"headers.o", "-lz", "-o", "headers"});
    size("quickstart stripped, headers alone", "headers");
    if (library == "-") return 0;
    run(compiler + Command{"compiled.o", library, "-lz", "-o", "compiled"});
    size("quickstart stripped, gradus::compiled", "compiled");
}

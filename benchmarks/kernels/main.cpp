/// Runs the kernel benchmarks. GRADUS_ISA chooses the instruction set, GRADUS_BENCH_THREADS the threads (1).
#include "kernel_bench.hpp"
#include "openblas_core.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    // OpenBLAS reads these when it is loaded, before main: with them it may run as another core than the machine's.
    if (!std::getenv("GRADUS_OPENBLAS_CORE") && (std::getenv("OPENBLAS_CORETYPE") || std::getenv("OPENBLAS_L2_SIZE"))) {
        unsetenv("OPENBLAS_CORETYPE");
        unsetenv("OPENBLAS_L2_SIZE");
        execv("/proc/self/exe", argv);
    }
    if (void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL))
        if (const auto core = reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_corename")))
            prefer_openblas_core(core(), argv);
    const char* threads = std::getenv("GRADUS_BENCH_THREADS");
    gradus::set_threads(threads && std::atoi(threads) > 0 ? std::atoi(threads) : 1);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    try {
        gradus::kernels::isa();
    } catch (const gradus::Error& e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
    std::printf("set %s, threads %d, micro-kernel peak on one thread: float %.0f, double %.0f GFLOP/s\n",
                gradus::kernels::name_of(gradus::kernels::isa()), gradus::threads(), bench::peak_gflops<float>(),
                bench::peak_gflops<double>());
    std::fflush(stdout);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

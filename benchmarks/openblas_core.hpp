// OpenBLAS at its best on processors that it does not know.
#pragma once
#include <cstdlib>
#include <cstring>

#include <unistd.h>

/// OpenBLAS runs a processor that is newer than itself as a "Prescott", with SSE alone, at a quarter of its speed. Then
/// the program starts again with the core that fits; OpenBLAS reads the name when it is loaded, before main.
inline void prefer_openblas_core(const char* chosen, char** argv) {
    if (std::strcmp(chosen, "Prescott") != 0 || !__builtin_cpu_supports("avx2") || std::getenv("GRADUS_OPENBLAS_CORE"))
        return;
    setenv("GRADUS_OPENBLAS_CORE", "1", 1);
    setenv("OPENBLAS_CORETYPE", __builtin_cpu_supports("avx512vl") ? "SkylakeX" : "Haswell", 1);
    execv("/proc/self/exe", argv);
}

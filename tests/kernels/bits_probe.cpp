/// Prints one hash of the results of many matrix products and element-wise kernels, for each set with a fused
/// multiply-add, and of the baseline: builds with different compilers and options must print the same lines. No test
/// framework: it is compiled often.
#include <gradus/kernels/bfloat16.hpp>
#include <gradus/kernels/elementwise.hpp>
#include <gradus/kernels/matmul.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;

namespace {

struct Hash {
    std::uint64_t value = 14695981039346656037ull;
    template <class T> void add(const std::vector<T>& x) {
        for (const T& v : x) {
            unsigned char bytes[sizeof(T)];
            std::memcpy(bytes, &v, sizeof(T));
            for (unsigned char b : bytes) value = (value ^ b) * 1099511628211ull;
        }
    }
};

template <class T> std::vector<T> numbers(Index n, std::uint32_t seed) {
    std::vector<T> x(static_cast<std::size_t>(n));
    std::uint32_t s = seed * 2654435761u + 77u;
    for (T& v : x) {
        s = s * 1664525u + 1013904223u;
        v = T(static_cast<std::int32_t>(s >> 8) - (1 << 23)) / T(1 << 22);
    }
    return x;
}

template <class T> void hash_products(Hash& hash, ProductPrecision precision = {}) {
    const Index sizes[] = {1, 2, 5, 12, 13, 17, 32, 33, 50, 70, 129, 300};
    std::uint32_t seed = 1;
    for (Index m : sizes)
        for (Index n : sizes) {
            const Index k = sizes[seed % 12] + Index(seed % 3), ldc = n + Index(seed % 2);
            const Transpose ta = Transpose(seed / 2 % 2 == 1), tb = Transpose(seed / 4 % 2 == 1);
            const auto a = numbers<T>(m * k, seed), b = numbers<T>(k * n, seed + 1), bias = numbers<T>(n, seed + 2);
            auto c = numbers<T>(m * ldc, seed + 3);
            std::vector<T> workspace(static_cast<std::size_t>(matmul_workspace<T>(m, n, k, ta, tb)));
            matmul(c.data(), ldc, a.data(), ta == Transpose::yes ? m : k, ta, b.data(), tb == Transpose::yes ? k : n,
                   tb, m, n, k, seed % 3 == 0,
                   Epilogue<T>{seed % 5 ? bias.data() : nullptr, seed % 2 ? activation::relu : activation::linear},
                   workspace.data(), precision);
            hash.add(c);
            std::vector<T> sums(static_cast<std::size_t>(ldc));
            column_sums(sums.data(), c.data(), m, ldc, false);
            hash.add(sums);
            ++seed;
        }
    const auto x = numbers<T>(1003, 5), y = numbers<T>(1003, 6);
    auto z = x;
    add(z.data(), x.data(), y.data(), 1003);
    multiply(z.data(), z.data(), y.data(), 1003);
    axpy(z.data(), T(0.3), x.data(), 1003);
    scale(z.data(), z.data(), T(1.7), 1003);
    hash.add(z);
}

} // namespace

int main() {
    for (Isa set : all_isas) {
        if (!available(set)) continue;
        IsaScope scope(set);
        Hash f, d;
        hash_products<float>(f);
        hash_products<float>(f, bfloat16);
        hash_products<double>(d);
        std::printf("%s float %016llx double %016llx\n", set >= Isa::avx2 ? "fma" : name_of(set),
                    static_cast<unsigned long long>(f.value), static_cast<unsigned long long>(d.value));
    }
    return 0;
}

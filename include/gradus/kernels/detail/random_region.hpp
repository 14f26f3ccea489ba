/// Philox 4x32-10 on several counters at once; the words of core/random.hpp's Random.
#ifdef GRADUS_REGION

typedef std::uint64_t WideWords __attribute__((vector_size(GRADUS_REGION_BYTES)));

/// Counters in a vector, and words that one call of random_words gives.
inline constexpr Index random_blocks = GRADUS_REGION_BYTES / 8;
inline constexpr Index random_group = 4 * random_blocks;

/// The products of the low halves.
GRADUS_REGION_INLINE WideWords multiply_low_halves(WideWords a, WideWords b) {
#if defined(__clang__)
    return (a & 0xffffffff) * (b & 0xffffffff);
#else
    typedef int Ints __attribute__((vector_size(GRADUS_REGION_BYTES)));
#if GRADUS_REGION_BYTES == 64
    typedef long long Result __attribute__((vector_size(64)));
    return (WideWords)__builtin_ia32_pmuludq512_mask((Ints)a, (Ints)b, Result{}, (unsigned char)-1);
#elif GRADUS_REGION_BYTES == 32
    return (WideWords)__builtin_ia32_pmuludq256((Ints)a, (Ints)b);
#else
    return (WideWords)__builtin_ia32_pmuludq128((Ints)a, (Ints)b);
#endif
#endif
}

/// What a row's counters have in common.
struct RandomRow {
    std::uint32_t key0, key1, row, update, micro;
};

/// Words of elements first .. first + random_group - 1, first a multiple of random_group: element 4b + i is word i of
/// block b. Only the low half of each lane counts until the end.
GRADUS_REGION_INLINE void random_words(std::uint32_t* out, const RandomRow& s, Index first) {
    const std::uint64_t block = std::uint64_t(first) / 4;
    WideWords c0{};
    for (int i = 0; i < int(random_blocks); ++i) c0[i] = block + std::uint64_t(i);
    WideWords c1 = WideWords{} + s.row, c2 = WideWords{} + s.update,
              c3 = WideWords{} + (s.micro ^ std::uint32_t(block >> 32 << 16));
    std::uint32_t k0 = s.key0, k1 = s.key1;
    for (int round = 0; round < 10; ++round) {
        const WideWords p0 = multiply_low_halves(c0, WideWords{} + 0xD2511F53u);
        const WideWords p1 = multiply_low_halves(c2, WideWords{} + 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    typedef std::uint64_t Loose __attribute__((vector_size(GRADUS_REGION_BYTES), aligned(4), may_alias));
    const WideWords a = (c0 & 0xffffffff) | (c1 << 32), b = (c2 & 0xffffffff) | (c3 << 32);
#if GRADUS_REGION_BYTES == 64
    *(Loose*)out = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    *(Loose*)(out + 16) = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#elif GRADUS_REGION_BYTES == 32
    *(Loose*)out = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    *(Loose*)(out + 8) = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#else
    *(Loose*)out = __builtin_shufflevector(a, b, 0, 2);
    *(Loose*)(out + 4) = __builtin_shufflevector(a, b, 1, 3);
#endif
}

#endif

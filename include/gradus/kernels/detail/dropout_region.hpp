/// Dropout masks.
#ifdef GRADUS_REGION

/// Rows first .. last - 1 of the mask [rows, cols]: `keep` where a word is at least `threshold`, zero elsewhere.
template <class T> void dropout_mask(T* mask, std::uint64_t key, std::uint32_t update, std::uint32_t micro,
                                     std::uint32_t first_row, std::uint64_t threshold, T keep, Index rows, Index cols) {
    std::uint32_t words[random_group];
    for (Index r = 0; r < rows; ++r, mask += cols) {
        const RandomRow row{std::uint32_t(key), std::uint32_t(key >> 32), first_row + std::uint32_t(r), update, micro};
        Index i = 0;
        for (; i + random_group <= cols; i += random_group) {
            random_words(words, row, i);
            for (Index k = 0; k < random_group; ++k) mask[i + k] = words[k] >= threshold ? keep : T(0);
        }
        if (i < cols) {
            random_words(words, row, i);
            for (Index k = 0; i + k < cols; ++k) mask[i + k] = words[k] >= threshold ? keep : T(0);
        }
    }
}

template <class T> inline constexpr DropoutTable<T> dropout_table = {&dropout_mask<T>};

#endif

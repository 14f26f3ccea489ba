/// Transposition of a matrix, in square tiles of whole vectors.
#ifdef GRADUS_REGION

/// Elements k of a, whose bit s is set, change places with elements k - s of b.
template <class T, int s, int... k>
GRADUS_REGION_INLINE void exchange(Vector<T>& a, Vector<T>& b, std::integer_sequence<int, k...>) {
    const Vector<T> first = __builtin_shufflevector(a, b, (k & s ? int(width<T>) + (k ^ s) : k)...);
    b = __builtin_shufflevector(a, b, (k & s ? int(width<T>) + k : k ^ s)...);
    a = first;
}
/// Bit after bit of row and column numbers change places.
template <class T, int s, int... i>
GRADUS_REGION_INLINE void transpose_tile(Vector<T>* v, std::integer_sequence<int, i...> all) {
    ((i & s ? void() : exchange<T, s>(v[i], v[i | s], all)), ...);
    if constexpr (2 * s < int(width<T>)) transpose_tile<T, 2 * s>(v, all);
}
template <class T, int... i>
GRADUS_REGION_INLINE void whole_tile(T* y, Index ldy, const T* x, Index ldx, std::integer_sequence<int, i...> all) {
    Vector<T> v[width<T>] = {load<T>(x + i * ldx)...};
    transpose_tile<T, 1>(v, all);
    (store<T>(y + i * ldy, v[i]), ...);
}
template <class T, int... i> GRADUS_REGION_INLINE void part_tile(T* y, Index ldy, const T* x, Index ldx, Index rows,
                                                                 Index cols, std::integer_sequence<int, i...> all) {
    Vector<T> v[width<T>] = {(i < cols ? load_part<T>(x + i * ldx, rows) : Vector<T>{})...};
    transpose_tile<T, 1>(v, all);
    ((i < rows ? store_part<T>(y + i * ldy, v[i], cols) : void()), ...);
}

/// y[r, c] = x[c, r] for y [rows, cols], both with leading dimensions.
template <class T> void transpose(T* y, Index ldy, const T* x, Index ldx, Index rows, Index cols) {
    constexpr Index w = width<T>;
    constexpr std::make_integer_sequence<int, int(w)> all;
    for (Index r = 0; r < rows; r += w)
        for (Index c = 0; c < cols; c += w) {
            T* const to = y + r * ldy + c;
            const T* const from = x + c * ldx + r;
            if (r + w <= rows && c + w <= cols)
                whole_tile<T>(to, ldy, from, ldx, all);
            else
                part_tile<T>(to, ldy, from, ldx, rows - r < w ? rows - r : w, cols - c < w ? cols - c : w, all);
        }
}
template <class T> void copy_run(T* y, const T* x, Index n) { copy_elements<T>(y, x, n); }

template <class T> inline constexpr PermuteTable<T> permute_table = {&transpose<T>, &copy_run<T>};

#endif

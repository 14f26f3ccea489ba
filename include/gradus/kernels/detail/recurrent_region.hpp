/// What recurrent kernels share: products of a few rows with packed panels, copies of padded rows, rows under a mask.
///
/// Units and gates are laid out in groups of `group<T>` lanes (16 float, 8 double) on every set, the last one filled up
/// with zeros; a panel is 4 groups wide: the four gates of a group of an LSTM, or any 4 groups of columns. Three groups
/// alone would be slow: on AVX-512 a tile of 4 vectors does not fit them, and they go one vector at a time.
#ifdef GRADUS_REGION

template <class T> inline constexpr Index group = 64 / Index(sizeof(T));
template <class T> inline constexpr Index panel_columns = 4 * group<T>;
inline constexpr int tile_rows = 6;
/// Vectors of a tile: 24 of 32 registers hold sums, or 12 of 16.
inline constexpr int tile_vectors = GRADUS_REGION_BYTES == 64 ? 4 : 2;

template <class T> GRADUS_REGION_INLINE Index padded(Index n) { return (n + group<T> - 1) / group<T> * group<T>; }

/// The row x [n], or zeros where x is null, filled up with zeros to `wide`, a multiple of a group.
template <class T> GRADUS_REGION_INLINE void copy_padded(T* y, const T* x, Index n, Index wide) {
    if (!x) n = 0;
    Index i = 0;
    for (; i + width<T> <= n; i += width<T>) store<T>(y + i, load<T>(x + i));
    if (i < n) {
        store<T>(y + i, load_part<T>(x + i, n - i));
        i += width<T>;
    }
    for (; i < wide; i += width<T>) store<T>(y + i, Vector<T>{});
}

/// to [R, N vectors] = from + sum over p of a(i, p) b[p], one chain of fma for each output. Rows of b are a panel
/// apart. ByRow: a(i, p) is a[i][p] for `inner` elements, then the row's pointer moves on by `step`, `outer` times in
/// all. Otherwise a(i, p) is a[p][step + i], p < inner. ld 0 gives every row of the tile the same `from`.
template <class T, int R, int N, bool ByRow, class Step> void product_tile(Index outer, Index inner, const T* const* a,
                                                                           Index step, const T* b, const T* from,
                                                                           Index ldfrom, T* to, Index ldto) {
    Vector<T> sum[R][N];
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) sum[i][j] = load<T>(from + i * ldfrom + j * width<T>);
    const T *a0 = a[0], *a1 = a[0], *a2 = a[0], *a3 = a[0], *a4 = a[0], *a5 = a[0];
    if constexpr (ByRow) {
        if constexpr (R > 1) a1 = a[1];
        if constexpr (R > 2) a2 = a[2];
        if constexpr (R > 3) a3 = a[3];
        if constexpr (R > 4) a4 = a[4];
        if constexpr (R > 5) a5 = a[5];
    }
    for (; outer > 0; --outer) {
        for (Index p = 0; p < inner; ++p, b += panel_columns<T>) {
            if constexpr (!ByRow) a0 = a[p] + step;
            Vector<T> bv[N];
#pragma GCC unroll 4
            for (int j = 0; j < N; ++j) bv[j] = load<T>(b + j * width<T>);
#pragma GCC unroll 6
            for (int i = 0; i < R; ++i) {
                Vector<T> av;
                if constexpr (ByRow)
                    av = Step::spread((i == 0 ? a0 : i == 1 ? a1 : i == 2 ? a2 : i == 3 ? a3 : i == 4 ? a4 : a5) + p);
                else
                    av = Step::spread(a0 + i);
#pragma GCC unroll 4
                for (int j = 0; j < N; ++j) Step::add(sum[i][j], av, bv[j]);
            }
        }
        if constexpr (ByRow) {
            a0 += inner + step, a1 += inner + step, a2 += inner + step;
            a3 += inner + step, a4 += inner + step, a5 += inner + step;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) store<T>(to + i * ldto + j * width<T>, sum[i][j]);
}

template <class T> using ProductTile = void (*)(Index outer, Index inner, const T* const* a, Index step, const T* b,
                                                const T* from, Index ldfrom, T* to, Index ldto);
template <class T> struct ProductTiles {
    ProductTile<T> of[tile_rows];
};
template <class T, int N, bool ByRow, class Step> inline constexpr ProductTiles<T> product_tiles = {
    {&product_tile<T, 1, N, ByRow, Step>, &product_tile<T, 2, N, ByRow, Step>, &product_tile<T, 3, N, ByRow, Step>,
     &product_tile<T, 4, N, ByRow, Step>, &product_tile<T, 5, N, ByRow, Step>, &product_tile<T, 6, N, ByRow, Step>}};

/// One tile over the first `cols` columns of a panel; whole vectors are read and written.
template <class T, bool ByRow, class Step>
GRADUS_REGION_INLINE void product_columns(Index rows, Index cols, Index outer, Index inner, const T* const* a,
                                          Index step, const T* b, const T* from, Index ldfrom, T* to, Index ldto) {
    constexpr Index wide = tile_vectors * width<T>;
    const ProductTile<T> tile = product_tiles<T, tile_vectors, ByRow, Step>.of[rows - 1];
    Index j = 0;
    for (; j + wide - width<T> < cols; j += wide) tile(outer, inner, a, step, b + j, from + j, ldfrom, to + j, ldto);
    for (; j < cols; j += width<T>)
        product_tiles<T, 1, ByRow, Step>.of[rows - 1](outer, inner, a, step, b + j, from + j, ldfrom, to + j, ldto);
}

/// to [rows, cols] = from + a b for rows given by pointers, in tiles of nearly equal height.
template <class T, class Step = FmaStep<T>>
GRADUS_REGION_INLINE void product_rows(Index rows, Index cols, Index outer, Index inner, const T* const* a, Index step,
                                       const T* b, const T* from, Index ldfrom, T* to, Index ldto) {
    const Index tiles = (rows + tile_rows - 1) / tile_rows;
    for (Index t = 0, row = 0; t < tiles; ++t) {
        const Index now = (rows - row + tiles - t - 1) / (tiles - t);
        product_columns<T, true, Step>(now, cols, outer, inner, a + row, step, b, from + row * ldfrom, ldfrom,
                                       to + row * ldto, ldto);
        row += now;
    }
}

/// to [m, panel] = from + a^T b: a are `count` rows of which elements [first, first + m) are used, b [count, panel].
template <class T, class Step = FmaStep<T>>
GRADUS_REGION_INLINE void product_transposed(Index m, Index count, const T* const* a, Index first, const T* b,
                                             const T* from, Index ldfrom, T* to) {
    const Index tiles = (m + tile_rows - 1) / tile_rows;
    for (Index t = 0, row = 0; t < tiles; ++t) {
        const Index now = (m - row + tiles - t - 1) / (tiles - t);
        product_columns<T, false, Step>(now, panel_columns<T>, 1, count, a, first + row, b, from + row * ldfrom, ldfrom,
                                        to + row * panel_columns<T>, panel_columns<T>);
        row += now;
    }
}

/// product_rows in either format.
template <class T> GRADUS_REGION_INLINE void recurrent_rows(const RecurrentFormat<T>* format, Index rows, Index cols,
                                                            Index outer, Index inner, const T* const* a, Index step,
                                                            const T* b, const T* from, Index ldfrom, T* to) {
    if (format)
        format->rows(rows, cols, outer, inner, a, step, b, from, ldfrom, to, panel_columns<T>);
    else
        product_rows<T>(rows, cols, outer, inner, a, step, b, from, ldfrom, to, panel_columns<T>);
}

/// Indices of the rows that are not masked at time t.
GRADUS_REGION_INLINE Index active_rows(int* active, const unsigned char* mask, Index time, Index t, Index rows) {
    Index n = 0;
    for (Index r = 0; r < rows; ++r) {
        active[n] = int(r);
        n += !mask || mask[r * time + t];
    }
    return n;
}

#endif

/// The serial matrix product: a register tile of up to 12 x 2 vectors (6 x 2 with 16 registers), on B as it lies or
/// packed.
///
/// Each output is one chain of fma over k in rising order, started from 0 or from C, whatever the tiles, blocks and
/// sets. For other regions (include detail/gemm.hpp in the public header): `gemm_block(c, ldc, a, lda, ta, b, ldb, m,
/// n, k, ends)` with b a row-major [k, n] (ldb >= n), or `gemm_packed` (ldb == 0), what gemm_pack made of B or its
/// transpose. Neither needs workspace.
#ifdef GRADUS_REGION

template <class T> inline constexpr int gemm_rows = GRADUS_REGION_BYTES == 64 ? 12 : 6;
inline constexpr Index gemm_packed = 0;

/// Where element (I, 0) of op(A) is.
template <class T, int I>
GRADUS_REGION_INLINE const T* gemm_left(const T* a0, const T* a1, const T* a2, Index one, Index three) {
    const T* base = I < 4 ? a0 : I < 8 ? a1 : a2;
    return I % 4 == 0 ? base : I % 4 == 1 ? base + one : I % 4 == 2 ? base + 2 * one : base + three;
}

template <class T, int N, class Step>
GRADUS_REGION_INLINE void gemm_row(Vector<T> (&acc)[N], Vector<T> av, const Vector<T> (&bv)[N]) {
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) Step::add(acc[j], av, bv[j]);
}

/// acc += one column of A times one row of B. A pack, not a loop over I: offsets are constants whatever the optimiser
/// does.
template <class T, int N, class Step, int... I>
GRADUS_REGION_INLINE void gemm_step(Vector<T> (*acc)[N], const T* a0, const T* a1, const T* a2, Index one, Index three,
                                    const Vector<T> (&bv)[N], std::integer_sequence<int, I...>) {
    (gemm_row<T, N, Step>(acc[I], Step::spread(gemm_left<T, I>(a0, a1, a2, one, three)), bv), ...);
}

/// c [R, cols] from op(a) [R, k] and b [k, cols], cols being N vectors or, with Part, fewer in the last of them.
/// Element (i, p) of op(A) is a[i * row + p * step].
template <class T, int R, int N, bool Part, class Step> void gemm_tile(Index k, const T* a, Index row, Index step,
                                                                       const T* b, Index ldb, T* c, Index ldc,
                                                                       Index cols, const GemmEnds<T>& ends) {
    const Index rest = cols - (N - 1) * width<T>;
    Vector<T> acc[R][N];
    if (ends.accumulate) {
        const T* from = c;
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i, from += ldc)
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j)
                acc[i][j] = Part && j == N - 1 ? load_part<T>(from + j * width<T>, rest) : load<T>(from + j * width<T>);
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) acc[i][j] = Vector<T>{};
    }
    // The opaque pointers keep the compiler from one pointer per row, which would not fit the registers.
    const T *a0 = a, *a1 = R > 4 ? a + 4 * row : a, *a2 = R > 8 ? a + 8 * row : a;
    Index one = row, three = 3 * row;
    __asm__("" : "+r"(one), "+r"(three));
    for (; k > 0; --k) {
        Vector<T> bv[N];
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j)
            bv[j] = Part && j == N - 1 ? load_part<T>(b + j * width<T>, rest) : load<T>(b + j * width<T>);
        gemm_step<T, N, Step>(acc, a0, a1, a2, one, three, bv, std::make_integer_sequence<int, R>{});
        b += ldb;
        a0 += step;
        if constexpr (R > 4) a1 += step;
        if constexpr (R > 8) a2 += step;
        __asm__("" : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(b));
    }
    if (ends.bias) {
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) {
            const T* from = ends.bias + j * width<T>;
            const Vector<T> bias = Part && j == N - 1 ? load_part<T>(from, rest) : load<T>(from);
#pragma GCC unroll 16
            for (int i = 0; i < R; ++i) acc[i][j] += bias;
        }
    }
    if (ends.relu) {
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) acc[i][j] = acc[i][j] < Vector<T>{} ? Vector<T>{} : acc[i][j];
    }
    if (ends.gate) {
        const T* from = ends.gate;
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i, from += ends.ldgate)
#pragma GCC unroll 8
            for (int j = 0; j < N; ++j) {
                const T* at = from + j * width<T>;
                const Vector<T> gate = Part && j == N - 1 ? load_part<T>(at, rest) : load<T>(at);
                acc[i][j] = gate <= Vector<T>{} ? Vector<T>{} : acc[i][j];
            }
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i, c += ldc)
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) {
            if (Part && j == N - 1)
                store_part<T>(c + j * width<T>, acc[i][j], rest);
            else
                store<T>(c + j * width<T>, acc[i][j]);
        }
}

template <class T> using GemmTile = void (*)(Index k, const T* a, Index row, Index step, const T* b, Index ldb, T* c,
                                             Index ldc, Index cols, const GemmEnds<T>& ends);

/// The tiles of one kind, by their number of rows less one.
template <class T> struct GemmTiles {
    GemmTile<T> of[12];
};
template <class T, int N, bool Part, class Step, int... R> constexpr GemmTiles<T> make_gemm_tiles() {
    return {{&gemm_tile<T, R, N, Part, Step>...}};
}
template <class T, int N, bool Part, class Step> inline constexpr GemmTiles<T> gemm_tiles =
#if GRADUS_REGION_BYTES == 64
    make_gemm_tiles<T, N, Part, Step, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>();
#else
    make_gemm_tiles<T, N, Part, Step, 1, 2, 3, 4, 5, 6>();
#endif

/// One tile for each number of columns.
template <class T, class Step = FmaStep<T>> GRADUS_REGION_INLINE GemmTile<T> gemm_tile_for(Index rows, Index cols) {
    if (cols == 2 * width<T>) return gemm_tiles<T, 2, false, Step>.of[rows - 1];
    return cols > width<T> ? gemm_tiles<T, 2, true, Step>.of[rows - 1] : gemm_tiles<T, 1, true, Step>.of[rows - 1];
}

/// Columns of a tile, and of a strip of B that lies packed as [k][gemm_strip].
template <class T> inline constexpr Index gemm_strip = 2 * width<T>;

/// A tile: where its rows begin in op(A), whose element (i, p) is a[i * row + p * step], and in C.
template <class T> struct GemmRows {
    const T* a;
    Index row, step, first, count;
};
/// Tiles that go past a strip in turn while it is in the first cache. The wide tile needs one only: the second cache
/// feeds it.
inline constexpr int gemm_chunk = GRADUS_REGION_BYTES == 64 ? 1 : 8;

/// A B that is read as it lies stays in the second cache at best. The wide tile lives with that; the narrow one would
/// read it twice as often.
#if GRADUS_REGION_BYTES == 64
inline constexpr GemmBlocking gemm_blocking = {96, 1 << 19, 12, 12, 256, 64, 1024};
#else
inline constexpr GemmBlocking gemm_blocking = {48, 1 << 15, 48, 24, 128, 32, 256};
#endif

/// Asks for the C that the next tile starts from; the wide tile is long enough to wait for it.
template <class T> GRADUS_REGION_INLINE void gemm_fetch(const T* c, Index ldc, Index rows) {
#if GRADUS_REGION_BYTES != 64
    for (Index i = 0; i < rows; ++i) __builtin_prefetch(c + i * ldc);
#else
    (void)c, (void)ldc, (void)rows;
#endif
}

/// Makes `part` the ends of the part of C that begins at (i, j). For each tile, so it writes only what differs.
template <class T> GRADUS_REGION_INLINE void gemm_place(GemmEnds<T>& part, const GemmEnds<T>& whole, Index i, Index j) {
    if (whole.bias) part.bias = whole.bias + j;
    if (whole.gate) part.gate = whole.gate + i * whole.ldgate + j;
}

/// Some tiles, at most gemm_chunk, against all columns. Rows of b, or of a strip of it, are ldb apart, strips `next`.
template <class T, class Step> GRADUS_REGION_INLINE void gemm_across(T* c, Index ldc, const GemmRows<T>* tiles,
                                                                     int count, const T* b, Index ldb, Index next,
                                                                     Index n, Index k, const GemmEnds<T>& ends) {
    constexpr Index strip = gemm_strip<T>;
    GemmEnds<T> own = ends;
    for (Index j = 0; j < n; j += strip, b += next) {
        const Index cols = n - j < strip ? n - j : strip;
        for (int t = 0; t < count; ++t) {
            const GemmRows<T>& rows = tiles[t];
            const GemmTile<T> tile = gemm_tile_for<T, Step>(rows.count, cols);
            T* const to = c + rows.first * ldc + j;
            if (ends.accumulate && t + 1 < count) gemm_fetch(to + rows.count * ldc, ldc, tiles[t + 1].count);
            gemm_place<T>(own, ends, rows.first, j);
            tile(k, rows.a, rows.row, rows.step, b, ldb, to, ldc, cols, own);
        }
    }
}

/// Interleaves the halves of two vectors: a0 b0 a1 b1 ... of the lower and the upper halves.
template <class T, int... I> struct Zip {
    static GRADUS_REGION_INLINE Vector<T> low(Vector<T> a, Vector<T> b) {
        return __builtin_shufflevector(a, b, (I / 2 + (I % 2) * int(width<T>))...);
    }
    static GRADUS_REGION_INLINE Vector<T> high(Vector<T> a, Vector<T> b) {
        return __builtin_shufflevector(a, b, (I / 2 + int(width<T>) / 2 + (I % 2) * int(width<T>))...);
    }
};
template <class T, int W> struct ZipOf;
template <class T> struct ZipOf<T, 2> : Zip<T, 0, 1> {};
template <class T> struct ZipOf<T, 4> : Zip<T, 0, 1, 2, 3> {};
template <class T> struct ZipOf<T, 8> : Zip<T, 0, 1, 2, 3, 4, 5, 6, 7> {};
template <class T> struct ZipOf<T, 16> : Zip<T, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15> {};

/// Transposes a square of elements in registers.
template <class T> GRADUS_REGION_INLINE void transpose_vectors(Vector<T> (&v)[width<T>]) {
    constexpr int W = int(width<T>);
    Vector<T> z[W];
#pragma GCC unroll 4
    for (int s = 1; s < W; s *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < W / 2; ++i) {
            z[2 * i] = ZipOf<T, W>::low(v[i], v[i + W / 2]);
            z[2 * i + 1] = ZipOf<T, W>::high(v[i], v[i + W / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < W; ++i) v[i] = z[i];
    }
}
/// to[p * ldto + j] = from[j * ldfrom + p] for p < width and j < rows <= width; writes whole vectors, zero from `rows`
/// on, in rising order.
template <class T>
GRADUS_REGION_INLINE void transpose_square(T* to, Index ldto, const T* from, Index ldfrom, int rows) {
    constexpr int W = int(width<T>);
    Vector<T> v[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) v[i] = i < rows ? load<T>(from + i * ldfrom) : Vector<T>{};
    transpose_vectors<T>(v);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) store<T>(to + i * ldto, v[i]);
}
/// The same for p < cols < width.
template <class T> void transpose_part(T* to, Index ldto, const T* from, Index ldfrom, Index rows, Index cols) {
    constexpr int W = int(width<T>);
    Vector<T> v[W];
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) v[i] = i < rows ? load_part<T>(from + i * ldfrom, cols) : Vector<T>{};
    transpose_vectors<T>(v);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i)
        if (i < cols) store<T>(to + i * ldto, v[i]);
}

/// A tile's rows of op(a) as [k][rows], for tiles that many strips use. `to` holds k * rows + width elements.
template <class T> void pack_rows(T* to, const T* a, Index row, Index step, int rows, Index k) {
    constexpr Index w = width<T>;
    Index p = 0;
    if (rows <= w) {
        if (step == 1) {
            for (; p + w <= k; p += w) transpose_square<T>(to + p * rows, rows, a + p, row, rows);
            if (p < k) transpose_part<T>(to + p * rows, rows, a + p, row, rows, k - p);
            return;
        }
        for (; p < k; ++p) store<T>(to + p * rows, load_part<T>(a + p * step, rows));
    }
    for (; p < k; ++p)
        for (Index i = 0; i < rows; ++i) to[p * rows + i] = a[i * row + p * step];
}

/// One or two rows: wide tiles that hide the latency of fma. Returns the columns done.
template <class T, int R> Index gemm_thin(T* c, Index ldc, const T* a, Index row, Index step, const T* b, Index ldb,
                                          Index n, Index k, const GemmEnds<T>& ends) {
    constexpr Index cols = 8 * width<T>;
    Index j = 0;
    for (; j + cols <= n; j += cols)
        gemm_tile<T, R, 8, false, FmaStep<T>>(k, a, row, step, b + j, ldb, c + j, ldc, cols, ends.at(0, j));
    return j;
}

/// The most rows of a tile. Where the first cache holds B, short tiles are faster: one begins while another ends.
template <class T> GRADUS_REGION_INLINE Index gemm_most_rows(Index n, Index k) {
    return n >= gemm_strip<T> && k * n * Index(sizeof(T)) <= 16384 ? 6 : gemm_rows<T>;
}

/// All rows in chunks of tiles; `buffer` for gemm_chunk tiles of A, or null where they are read as they lie.
template <class T> GRADUS_REGION_INLINE void gemm_chunks(T* c, Index ldc, const T* a, Index row, Index step, const T* b,
                                                         Index ldb, Index m, Index n, Index k, const GemmEnds<T>& ends,
                                                         T* buffer) {
    constexpr Index strip = gemm_strip<T>;
    const Index stride = ldb == gemm_packed ? strip : ldb, next = ldb == gemm_packed ? k * strip : strip;
    const Index most = gemm_most_rows<T>(n, k), tiles = (m + most - 1) / most;
    GemmRows<T> chunk[gemm_chunk];
    T* packed = buffer;
    int count = 0;
    for (Index t = 0, first = 0; t < tiles; ++t) {
        const Index rows = (m - first + tiles - t - 1) / (tiles - t);
        GemmRows<T>& tile = chunk[count++] = {a + first * row, row, step, first, rows};
        if (buffer) {
            pack_rows<T>(packed, tile.a, row, step, int(rows), k);
            tile.a = packed;
            tile.row = 1;
            tile.step = rows;
            packed += rows * k;
        }
        first += rows;
        if (count < gemm_chunk && t + 1 < tiles) continue;
        gemm_across<T, FmaStep<T>>(c, ldc, chunk, count, b, stride, next, n, k, ends);
        count = 0;
        packed = buffer;
    }
}
/// The same on packed tiles; apart, so that only products that pack take the stack for it.
template <class T> GRADUS_NOINLINE void gemm_packed_chunks(T* c, Index ldc, const T* a, Index row, Index step,
                                                           const T* b, Index ldb, Index m, Index n, Index k,
                                                           const GemmEnds<T>& ends) {
    T buffer[gemm_chunk * gemm_rows<T> * gemm_depth<T> + width<T>];
    gemm_chunks<T>(c, ldc, a, row, step, b, ldb, m, n, k, ends, buffer);
}

/// One pass over k. Element (i, p) of op(A) is a[i * row + p * step].
template <class T> void gemm_pass(T* c, Index ldc, const T* a, Index row, Index step, const T* b, Index ldb, Index m,
                                  Index n, Index k, const GemmEnds<T>& ends) {
    if (m <= 2 && ldb != gemm_packed && n >= 8 * width<T>) {
        const Index done = m == 1 ? gemm_thin<T, 1>(c, ldc, a, row, step, b, ldb, n, k, ends)
                                  : gemm_thin<T, 2>(c, ldc, a, row, step, b, ldb, n, k, ends);
        if (done == n) return;
        gemm_pass<T>(c + done, ldc, a, row, step, b + done, ldb, m, n - done, k, ends.at(0, done));
    } else if (gemm_packs_rows<T>(gemm_blocking, row, step, n, k)) {
        gemm_packed_chunks<T>(c, ldc, a, row, step, b, ldb, m, n, k, ends);
    } else {
        gemm_chunks<T>(c, ldc, a, row, step, b, ldb, m, n, k, ends, nullptr);
    }
}

/// The same product with the sides exchanged, for a few columns and a transposed A, whose rows then fill the vectors.
template <class T> void gemm_narrow(T* c, Index ldc, const T* a, Index lda, const T* b, Index ldb, Index m, Index n,
                                    Index k, const GemmEnds<T>& ends) {
    constexpr Index pair = 2 * width<T>;
    T buffer[gemm_rows<T> * pair];
    for (Index i0 = 0; i0 < m; i0 += pair) {
        const Index count = m - i0 < pair ? m - i0 : pair;
        if (ends.accumulate)
            for (Index i = 0; i < count; ++i)
                for (Index j = 0; j < n; ++j) buffer[j * pair + i] = c[(i0 + i) * ldc + j];
        gemm_tile_for<T>(n, count)(k, b, 1, ldb, a + i0, lda, buffer, pair, count, {nullptr, ends.accumulate, false});
        for (Index i = 0; i < count; ++i)
            for (Index j = 0; j < n; ++j) {
                T v = buffer[j * pair + i];
                if (ends.bias) v += ends.bias[j];
                if (ends.relu && v < 0) v = 0;
                if (ends.gate && ends.gate[(i0 + i) * ends.ldgate + j] <= 0) v = 0;
                c[(i0 + i) * ldc + j] = v;
            }
    }
}

/// c [m, n] = ends(op(a) [m, k] b [k, n]); serial. Rows of b are read in passes of gemm_depth, a packed b in one.
template <class T> void gemm_block(T* c, Index ldc, const T* a, Index lda, bool transposed_a, const T* b, Index ldb,
                                   Index m, Index n, Index k, const GemmEnds<T>& ends) {
    if (transposed_a && ldb != gemm_packed && n <= gemm_rows<T> && n < width<T> && m >= width<T>)
        return gemm_narrow<T>(c, ldc, a, lda, b, ldb, m, n, k, ends);
    const Index row = transposed_a ? 1 : lda, step = transposed_a ? lda : 1;
    const Index depth = ldb == gemm_packed ? (k > 0 ? k : 1) : gemm_depth<T>;
    Index p = 0;
    do {
        const Index now = k - p < depth ? k - p : depth;
        gemm_pass<T>(c, ldc, a + p * step, row, step, b + p * ldb, ldb, m, n, now, ends.pass(p == 0, p + now == k));
        p += now;
    } while (p < k);
}

/// One strip: to[p * strip + j] = op(b)(p, j) for p < k, j < cols <= strip; zero up to the next whole vector.
template <class T> void pack_strip(T* to, const T* b, Index ldb, bool transposed, Index k, Index cols) {
    constexpr Index strip = gemm_strip<T>, w = width<T>;
    if (!transposed) {
        for (Index p = 0; p < k; ++p, to += strip, b += ldb) {
            Index j = 0;
            for (; j + w <= cols; j += w) store<T>(to + j, load<T>(b + j));
            if (j < cols) store<T>(to + j, load_part<T>(b + j, cols - j));
        }
        return;
    }
    for (Index j = 0; j < cols; j += w) {
        const T* from = b + j * ldb;
        T* out = to + j;
        const Index lanes = cols - j < w ? cols - j : w;
        Index p = 0;
        if (lanes == w)
            for (; p + w <= k; p += w) transpose_square<T>(out + p * strip, strip, from + p, ldb, int(w));
        for (; p < k; p += w) transpose_part<T>(out + p * strip, strip, from + p, ldb, lanes, k - p < w ? k - p : w);
    }
}

/// op(b) [k, n] into strips; b is [k, n], or [n, k] if transposed.
template <class T> void gemm_pack(T* packed, const T* b, Index ldb, bool transposed, Index k, Index n) {
    constexpr Index strip = gemm_strip<T>;
    for (Index j = 0; j < n; j += strip, packed += k * strip)
        pack_strip<T>(packed, transposed ? b + j * ldb : b + j, ldb, transposed, k, n - j < strip ? n - j : strip);
}

/// c [m, n] = ends(a [m, k] op(b) [k, n]); serial. Packs a strip of b at a time, on the stack, and takes all rows past
/// it while it is in the first cache.
template <class T> void gemm_panels(T* c, Index ldc, const T* a, Index lda, const T* b, Index ldb, bool transposed_b,
                                    Index m, Index n, Index k, const GemmEnds<T>& ends) {
    constexpr Index strip = gemm_strip<T>, depth = gemm_depth<T>;
    alignas(64) T packed[depth * strip];
    const Index tiles = (m + gemm_rows<T> - 1) / gemm_rows<T>;
    Index p = 0;
    do {
        const Index now = k - p < depth ? k - p : depth;
        const GemmEnds<T> pass = ends.pass(p == 0, p + now == k);
        GemmEnds<T> own = pass;
        for (Index j = 0; j < n; j += strip) {
            const Index cols = n - j < strip ? n - j : strip;
            pack_strip<T>(packed, transposed_b ? b + j * ldb + p : b + p * ldb + j, ldb, transposed_b, now, cols);
            for (Index t = 0, first = 0; t < tiles; ++t) {
                const Index rows = (m - first + tiles - t - 1) / (tiles - t);
                const Index left = m - first - rows;
                if (own.accumulate && left > 0)
                    gemm_fetch(c + (first + rows) * ldc + j, ldc, left < rows ? left : rows);
                gemm_place<T>(own, pass, first, j);
                gemm_tile_for<T>(rows, cols)(now, a + first * lda + p, lda, 1, packed, strip, c + first * ldc + j, ldc,
                                             cols, own);
                first += rows;
            }
        }
        p += now;
    } while (p < k);
}

/// out[j] = sum over rows of x[i, j]: four chains, of the rows i % 4, joined as (0 + 1) + (2 + 3). N vectors of
/// columns.
template <class T, int N, class Access>
GRADUS_REGION_INLINE void column_sum(T* out, const T* x, Index ldx, Index rows, bool accumulate, Access access) {
    Vector<T> s[4][N];
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < N; ++j) s[r][j] = Vector<T>{};
    Index i = 0;
    for (; i + 4 <= rows; i += 4)
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r, x += ldx)
#pragma GCC unroll 4
            for (int j = 0; j < N; ++j) s[r][j] += access.get(x + j * width<T>);
#pragma GCC unroll 4
    for (int r = 0; r < 3; ++r)
        if (i + r < rows)
#pragma GCC unroll 4
            for (int j = 0; j < N; ++j) s[r][j] += access.get(x + r * ldx + j * width<T>);
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
        const Vector<T> sum = (s[0][j] + s[1][j]) + (s[2][j] + s[3][j]);
        T* to = out + j * width<T>;
        access.put(to, accumulate ? access.get(to) + sum : sum);
    }
}
template <class T> void column_sums(T* out, const T* x, Index ldx, Index rows, Index cols, bool accumulate) {
    constexpr int wide = GRADUS_REGION_BYTES == 64 ? 4 : 2;
    Index j = 0;
    for (; j + wide * width<T> <= cols; j += wide * width<T>)
        column_sum<T, wide>(out + j, x + j, ldx, rows, accumulate, Whole<T>{});
    for (; j + width<T> <= cols; j += width<T>) column_sum<T, 1>(out + j, x + j, ldx, rows, accumulate, Whole<T>{});
    if (j < cols) column_sum<T, 1>(out + j, x + j, ldx, rows, accumulate, Part<T>{cols - j});
}

template <class T> inline constexpr GemmTable<T> gemm_table = {
    gemm_depth<T>, 1, 1, gemm_blocking, &gemm_pack<T>, &gemm_block<T>, &gemm_panels<T>, &column_sums<T>};

#endif

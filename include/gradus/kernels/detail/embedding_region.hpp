/// Gathering rows of a table, distinct ids in order, and adding gradients to the rows they came from.
#ifdef GRADUS_REGION

GRADUS_REGION_INLINE Index clamp_id(int id, Index vocabulary) {
    return id < 0 ? 0 : id < vocabulary ? id : vocabulary - 1;
}

template <class T> void gather_rows(T* y, const int* ids, const T* table, Index n, Index vocabulary, Index dim) {
    for (Index i = 0; i < n; ++i) copy_elements<T>(y + i * dim, table + clamp_id(ids[i], vocabulary) * dim, dim);
}

/// One bit for each id of the vocabulary; an id's position is the number of bits before its own.
inline Index unique_by_bits(int* rows, int* position, const int* ids, Index n, Index vocabulary, int* workspace) {
    const Index words = (vocabulary + 31) / 32;
    unsigned* bits = (unsigned*)workspace;
    int* before = workspace + words;
    for (Index w = 0; w < words; ++w) bits[w] = 0;
    for (Index i = 0; i < n; ++i) {
        const Index id = clamp_id(ids[i], vocabulary);
        bits[id / 32] |= 1u << (id % 32);
    }
    int count = 0;
    for (Index w = 0; w < words; ++w) {
        before[w] = count;
        for (unsigned rest = bits[w]; rest; rest &= rest - 1) rows[count++] = int(w * 32) + __builtin_ctz(rest);
    }
    for (Index i = 0; i < n; ++i) {
        const Index id = clamp_id(ids[i], vocabulary);
        position[i] = before[id / 32] + __builtin_popcount(bits[id / 32] & ((1u << (id % 32)) - 1));
    }
    return count;
}

/// Stable radix sort of (id, index), 11 bits a pass.
inline Index unique_by_sorting(int* rows, int* position, const int* ids, Index n, Index vocabulary, int* workspace) {
    int* key = workspace;
    int* index = key + n;
    int* other_key = index + n;
    int* other_index = other_key + n;
    int* offset = other_index + n;
    for (Index i = 0; i < n; ++i) {
        key[i] = int(clamp_id(ids[i], vocabulary));
        index[i] = int(i);
    }
    for (int shift = 0; shift < 31 && ((vocabulary - 1) >> shift) > 0; shift += 11) {
        for (int d = 0; d < 2048; ++d) offset[d] = 0;
        for (Index i = 0; i < n; ++i) ++offset[(key[i] >> shift) & 2047];
        int sum = 0;
        for (int d = 0; d < 2048; ++d) {
            const int here = offset[d];
            offset[d] = sum;
            sum += here;
        }
        for (Index i = 0; i < n; ++i) {
            const int to = offset[(key[i] >> shift) & 2047]++;
            other_key[to] = key[i];
            other_index[to] = index[i];
        }
        int* swap = key;
        key = other_key, other_key = swap;
        swap = index;
        index = other_index, other_index = swap;
    }
    Index count = 0;
    for (Index i = 0; i < n; ++i) {
        if (i == 0 || key[i] != key[i - 1]) rows[count++] = key[i];
        position[index[i]] = int(count - 1);
    }
    return count;
}

/// order: the indices of each row's entries, ascending, from begin[row] to begin[row + 1].
inline void sort_by_position(int* begin, int* order, const int* position, Index n, Index count) {
    for (Index r = 0; r <= count; ++r) begin[r] = 0;
    for (Index i = 0; i < n; ++i) ++begin[position[i]];
    int sum = 0;
    for (Index r = 0; r < count; ++r) {
        sum += begin[r];
        begin[r] = sum;
    }
    begin[count] = sum;
    for (Index i = n - 1; i >= 0; --i) order[--begin[position[i]]] = int(i);
}

template <class T, int N>
GRADUS_REGION_INLINE void add_columns(T* drow, const T* dy, const int* order, Index entries, Index dim) {
    Vector<T> sum[N];
    for (int v = 0; v < N; ++v) sum[v] = load<T>(drow + v * width<T>);
    for (Index e = 0; e < entries; ++e) {
        const T* from = dy + order[e] * dim;
        for (int v = 0; v < N; ++v) sum[v] = sum[v] + load<T>(from + v * width<T>);
    }
    for (int v = 0; v < N; ++v) store<T>(drow + v * width<T>, sum[v]);
}

/// Rows first to last of drows: each gets the rows of dy that belong to it, in ascending order.
template <class T>
void scatter_rows(T* drows, const T* dy, const int* begin, const int* order, Index first, Index last, Index dim) {
    for (Index r = first; r < last; ++r) {
        T* drow = drows + r * dim;
        const int* mine = order + begin[r];
        const Index entries = begin[r + 1] - begin[r];
        Index d = 0;
        for (; d + 4 * width<T> <= dim; d += 4 * width<T>) add_columns<T, 4>(drow + d, dy + d, mine, entries, dim);
        for (; d + width<T> <= dim; d += width<T>) add_columns<T, 1>(drow + d, dy + d, mine, entries, dim);
        if (d < dim) {
            Vector<T> sum = load_part<T>(drow + d, dim - d);
            for (Index e = 0; e < entries; ++e) sum = sum + load_part<T>(dy + mine[e] * dim + d, dim - d);
            store_part<T>(drow + d, sum, dim - d);
        }
    }
}

template <class T> inline constexpr EmbeddingTable<T> embedding_table = {&gather_rows<T>, &scatter_rows<T>};
inline constexpr UniqueTable unique_table = {&unique_by_bits, &unique_by_sorting, &sort_by_position};

#endif

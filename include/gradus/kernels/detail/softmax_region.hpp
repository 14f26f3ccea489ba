/// Softmax of rows.
#ifdef GRADUS_REGION

/// exp(x) of an x that is not positive, or zero where it nears the denormals.
template <class T> GRADUS_REGION_INLINE Vector<T> softmax_term(Vector<T> x) {
    const Vector<T> low = splat<T>(least_exponent<T>), zero{};
    return x < low ? zero : vector_exp<T>(x < low ? low : x);
}
template <class T> struct ShiftedExp {
    T shift;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return softmax_term<T>(v - splat<T>(shift)); }
};
/// e = exp(x - shift)
template <class T> GRADUS_REGION_INLINE void exp_row(T* e, const T* x, T shift, Index n) {
    map_array<T>(e, x, n, ShiftedExp<T>{shift});
}

template <class T> struct DivideBy {
    T divisor;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return v / splat<T>(divisor); }
};

/// `count` rows of at most one vector, in registers; the operations are those of longer rows. All are read before one
/// is written: in place, a row's load would wait for the store of the row before.
template <class T, int count> GRADUS_REGION_INLINE void softmax_rows(T* y, const T* x, Index cols) {
    constexpr int half = int(width<T> / 2);
    const Vector<T> lowest = splat<T>(-T(__builtin_inff()));
    Vector<T> v[count];
    for (int r = 0; r < count; ++r) v[r] = load_part<T>(x + r * cols, cols);
    for (int r = 0; r < count; ++r) {
        const Vector<T> known = first_lanes<T>(cols, v[r], lowest);
        const Vector<T> largest = join_lanes<T, half>(known > lowest ? known : lowest, Max{});
        const Vector<T> e = softmax_term<T>(v[r] - largest);
        v[r] = e / join_lanes<T, half>(first_lanes<T>(cols, e, Vector<T>{}), Add{});
    }
    for (int r = 0; r < count; ++r) store_part<T>(y + r * cols, v[r], cols);
}
template <class T> GRADUS_REGION_INLINE void softmax_short(T* y, const T* x, Index rows, Index cols) {
    constexpr int block = 8;
    Index r = 0;
    for (; r + block <= rows; r += block) softmax_rows<T, block>(y + r * cols, x + r * cols, cols);
    for (; r < rows; ++r) softmax_rows<T, 1>(y + r * cols, x + r * cols, cols);
}

template <class T> void softmax_forward(T* y, const T* x, Index rows, Index cols) {
    if (cols <= width<T>) return softmax_short<T>(y, x, rows, cols);
    for (Index r = 0; r < rows; ++r, y += cols, x += cols) {
        exp_row<T>(y, x, row_max<T>(x, cols), cols);
        map_array<T>(y, y, cols, DivideBy<T>{row_sum<T>(y, cols)});
    }
}

template <class T> struct SoftmaxGradient {
    T dot;
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> v) const { return v * (d - splat<T>(dot)); }
};
template <class T> void softmax_backward(T* dx, const T* dy, const T* y, Index rows, Index cols) {
    for (Index r = 0; r < rows; ++r, dx += cols, dy += cols, y += cols)
        map_arrays<T>(dx, dy, y, cols, SoftmaxGradient<T>{row_dot<T>(dy, y, cols)});
}

template <class T> inline constexpr SoftmaxTable<T> softmax_table = {&softmax_forward<T>, &softmax_backward<T>};

#endif

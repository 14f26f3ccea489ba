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

/// Rows of at most one vector stay in registers; the operations are those of longer rows.
template <class T> GRADUS_REGION_INLINE void softmax_short(T* y, const T* x, Index rows, Index cols) {
    constexpr int half = int(width<T> / 2);
    const Vector<T> lowest = splat<T>(-T(__builtin_inff()));
    for (Index r = 0; r < rows; ++r, y += cols, x += cols) {
        const Vector<T> v = load_part<T>(x, cols);
        const Vector<T> known = first_lanes<T>(cols, v, lowest);
        const Vector<T> largest = join_lanes<T, half>(known > lowest ? known : lowest, Max{});
        const Vector<T> e = softmax_term<T>(v - largest);
        store_part<T>(y, e / join_lanes<T, half>(first_lanes<T>(cols, e, Vector<T>{}), Add{}), cols);
    }
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

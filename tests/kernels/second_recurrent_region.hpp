// A recurrent kernel beside the LSTM's: y [rows, panel] = a [rows, inner] b [inner, panel], with what they share.
#ifdef GRADUS_REGION

template <class T> void second_recurrent(T* y, const T* const* a, const T* b, Index rows, Index inner) {
    const Index wide = padded<T>(3 * group<T> + 1);
    T zeros[panel_columns<T>];
    zero_elements<T>(zeros, wide);
    product_rows<T>(rows, wide, 1, inner, a, 0, b, zeros, 0, y, wide);
}
template <class T> inline constexpr SecondRecurrentTable<T> second_recurrent_table = {&second_recurrent<T>};

#endif

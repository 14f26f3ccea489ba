/// Activations that work element by element, and their derivatives from the output.
#ifdef GRADUS_REGION

template <class T> struct Relu {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return v <= Vector<T>{} ? Vector<T>{} : v; }
};
template <class T> struct Sigmoid {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_sigmoid<T>(v); }
};
template <class T> struct Tanh {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> v) const { return vector_tanh<T>(v); }
};
template <class T> struct ReluGradient {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> y) const {
        return y <= Vector<T>{} ? Vector<T>{} : d;
    }
};
template <class T> struct SigmoidGradient {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> y) const { return d * (y * (splat<T>(1) - y)); }
};
template <class T> struct TanhGradient {
    GRADUS_REGION_INLINE Vector<T> operator()(Vector<T> d, Vector<T> y) const {
        return d * ((splat<T>(1) - y) * (splat<T>(1) + y));
    }
};

template <class T, template <class> class F> void activation_forward(T* y, const T* x, Index n) {
    map_array<T>(y, x, n, F<T>{});
}
template <class T, template <class> class F> void activation_backward(T* dx, const T* dy, const T* y, Index n) {
    map_arrays<T>(dx, dy, y, n, F<T>{});
}

template <class T> inline constexpr ActivationTable<T> activation_table = {
    {&activation_forward<T, Relu>, &activation_forward<T, Sigmoid>, &activation_forward<T, Tanh>},
    {&activation_backward<T, ReluGradient>, &activation_backward<T, SigmoidGradient>,
     &activation_backward<T, TanhGradient>}};

#endif

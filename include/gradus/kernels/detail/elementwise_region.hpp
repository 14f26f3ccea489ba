/// Sums, products and scaling, element by element.
#ifdef GRADUS_REGION

template <class T> struct AddBody {
    T* y;
    const T *a, *b;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        x.put(y + i, x.get(a + i) + x.get(b + i));
    }
};
template <class T> void add(T* y, const T* a, const T* b, Index n) { each_vector<T>(n, AddBody<T>{y, a, b}); }

template <class T> struct MultiplyBody {
    T* y;
    const T *a, *b;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A x) const {
        x.put(y + i, x.get(a + i) * x.get(b + i));
    }
};
template <class T> void multiply(T* y, const T* a, const T* b, Index n) { each_vector<T>(n, MultiplyBody<T>{y, a, b}); }

template <class T> struct ScaleBody {
    T* y;
    const T* x;
    T s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A v) const {
        v.put(y + i, v.get(x + i) * splat<T>(s));
    }
};
template <class T> void scale(T* y, const T* x, T s, Index n) { each_vector<T>(n, ScaleBody<T>{y, x, s}); }

template <class T> struct AxpyBody {
    T* y;
    T s;
    const T* x;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A v) const {
        v.put(y + i, fma(splat<T>(s), v.get(x + i), v.get(y + i)));
    }
};
template <class T> void axpy(T* y, T s, const T* x, Index n) { each_vector<T>(n, AxpyBody<T>{y, s, x}); }

template <class T> struct FillBody {
    T* y;
    T s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A v) const { v.put(y + i, splat<T>(s)); }
};
template <class T> void fill(T* y, T s, Index n) { each_vector<T>(n, FillBody<T>{y, s}); }

template <class T>
inline constexpr ElementwiseTable<T> elementwise_table = {&add<T>, &multiply<T>, &scale<T>, &axpy<T>, &fill<T>};

#endif

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

template <class T> struct ScaleGradientBody {
    T* y;
    const T* x;
    T s;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A v) const {
        v.put(y + i, zero_below<T>(v.get(x + i) * splat<T>(s), least_gradient<T>));
    }
};
/// Rows of one element: the factors fill vectors, too.
template <class T> struct ScaleGradientsBody {
    T* y;
    const T *x, *s;
    T divisor;
    template <class A> GRADUS_REGION_INLINE void operator()(Index i, A v) const {
        const Vector<T> factor = v.get(s + i) / splat<T>(divisor), zero{};
        v.put(y + i, factor == zero ? zero : zero_below<T>(v.get(x + i) * factor, least_gradient<T>));
    }
};
template <class T> void scale_rows(T* y, const T* x, const T* s, T divisor, Index rows, Index cols) {
    if (cols == 1) return each_vector<T>(rows, ScaleGradientsBody<T>{y, x, s, divisor});
    for (Index r = 0; r < rows; ++r, y += cols, x += cols) {
        const T factor = s[r] / divisor;
        if (factor == 0)
            fill<T>(y, factor, cols);
        else
            each_vector<T>(cols, ScaleGradientBody<T>{y, x, factor});
    }
}

template <class T> inline constexpr ElementwiseTable<T> elementwise_table = {&add<T>,  &multiply<T>, &scale<T>,
                                                                             &axpy<T>, &fill<T>,     &scale_rows<T>};

#endif

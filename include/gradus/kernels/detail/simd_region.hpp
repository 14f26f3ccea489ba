/// Vector<T>, its integers, loads, stores, fma, square root, lanes, rows of elements. Vectors know + - * / and
/// comparisons (which give integer vectors of 0 and -1, to be used in `mask ? a : b`) as the compiler's vector types
/// do.
#ifdef GRADUS_REGION

template <class T> struct Simd;

template <> struct Simd<float> {
    typedef float Vector __attribute__((vector_size(GRADUS_REGION_BYTES)));
    typedef float Loose __attribute__((vector_size(GRADUS_REGION_BYTES), aligned(4), may_alias));
    typedef int Integers __attribute__((vector_size(GRADUS_REGION_BYTES)));
    using Integer = int;
};

template <> struct Simd<double> {
    typedef double Vector __attribute__((vector_size(GRADUS_REGION_BYTES)));
    typedef double Loose __attribute__((vector_size(GRADUS_REGION_BYTES), aligned(8), may_alias));
    typedef long long Integers __attribute__((vector_size(GRADUS_REGION_BYTES)));
    using Integer = long long;
};

template <class T> using Vector = typename Simd<T>::Vector;
/// Integers of the scalar's size: for bit casts `(Integers<T>)v` and for masks.
template <class T> using Integers = typename Simd<T>::Integers;

/// Elements of a vector.
template <class T> inline constexpr Index width = GRADUS_REGION_BYTES / Index(sizeof(T));
/// Elements of the fixed, machine-independent lanes of a reduction.
template <class T> inline constexpr Index virtual_lanes = 256 / Index(sizeof(T));

template <class T> GRADUS_REGION_INLINE Vector<T> splat(T s) { return s - Vector<T>{}; }

template <class T> GRADUS_REGION_INLINE Vector<T> load(const T* p) { return *(const typename Simd<T>::Loose*)p; }
template <class T> GRADUS_REGION_INLINE void store(T* p, Vector<T> v) { *(typename Simd<T>::Loose*)p = v; }

/// a * b + c, rounded once; twice on the baseline.
#if GRADUS_REGION_BYTES == 64
GRADUS_REGION_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
    return __builtin_ia32_vfmaddps512_mask(a, b, c, (unsigned short)-1, 4);
}
GRADUS_REGION_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
    return __builtin_ia32_vfmaddpd512_mask(a, b, c, (unsigned char)-1, 4);
}
#elif GRADUS_REGION_BYTES == 32 && defined(__clang__) && __has_builtin(__builtin_elementwise_fma)
GRADUS_REGION_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
    return __builtin_elementwise_fma(a, b, c);
}
GRADUS_REGION_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
    return __builtin_elementwise_fma(a, b, c);
}
#elif GRADUS_REGION_BYTES == 32
GRADUS_REGION_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
    return __builtin_ia32_vfmaddps256(a, b, c);
}
GRADUS_REGION_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
    return __builtin_ia32_vfmaddpd256(a, b, c);
}
#else
GRADUS_REGION_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) { return a * b + c; }
GRADUS_REGION_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) { return a * b + c; }
#endif

/// The same operation on one element: the same bits as in a vector.
#if GRADUS_REGION_BYTES == 16
GRADUS_REGION_INLINE float fma(float a, float b, float c) { return a * b + c; }
GRADUS_REGION_INLINE double fma(double a, double b, double c) { return a * b + c; }
#else
GRADUS_REGION_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
GRADUS_REGION_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#endif

/// What a product's tile does with an element of A, everywhere in a vector, and a vector of B.
template <class T> struct FmaStep {
    static GRADUS_REGION_INLINE Vector<T> spread(const T* a) { return splat<T>(*a); }
    static GRADUS_REGION_INLINE void add(Vector<T>& acc, Vector<T> a, Vector<T> b) { acc = fma(a, b, acc); }
};

#if GRADUS_REGION_BYTES == 32
/// -1 in the first n lanes, 0 in the others.
template <class T> GRADUS_REGION_INLINE Integers<T> first_lanes(Index n) {
    const Integers<T> all = Integers<T>{} + (typename Simd<T>::Integer)n;
    if constexpr (sizeof(T) == 4)
        return all > Integers<T>{0, 1, 2, 3, 4, 5, 6, 7};
    else
        return all > Integers<T>{0, 1, 2, 3};
}
#endif

/// The first n elements of p, 0 <= n <= width; the others are zero and not read.
template <class T> GRADUS_REGION_INLINE Vector<T> load_part(const T* p, Index n) {
#if GRADUS_REGION_BYTES == 64
    if constexpr (sizeof(T) == 4)
        return __builtin_ia32_loadups512_mask(p, Vector<T>{}, (unsigned short)((1u << n) - 1));
    else
        return __builtin_ia32_loadupd512_mask(p, Vector<T>{}, (unsigned char)((1u << n) - 1));
#elif GRADUS_REGION_BYTES == 32
    if constexpr (sizeof(T) == 4)
        return __builtin_ia32_maskloadps256((const Vector<T>*)p, first_lanes<T>(n));
    else
        return __builtin_ia32_maskloadpd256((const Vector<T>*)p, first_lanes<T>(n));
#else
    Vector<T> v{};
    for (Index i = 0; i < n; ++i) v[i] = p[i];
    return v;
#endif
}

/// Writes the first n elements, 0 <= n <= width; nothing else is touched.
template <class T> GRADUS_REGION_INLINE void store_part(T* p, Vector<T> v, Index n) {
#if GRADUS_REGION_BYTES == 64
    if constexpr (sizeof(T) == 4)
        __builtin_ia32_storeups512_mask(p, v, (unsigned short)((1u << n) - 1));
    else
        __builtin_ia32_storeupd512_mask(p, v, (unsigned char)((1u << n) - 1));
#elif GRADUS_REGION_BYTES == 32
    if constexpr (sizeof(T) == 4)
        __builtin_ia32_maskstoreps256((Vector<T>*)p, first_lanes<T>(n), v);
    else
        __builtin_ia32_maskstorepd256((Vector<T>*)p, first_lanes<T>(n), v);
#else
    for (Index i = 0; i < n; ++i) p[i] = v[i];
#endif
}

/// mask ? a : b, element by element; mask is what a comparison gives.
template <class T> GRADUS_REGION_INLINE Vector<T> select(Integers<T> mask, Vector<T> a, Vector<T> b) {
    return mask ? a : b;
}

template <class T> GRADUS_REGION_INLINE Vector<T> absolute(Vector<T> v) {
    constexpr typename Simd<T>::Integer sign = (typename Simd<T>::Integer)(1ull << (sizeof(T) * 8 - 1));
    return (Vector<T>)((Integers<T>)v & ~(Integers<T>{} + sign));
}
/// x, or zero where its size is below `least`; NaN stays.
template <class T> GRADUS_REGION_INLINE Vector<T> zero_below(Vector<T> x, T least) {
    return select<T>(absolute<T>(x) < splat<T>(least), Vector<T>{}, x);
}

/// IEEE square root.
GRADUS_REGION_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
GRADUS_REGION_INLINE double square_root(double x) { return __builtin_sqrt(x); }
GRADUS_REGION_INLINE Vector<float> square_root(Vector<float> x) {
#if defined(__clang__)
    return __builtin_elementwise_sqrt(x);
#elif GRADUS_REGION_BYTES == 64
    return __builtin_ia32_sqrtps512_mask(x, x, (unsigned short)-1, 4);
#elif GRADUS_REGION_BYTES == 32
    return __builtin_ia32_sqrtps256(x);
#else
    return __builtin_ia32_sqrtps(x);
#endif
}
GRADUS_REGION_INLINE Vector<double> square_root(Vector<double> x) {
#if defined(__clang__)
    return __builtin_elementwise_sqrt(x);
#elif GRADUS_REGION_BYTES == 64
    return __builtin_ia32_sqrtpd512_mask(x, x, (unsigned char)-1, 4);
#elif GRADUS_REGION_BYTES == 32
    return __builtin_ia32_sqrtpd256(x);
#else
    return __builtin_ia32_sqrtpd(x);
#endif
}

/// The virtual lanes of a reduction, in 4, 8 or 16 vectors: element i of the data belongs to lane i % virtual_lanes.
template <class T> struct Lanes {
    static constexpr int count = int(virtual_lanes<T> / width<T>);
    Vector<T> v[count];
};

template <class T> GRADUS_REGION_INLINE Lanes<T> splat_lanes(T s) {
    Lanes<T> r;
    for (int i = 0; i < Lanes<T>::count; ++i) r.v[i] = splat<T>(s);
    return r;
}

/// How each_vector reads and writes: a whole vector, or its first n elements.
template <class T> struct Whole {
    static GRADUS_REGION_INLINE Vector<T> get(const T* p) { return load<T>(p); }
    static GRADUS_REGION_INLINE void put(T* p, Vector<T> v) { store<T>(p, v); }
};
template <class T> struct Part {
    Index n;
    GRADUS_REGION_INLINE Vector<T> get(const T* p) const { return load_part<T>(p, n); }
    GRADUS_REGION_INLINE void put(T* p, Vector<T> v) const { store_part<T>(p, v, n); }
};

/// Calls body(i, access) for the vectors that start at i = 0, width, 2 width ... < n; access.get and access.put stand
/// for load and store, and see only what is left in the last one.
template <class T, class Body> GRADUS_REGION_INLINE void each_vector(Index n, Body body) {
    Index i = 0;
    for (; i + 4 * width<T> <= n; i += 4 * width<T>) {
        body(i, Whole<T>{});
        body(i + width<T>, Whole<T>{});
        body(i + 2 * width<T>, Whole<T>{});
        body(i + 3 * width<T>, Whole<T>{});
    }
    for (; i + width<T> <= n; i += width<T>) body(i, Whole<T>{});
    if (i < n) body(i, Part<T>{n - i});
}

/// y = x, n elements; the last vector overlaps the one before.
template <class T> GRADUS_REGION_INLINE void copy_elements(T* y, const T* x, Index n) {
    if (n < width<T>) {
        store_part<T>(y, load_part<T>(x, n), n);
        return;
    }
    Index i = 0;
    for (; i + width<T> <= n; i += width<T>) store<T>(y + i, load<T>(x + i));
    if (i < n) store<T>(y + n - width<T>, load<T>(x + n - width<T>));
}

/// y = x m, n elements; y is neither x nor m.
template <class T> GRADUS_REGION_INLINE void multiply_elements(T* y, const T* x, const T* m, Index n) {
    if (n < width<T>) {
        store_part<T>(y, load_part<T>(x, n) * load_part<T>(m, n), n);
        return;
    }
    Index i = 0;
    for (; i + width<T> <= n; i += width<T>) store<T>(y + i, load<T>(x + i) * load<T>(m + i));
    if (i < n) store<T>(y + n - width<T>, load<T>(x + n - width<T>) * load<T>(m + n - width<T>));
}

/// y = 0, n elements.
template <class T> GRADUS_REGION_INLINE void zero_elements(T* y, Index n) {
    Index i = 0;
    for (; i + width<T> <= n; i += width<T>) store<T>(y + i, Vector<T>{});
    if (i < n) store_part<T>(y + i, Vector<T>{}, n - i);
}

#endif

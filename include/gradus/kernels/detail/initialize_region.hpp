/// Initial weights. Baseline only, so that the bits are the same on every set, and no fma.
#ifdef GRADUS_REGION

GRADUS_REGION_INLINE RandomRow random_row(std::uint64_t key, std::uint32_t update, std::uint32_t micro,
                                          std::uint32_t row) {
    return {std::uint32_t(key), std::uint32_t(key >> 32), row, update, micro};
}

/// Uniform in (0, 1), exact.
GRADUS_REGION_INLINE double unit(std::uint32_t word) { return (double(word) + 0.5) * 0x1p-32; }

template <class T> void initial_uniform(T* y, std::uint64_t key, std::uint32_t update, std::uint32_t micro,
                                        std::uint32_t row, double low, double high, Index begin, Index end) {
    const RandomRow s = random_row(key, update, micro, row);
    std::uint32_t words[random_group];
    for (Index i = begin; i < end; i += random_group) {
        random_words(words, s, i);
        for (Index k = 0; k < random_group && i + k < end; ++k) y[i + k] = T(low + (high - low) * unit(words[k]));
    }
}

/// Elements first .. first + random_group - 1 of a row of standard normals, by Box and Muller: pairs share a radius.
GRADUS_REGION_INLINE void normal_group(double* z, const RandomRow& s, Index first) {
    std::uint32_t words[random_group];
    random_words(words, s, first);
    for (Index k = 0; k < random_group; k += 4) {
        const Vector<double> u{unit(words[k]), unit(words[k + 2])}, angle{unit(words[k + 1]), unit(words[k + 3])};
        const Vector<double> radius = square_root(splat<double>(-2) * vector_log<double>(u));
        const Vector<double> turn = splat<double>(0x1.921fb54442d18p+2) * angle;
        const Vector<double> x = radius * vector_cos(turn), y = radius * vector_sin(turn);
        z[k] = x[0];
        z[k + 1] = y[0];
        z[k + 2] = x[1];
        z[k + 3] = y[1];
    }
}

/// With `limit` > 0: what lies beyond it is drawn again, from the next rows.
template <class T> void initial_normal(T* y, std::uint64_t key, std::uint32_t update, std::uint32_t micro,
                                       std::uint32_t row, double mean, double sd, double limit, Index begin,
                                       Index end) {
    double z[random_group], again[random_group];
    for (Index i = begin; i < end; i += random_group) {
        normal_group(z, random_row(key, update, micro, row), i);
        for (Index k = 0; k < random_group && i + k < end; ++k) {
            double v = z[k];
            for (std::uint32_t attempt = 1; limit > 0 && !(v <= limit && v >= -limit); ++attempt) {
                normal_group(again, random_row(key, update, micro, row + attempt), i);
                v = again[k];
            }
            y[i + k] = T(mean + sd * v);
        }
    }
}

/// Four pairs of lanes, then a fixed tree, then what is left.
GRADUS_REGION_INLINE double initial_dot(const double* x, const double* y, Index n) {
    Vector<double> a0{}, a1{}, a2{}, a3{};
    Index i = 0;
    for (; i + 8 <= n; i += 8) {
        a0 = a0 + load<double>(x + i) * load<double>(y + i);
        a1 = a1 + load<double>(x + i + 2) * load<double>(y + i + 2);
        a2 = a2 + load<double>(x + i + 4) * load<double>(y + i + 4);
        a3 = a3 + load<double>(x + i + 6) * load<double>(y + i + 6);
    }
    const Vector<double> a = (a0 + a1) + (a2 + a3);
    double s = a[0] + a[1];
    for (; i < n; ++i) s = s + x[i] * y[i];
    return s;
}

/// Makes q's rows first .. last - 1, of length n, orthogonal to the unit row u.
inline __attribute__((noinline)) void project_out(double* q, const double* u, Index first, Index last, Index n) {
    for (Index j = first; j < last; ++j) {
        double* const row = q + j * n;
        const double d = initial_dot(row, u, n);
        for (Index i = 0; i < n; ++i) row[i] = row[i] - d * u[i];
    }
}
inline __attribute__((noinline)) void normalize(double* row, Index n) {
    const double length = square_root(splat<double>(initial_dot(row, row, n)))[0];
    for (Index i = 0; i < n; ++i) row[i] = row[i] / length;
}

#endif

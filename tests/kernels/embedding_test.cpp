// Gathering rows, distinct ids and adding gradients to rows.
#include "catch.hpp"

#include <gradus/kernels/embedding.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace gradus;
using namespace gradus::kernels;

namespace {

struct Numbers {
    std::uint32_t state = 7;
    std::uint32_t word() { return state = state * 1664525u + 1013904223u; }
    double real() { return double(word() >> 8) / double(1 << 24) * 2 - 1; }
    std::vector<std::int32_t> ids(Index n, Index vocabulary) {
        std::vector<std::int32_t> v(static_cast<std::size_t>(n));
        for (auto& i : v) i = std::int32_t(std::int64_t(word() >> 4) % vocabulary);
        return v;
    }
    template <class T> std::vector<T> reals(Index n) {
        std::vector<T> v(static_cast<std::size_t>(n));
        for (auto& x : v) x = T(real());
        return v;
    }
};

struct Size {
    Index n, vocabulary, dim;
};
const Size sizes[] = {{0, 5, 3},   {1, 1, 1},    {7, 3, 2},        {100, 40, 17},      {700, 300, 50},
                      {40, 9, 64}, {33, 7, 131}, {50, 1000000, 5}, {3000, 1 << 30, 4}, {2000, 33, 0}};

template <class T> bool same(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

struct Unique {
    std::vector<std::int32_t> rows, position;
    Index count;
};
Unique unique(const std::vector<std::int32_t>& ids, Index vocabulary) {
    const Index n = Index(ids.size());
    Unique u{std::vector<std::int32_t>(ids.size(), -1), std::vector<std::int32_t>(ids.size(), -1), 0};
    std::vector<std::int32_t> space(std::size_t(unique_rows_workspace(n, vocabulary)), 77);
    u.count = unique_rows(u.rows.data(), u.position.data(), ids.data(), n, vocabulary, space.data());
    return u;
}

template <class T> void check_on_this_set() {
    for (const Size& s : sizes) {
        CAPTURE(s.n, s.vocabulary, s.dim);
        Numbers r;
        auto ids = r.ids(s.n, s.vocabulary);
        if (s.n > 3) ids[2] = -9, ids[3] = std::int32_t(s.vocabulary);
        const Unique u = unique(ids, s.vocabulary);
        Unique v = u;
        v.count = ref::unique_rows(v.rows.data(), v.position.data(), ids.data(), s.n, s.vocabulary);
        REQUIRE(u.count == v.count);
        CHECK(std::equal(u.rows.begin(), u.rows.begin() + u.count, v.rows.begin()));
        CHECK(u.position == v.position);

        if (s.vocabulary <= 100000) {
            const auto table = r.reals<T>(s.vocabulary * s.dim);
            std::vector<T> y(std::size_t(s.n * s.dim + 1), T(9)), expected = y;
            embedding_forward(y.data(), ids.data(), table.data(), s.n, s.vocabulary, s.dim);
            ref::embedding_forward(expected.data(), ids.data(), table.data(), s.n, s.vocabulary, s.dim);
            CHECK(same(y, expected));
        }
        const auto dy = r.reals<T>(s.n * s.dim);
        auto drows = r.reals<T>(u.count * s.dim + 1), expected = drows;
        std::vector<std::int32_t> space(std::size_t(embedding_backward_workspace(s.n, u.count)));
        embedding_backward(drows.data(), dy.data(), u.position.data(), s.n, s.dim, u.count, space.data());
        ref::embedding_backward(expected.data(), dy.data(), u.position.data(), s.n, s.dim);
        CHECK(same(drows, expected));
    }
}

} // namespace

TEST_CASE("embedding: the bits of the reference on every set and for any number of threads", "[embedding]") {
    for (const Isa isa : all_isas) {
        if (!available(isa)) continue;
        IsaScope scope(isa);
        for (const int n : {1, 2, 3, 8}) {
            set_threads(n);
            CAPTURE(name_of(isa), n);
            check_on_this_set<float>();
            check_on_this_set<double>();
        }
    }
    set_threads(0);
}

TEST_CASE("embedding: ids as positions fill a dense gradient", "[embedding]") {
    const std::vector<std::int32_t> ids = {2, 0, 2};
    const std::vector<float> dy = {1, 2, 3, 4, 5, 6};
    std::vector<float> dtable(8, 1);
    std::vector<std::int32_t> space(std::size_t(embedding_backward_workspace(3, 4)));
    embedding_backward(dtable.data(), dy.data(), ids.data(), 3, 2, 4, space.data());
    CHECK(dtable == std::vector<float>{4, 5, 1, 1, 7, 9, 1, 1});
}

#include "catch.hpp"
#include "layers.hpp"
#include <gradus/graph/sparse_gradient.hpp>
#include <gradus/layers/embedding.hpp>

#include <map>

using namespace gradus;
using namespace small;

TEST_CASE("SparseGradient: ids are sorted and unique, rows keep their sums while ids join") {
    SparseGradient<float> g(200, 2);
    std::map<std::int32_t, float> expected;
    for (std::uint64_t step = 0; step < 5; ++step) {
        const auto a = tokens({17}, 200, step), b = tokens({4}, 200, step + 50);
        g.reserve(21);
        g.start();
        g.mark({a.data(), 17});
        g.mark({b.data(), 4});
        g.merge();
        for (const auto* ids : {&a, &b}) {
            const auto at = g.locate({ids->data(), static_cast<std::size_t>(ids->size())});
            for (Index i = 0; i < ids->size(); ++i) {
                REQUIRE(g.ids()[static_cast<std::size_t>(at[static_cast<std::size_t>(i)])] == (*ids)[i]);
                g.values()[2 * at[static_cast<std::size_t>(i)]] += static_cast<float>(i);
                expected[(*ids)[i]] += static_cast<float>(i);
            }
        }
        REQUIRE(g.ids().size() == expected.size());
        std::size_t row = 0;
        for (const auto& [id, sum] : expected) {
            CHECK(g.ids()[row] == id);
            CHECK(g.values()[2 * row] == sum);
            CHECK(g.values()[2 * row + 1] == 0);
            ++row;
        }
    }
    g.clear();
    CHECK(g.ids().empty());
    const std::int32_t outside[] = {-5, 999};
    g.start();
    g.mark(outside);
    g.merge();
    CHECK(std::vector<std::int32_t>(g.ids().begin(), g.ids().end()) == std::vector<std::int32_t>{0, 199});
    for (int i = 0; i < 4; ++i) CHECK(g.values()[i] == 0);
}

TEST_CASE("SparseGradient: one table looked up at two places, and over several passes") {
    const Node a = input({dim::batch(), 4}, Dtype::i32), b = input({dim::batch()}, Dtype::i32);
    const Embedding layer({.input_dim = 100, .output_dim = 3});
    Harness<> h({a, b}, {layer(a), layer(b)});
    REQUIRE(h.layout.segments[0].row_sparse);
    Tensor<double> expected({100, 3});
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Index batch = 2 + static_cast<Index>(step);
        h.sizes({{"batch", batch}});
        const auto x = tokens({batch, 4}, 100, step), z = tokens({batch}, 100, step + 9);
        const auto dx = numbers({batch, 4, 3}, step), dz = numbers({batch, 3}, step + 9);
        h.set(0, x);
        h.set(1, z);
        h.forward();
        h.seed(0, dx);
        h.seed(1, dz);
        h.backward();
        for (Index i = 0; i < dx.size(); ++i) expected[x[i / 3] * 3 + i % 3] += static_cast<double>(dx[i]);
        for (Index i = 0; i < dz.size(); ++i) expected[z[i / 3] * 3 + i % 3] += static_cast<double>(dz[i]);
    }
    const auto g = h.grad("embedding.embeddings");
    for (Index i = 0; i < g.size(); ++i) CHECK(std::abs(static_cast<double>(g[i]) - expected[i]) < 1e-6);
    h.workspace->zero_gradients();
    CHECK(h.workspace->sparse_rows()[0].ids.empty());
}

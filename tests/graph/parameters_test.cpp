#include "catch.hpp"
#include "layers.hpp"
#include <gradus/layers/bidirectional.hpp>
#include <gradus/layers/dense.hpp>
#include <gradus/layers/embedding.hpp>
#include <gradus/layers/lstm.hpp>

using namespace gradus;
using namespace small;

TEST_CASE("Parameters: copies of a layer share, clones do not, and conversion keeps the identity") {
    const Node x = input({dim::batch(), 4});
    const Dense a(4);
    const Dense<> copy = a, clone = a.clone();
    Harness<> h({x}, {clone(copy(a(x)))});
    CHECK(h.table.list().size() == 4);
    CHECK(h.table.find("dense.kernel") == 0);
    CHECK(h.table.find("dense_1.kernel") == 2);
    const Dense<double> wide = a;
    CHECK(wide.identity() == a.identity());
    CHECK(FieldWriter::write(wide).size() == FieldWriter::write(a).size());
    const Bidirectional<> b(LSTM(3));
    const auto renewed = b.clone();
    const Node s = input({dim::batch(), dim::time(), 2});
    CHECK(Harness<>({s}, {b(s), b(s)}).table.list().size() == 6);
    CHECK(Harness<>({s}, {b(s), renewed(s)}).table.list().size() == 12);
}

TEST_CASE("Parameters: a layer at two places with different shapes, and in two models whichever goes first") {
    const Dense layer(3);
    const Node x = input({dim::batch(), 4}), s = input({dim::batch(), dim::time(), 4});
    auto first = std::make_unique<Harness<>>(std::vector<Node>{x, s}, std::vector<Node>{layer(x), layer(s)});
    CHECK(first->table.list().size() == 2);
    CHECK_THROWS_WITH(Harness<>({x}, {layer(Dense(5)(x)), layer(x)}), ContainsSubstring("kernel is shared with a"));
    first->parameter("dense.kernel")[0] = 42;
    Harness<> second({x}, {Dense(2)(layer(x))});
    CHECK(second.parameter("dense.kernel")[0] == 42);
    CHECK(second.parameter("dense.kernel").data() == first->parameter("dense.kernel").data());
    first.reset();
    CHECK(second.parameter("dense.kernel")[0] == 42);
    second.sizes({{"batch", 2}});
    second.set(0, numbers({2, 4}));
    second.forward();
    CHECK(std::isfinite(second.y()[0]));
    CHECK_THROWS_WITH(Harness<>({s}, {layer(Dense(7)(s))}),
                      ContainsSubstring("kernel is shared with another model, where it is [4, 3], got [7, 3]"));
}

TEST_CASE("Parameters: initial values depend on seed and name only") {
    const auto kernel = [](std::uint64_t seed, bool more) {
        const Node x = input({dim::batch(), 4});
        const Node y = more ? Dense(2)(Dense(3)(x)) : Dense(3)(x);
        const Graph g({x}, {y});
        const ParameterTable table(g, seed);
        const auto v = table.list()[0].view().as<float>();
        return std::vector<float>(v.begin(), v.end());
    };
    CHECK(kernel(1, false) == kernel(1, true));
    CHECK(kernel(1, false) != kernel(2, false));
}

TEST_CASE("Parameters: tied weights are one parameter, whose gradients add up") {
    const Node ids = input({dim::batch(), 3}, Dtype::i32);
    const Embedding embedding({.input_dim = 7, .output_dim = 4});
    const Node e = embedding(ids);
    const Node logits = TiedProjection<>(embedding, 7)(e);
    Harness<> tied({ids}, {logits, e});
    REQUIRE(tied.table.list().size() == 1);
    CHECK(!tied.table.list()[0].row_sparse);
    const auto go = [&](Harness<>& h, double projection, double looked_up) {
        h.sizes({{"batch", 2}});
        h.set(0, tokens({2, 3}, 7));
        h.workspace->zero_gradients();
        h.forward();
        Tensor<float> a = numbers({2, 3, 7}, 5), b = numbers({2, 3, 4}, 6);
        for (float& v : a) v *= static_cast<float>(projection);
        for (float& v : b) v *= static_cast<float>(looked_up);
        if (h.outputs.size() > 1) {
            h.seed(0, a);
            h.seed(1, b);
        } else {
            h.seed(0, b);
        }
        h.backward();
        return h.grad("embedding.embeddings");
    };
    const auto both = go(tied, 1, 1), first = go(tied, 1, 0), second = go(tied, 0, 1);
    for (Index i = 0; i < both.size(); ++i) CHECK(std::abs(both[i] - first[i] - second[i]) < 1e-5);
    // The same embedding alone is row-sparse, with the same bits.
    Harness<> alone({ids}, {embedding(ids)});
    CHECK(alone.layout.segments[0].row_sparse);
    CHECK(alone.layout.dense_size == 0);
    const auto sparse = go(alone, 0, 1);
    for (Index i = 0; i < sparse.size(); ++i) CHECK(sparse[i] == second[i]);

    // The owner must be in the model, or built by another one before.
    const Embedding other({.input_dim = 7, .output_dim = 4});
    CHECK_THROWS_WITH(
        Harness<>({ids}, {TiedProjection<>(other, 7)(embedding(ids))}),
        ContainsSubstring("refers to \"embeddings\" of a layer (embedding) that is not part of the model"));
    const Node x = input({dim::batch(), 4});
    Harness<> elsewhere({x}, {TiedProjection<>(embedding, 7)(x)});
    CHECK(elsewhere.table.list()[0].view().data == alone.table.list()[0].view().data);
}

TEST_CASE("Parameters: frozen ones have no slot") {
    const Node x = input({dim::batch(), 4});
    Harness<> h({x}, {Dense(2)(Dense(3)(x))}, {.differentiated = true}, {"dense.kernel", "dense.bias"});
    CHECK(h.layout.segments[0].slot == -1);
    CHECK(h.layout.segments[2].slot == 0);
    CHECK(h.layout.segments[3].slot == 16);
    CHECK(h.layout.dense_size == 32);
}

TEST_CASE("Parameters: a table that cannot be made leaves its layers as they were") {
    const Dense layer(3), other(2);
    const Node x = input({dim::batch(), 4}), wide = input({dim::batch(), 5});
    CHECK_THROWS_WITH(Harness<>({x, wide}, {other(x), layer(x), layer(wide)}),
                      ContainsSubstring("kernel is shared with a place"));
    CHECK(layer.identity()->entries.empty());
    CHECK(other.identity()->entries.empty());
    Harness<> h({wide}, {layer(wide)});
    h.sizes({{"batch", 2}});
    h.set(0, numbers({2, 5}));
    h.forward();
    CHECK(std::isfinite(h.y()[5]));
}

TEST_CASE("Parameters: a table larger than memory is refused") {
    const Embedding table({.input_dim = Index{1} << 30, .output_dim = Index{1} << 32});
    const Node ids = input({dim::batch()}, Dtype::i32);
    CHECK_THROWS_AS(Harness<>({ids}, {table(ids)}), ShapeError);
    CHECK(table.identity()->entries.empty());
}

// A row-sparse parameter has the gradients of the step's ids only, and ends with the bits of a dense one.
#include "support.hpp"

using namespace contract;

namespace {

// An embedding by plain loops; `sparse` says how its gradient is held.
template <class T = float> class Table : public Layer<Table, T> {
public:
    Table() = default;
    Table(Index vocabulary, Index width, bool sparse) : vocabulary_(vocabulary), width_(width), sparse_(sparse) {}
    std::string_view kind() const override { return "table"; }
    void fields(Fields& f) override {
        f("vocabulary", vocabulary_);
        f("width", width_);
        f("sparse", sparse_);
    }
    void build(Build& b) override {
        b.ids(0, vocabulary_);
        SymbolicShape s = b.in(0).shape;
        s.push_back(width_);
        b.out(0, s);
        rows_ = b.param("rows", {vocabulary_, width_}, initializers::random_uniform(-1, 1), {.row_sparse = sparse_});
    }
    void forward(Run<T>& r) const override {
        const auto ids = r.ids(0);
        for (Index i = 0; i < ids.size(); ++i)
            for (Index k = 0; k < width_; ++k) r.y(0)[i * width_ + k] = r[rows_][ids[i] * width_ + k];
    }
    void backward(Run<T>& r) const override {
        const auto ids = r.ids(0);
        const auto dy = r.dy(0);
        const auto g = r.grad(rows_);
        if (g.empty() || dy.empty()) return;
        const auto sorted = r.rows(rows_);
        const auto positions = r.positions(rows_);
        held_rows = g.shape()[0];
        for (Index i = 0; i < ids.size(); ++i) {
            const Index row = sorted.empty() ? ids[i] : positions[static_cast<std::size_t>(i)];
            if (!sorted.empty()) CHECK(sorted[static_cast<std::size_t>(row)] == ids[i]);
            for (Index k = 0; k < width_; ++k) g[row * width_ + k] += dy[i * width_ + k];
        }
    }
    static inline Index held_rows = 0;

private:
    Index vocabulary_ = 0, width_ = 0;
    bool sparse_ = false;
    Param rows_;
};

template <class O> std::string train(bool sparse, bool shared, const O& optimizer, Index& held) {
    const Table<float> table(50, 3, sparse);
    const Node a = input({dim::batch(), dim::time()}, Dtype::i32), b = input({dim::batch(), dim::time()}, Dtype::i32);
    const LSTM lstm(4);
    const Node x = lstm(table(a)), y = shared ? lstm(table(b)) : x;
    Model<float> model({a, b}, {Dense(1, sigmoid)(x), Dense(1, sigmoid)(y)});
    model.compile({.optimizer = optimizer, .loss = {BinaryCrossentropy(), BinaryCrossentropy()}, .seed = 8});
    for (std::uint64_t step = 0; step < 12; ++step) {
        const Index rows = step % 3 ? 4 : 3;
        const auto i = integers(Shape{rows, 5}, step, 50), j = integers(Shape{rows, 5}, 100 + step, 50);
        const auto t = integers(Shape{rows}, step, 2), u = integers(Shape{rows}, step + 7, 2);
        model.train_on_batch({i, j}, {t, u});
    }
    held = Table<float>::held_rows;
    return model.fingerprint();
}

} // namespace

TEST_CASE("row sparse: equal bits to the dense path") {
    for (const bool shared : {false, true}) {
        Index sparse_rows = 0, dense_rows = 0;
        CHECK(train(true, shared, Adam(0.01), sparse_rows) == train(false, shared, Adam(0.01), dense_rows));
        CHECK(dense_rows == 50);
        CHECK(sparse_rows < 41);
        CHECK(train(true, shared, SGD(0.1), sparse_rows) == train(false, shared, SGD(0.1), dense_rows));
    }
}

TEST_CASE("row sparse: gradients of two passes add up before a step") {
    const auto gradient_after = [](bool sparse) {
        const Node a = input({dim::batch(), dim::time()}, Dtype::i32);
        Model<float> model({a}, {Dense(1, sigmoid)(LSTM(4)(Table<float>(50, 3, sparse)(a)))});
        model.compile({.optimizer = Adam(0.01), .loss = BinaryCrossentropy(), .seed = 8});
        for (std::uint64_t step = 0; step < 6; ++step) {
            model.forward(integers(Shape{3, 5}, step, 50));
            model.loss(integers(Shape{3}, step, 2));
            model.backward();
            if (step % 3 == 2) model.step();
        }
        return model.fingerprint();
    };
    CHECK(gradient_after(true) == gradient_after(false));
}

TEST_CASE("row-sparse: two readers, whose ids grow though neither symbol outgrows its bound") {
    // Rows and steps were at their largest in turn; then both are.
    const auto trained = [](bool sparse) {
        const Table<> table(500, 4, sparse);
        const Node a = input({dim::batch(), dim::time()}, Dtype::i32),
                   b = input({dim::batch(), dim::time()}, Dtype::i32);
        const GlobalAveragePooling1D<> mean;
        Model<float> model({a, b}, {Dense(1, sigmoid)(mean(table(a))), Dense(1, sigmoid)(mean(table(b)))});
        model.compile({.optimizer = Adam(0.1), .loss = {BinaryCrossentropy(), BinaryCrossentropy()}, .seed = 1});
        for (const auto& [rows, time] : {std::pair<Index, Index>{32, 10}, {2, 20}, {32, 20}, {1, 1}}) {
            Tensor<std::int32_t> x({rows, time}), z({rows, time});
            for (Index i = 0; i < x.size(); ++i) {
                x[i] = static_cast<std::int32_t>(i * 7 % 500);
                z[i] = static_cast<std::int32_t>(i * 11 % 500);
            }
            const Tensor<float> y({rows, 1});
            model.train_on_batch({x, z}, {y, y});
        }
        return model.fingerprint();
    };
    CHECK(trained(true) == trained(false));
}

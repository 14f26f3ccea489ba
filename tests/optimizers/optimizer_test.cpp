// What every optimizer promises, whatever its rule.
#include <gradus/optimizers/adam.hpp>
#include <gradus/optimizers/adamw.hpp>
#include <gradus/optimizers/nesterov.hpp>
#include <gradus/optimizers/rmsprop.hpp>
#include <gradus/optimizers/schedules/cosine_decay.hpp>
#include <gradus/optimizers/schedules/warmup.hpp>
#include <gradus/optimizers/sgd.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include "blocks.hpp"
#include "catch.hpp"

#include <algorithm>

using namespace gradus;
using namespace blocks;

namespace {

template <class T> std::vector<OptimizerHandle<T>> all() {
    const CosineDecay wave({.initial_learning_rate = 0.1, .decay_steps = 3, .alpha = 0.2});
    return {SGD(0.1),
            Momentum(0.1),
            Momentum({.learning_rate = 0.1, .momentum = 0.8, .averaged = true}),
            Nesterov(0.1),
            Adam(0.1),
            AdamW({.learning_rate = 0.1, .weight_decay = 0.1}),
            RMSprop(0.1),
            RMSprop({.learning_rate = 0.1, .momentum = 0.9}),
            RMSprop({.learning_rate = 0.1, .centered = true}),
            RMSprop({.learning_rate = 0.1, .momentum = 0.9, .centered = true}),
            Adam(Warmup({.learning_rate = wave, .warmup_steps = 2, .initial_learning_rate = 0.01})),
            AdamW(wave)};
}

template <class T>
Blocks<T> trained(const Optimizer<T>& optimizer, const std::vector<Shape>& shapes, Index align = 16) {
    Blocks<T> b(shapes, optimizer.moments(), align);
    for (int t = 1; t <= 4; ++t) {
        b.fill_gradients(t);
        b.apply(optimizer);
    }
    return b;
}

template <class T> void check_sparse(const Optimizer<T>& optimizer, Index vocabulary, Index dim) {
    Blocks<T> dense({{3}, {vocabulary, dim}, {5}}, optimizer.moments());
    Blocks<T> sparse = dense;
    sparse.segments[1].row_sparse = true;
    for (Index t = 0; t < 6; ++t) {
        std::vector<std::int32_t> ids;
        for (Index r = 0; r < vocabulary; ++r)
            if ((r * 7 + t) % 5 < (t == 3 ? 0 : 2) || (t == 4 && r + 1 == vocabulary))
                ids.push_back(static_cast<std::int32_t>(r));
        const auto values = numbers<T>(static_cast<Index>(ids.size()) * dim, int(t));
        dense.fill_gradients(int(t));
        sparse.fill_gradients(int(t));
        T* g = dense.gradients.data() + dense.segments[1].slot;
        std::fill_n(g, vocabulary * dim, T(0));
        for (std::size_t i = 0; i < ids.size(); ++i)
            std::copy_n(values.begin() + static_cast<Index>(i) * dim, dim, g + ids[i] * dim);
        // The dense place of a row-sparse gradient is never read.
        std::fill_n(sparse.gradients.begin() + sparse.segments[1].slot, vocabulary * dim, T(NAN));
        sparse.sparse = {{}, {ids, values.data()}};
        dense.apply(optimizer);
        sparse.apply(optimizer);
        REQUIRE(same(dense.parameters, sparse.parameters));
        for (std::size_t i = 0; i < dense.moments.size(); ++i) REQUIRE(same(dense.moments[i], sparse.moments[i]));
    }
}

template <class T> void check_promises() {
    int number = 0;
    for (const auto& handle : all<T>()) {
        const Optimizer<T>& optimizer = *handle;
        const std::string name = std::string(optimizer.kind()) + " #" + std::to_string(number++);
        SECTION(name + ": how parameters are cut does not change the bits; padding stays") {
            const auto apart = trained(optimizer, {{5, 3}, {1}, {16}, {40}});
            const auto together = trained(optimizer, {{5, 3}, {1}, {16}, {40}}, 1);
            for (std::size_t i = 0; i < apart.segments.size(); ++i) {
                const Segment &a = apart.segments[i], &b = together.segments[i];
                Blocks<T> alone({a.shape}, optimizer.moments());
                std::copy_n(Blocks<T>({{5, 3}, {1}, {16}, {40}}, 0).parameters.begin() + a.offset, a.size(),
                            alone.parameters.begin() + alone.segments[0].offset);
                for (int t = 1; t <= 4; ++t) {
                    const auto g = numbers<T>(a.size(), t + int(a.offset));
                    std::copy(g.begin(), g.end(), alone.gradients.begin() + alone.segments[0].slot);
                    alone.apply(optimizer);
                }
                for (Index k = 0; k < a.size(); ++k)
                    CHECK(alone.parameters[static_cast<std::size_t>(alone.segments[0].offset + k)] ==
                          apart.parameters[static_cast<std::size_t>(a.offset + k)]);
                CHECK(b.size() == a.size());
            }
            std::size_t inside = 0;
            for (const Segment& s : apart.segments) inside += static_cast<std::size_t>(s.size());
            for (const auto* block : {&apart.parameters, &apart.gradients})
                CHECK(static_cast<std::size_t>(std::count(block->begin(), block->end(), T(padding))) ==
                      block->size() - inside);
            for (const auto& m : apart.moments)
                CHECK(static_cast<std::size_t>(std::count(m.begin(), m.end(), T(padding))) == m.size() - inside);
        }
        SECTION(name + ": frozen segments stay") {
            Blocks<T> b({{5, 3}, {7}, {16}}, optimizer.moments());
            const auto before = b;
            b.segments[1].slot = -1;
            b.fill_gradients(1);
            b.apply(optimizer);
            for (Index i = 0; i < Index(b.parameters.size()); ++i) {
                const auto k = static_cast<std::size_t>(i);
                const bool moves = (i >= 16 && i < 31) || (i >= 48 && i < 64);
                CHECK((b.parameters[k] != before.parameters[k]) == moves);
                for (std::size_t m = 0; m < b.moments.size(); ++m)
                    CHECK((b.moments[m][k] != before.moments[m][k]) == moves);
            }
        }
        SECTION(name + ": a group's scale multiplies the rate") {
            // Three groups of which the second has half the rate, and the third none.
            const std::vector<Shape> shapes{{5, 3}, {16}, {7}, {20, 3}};
            Blocks<T> b(shapes, optimizer.moments()), half = b, whole = b;
            const auto start = b;
            for (std::size_t i = 0; i < 4; ++i) b.segments[i].group = Index(i) % 3;
            b.segments[3].group = 1;
            b.segments[3].row_sparse = true;
            const std::vector<std::int32_t> ids{1, 19};
            for (int t = 1; t <= 4; ++t) {
                const auto values = numbers<T>(6, t);
                b.sparse = {{}, {}, {}, {ids, values.data()}};
                for (Blocks<T>* x : {&b, &half, &whole}) {
                    x->fill_gradients(t);
                    T* g = x->gradients.data() + x->segments[3].slot;
                    std::fill_n(g, 60, T(0));
                    for (std::size_t i = 0; i < 2; ++i) std::copy_n(values.begin() + Index(i) * 3, 3, g + ids[i] * 3);
                }
                b.apply(optimizer, {1, 0.5, 0});
                half.apply(optimizer, {0.5});
                whole.apply(optimizer);
            }
            const auto equal = [&](const Blocks<T>& other, std::size_t i) {
                const Segment& s = b.segments[i];
                return std::memcmp(b.parameters.data() + s.offset, other.parameters.data() + s.offset,
                                   static_cast<std::size_t>(s.size()) * sizeof(T)) == 0;
            };
            CHECK(equal(whole, 0));
            CHECK(equal(half, 1));
            CHECK(equal(start, 2));
            CHECK(equal(half, 3));
            CHECK_FALSE(equal(whole, 1));
        }
        SECTION(name + ": moments and the number of updates are all that a resumed run needs") {
            const std::vector<Shape> shapes{{5, 3}, {7}};
            Blocks<T> straight(shapes, optimizer.moments());
            for (int t = 1; t <= 6; ++t) {
                straight.fill_gradients(t);
                straight.apply(optimizer);
            }
            Blocks<T> resumed(shapes, optimizer.moments());
            for (int t = 1; t <= 6; ++t) {
                const OptimizerHandle<T> fresh(optimizer.copy());
                resumed.fill_gradients(t);
                resumed.apply(*fresh);
            }
            CHECK(same(straight.parameters, resumed.parameters));
        }
        SECTION(name + ": row-sparse equals dense bit for bit") {
            check_sparse(optimizer, 1, 1);
            check_sparse(optimizer, 23, 3);
            check_sparse(optimizer, 1000, 50);
            check_sparse(optimizer, 3, 5000);
        }
        SECTION(name + ": segments without elements, no segments") {
            Blocks<T> b({{0}, {2, 0}, {3}}, optimizer.moments());
            b.fill_gradients(1);
            b.apply(optimizer);
            Blocks<T> none({}, optimizer.moments());
            none.apply(optimizer);
        }
        SECTION(name + ": the same bits for any number of threads and with fused multiply-add") {
            const std::vector<Shape> shapes{{100, 1000}, {3}, {70001}};
            std::vector<std::vector<T>> results;
            for (int threads : {1, 2, 3, 8}) {
                set_threads(threads);
                results.push_back(trained(optimizer, shapes).parameters);
            }
            set_threads(0);
#if !GRADUS_EIGEN_KERNELS
            for (auto isa : {kernels::Isa::avx2, kernels::Isa::avx512}) {
                if (!kernels::available(isa) || kernels::isa() == kernels::Isa::baseline) continue;
                kernels::IsaScope scope(isa);
                results.push_back(trained(optimizer, shapes).parameters);
            }
#endif
            for (const auto& r : results) CHECK(same(r, results[0]));
        }
        SECTION(name + ": allocates nothing") {
            Blocks<T> b({{100, 1000}, {3}, {70001}}, optimizer.moments());
            b.segments[0].row_sparse = true;
            const std::vector<std::int32_t> ids{3, 50, 99};
            const auto values = numbers<T>(3000, 1);
            b.sparse = {{ids, values.data()}};
            b.fill_gradients(1);
            b.apply(optimizer);
            std::vector<T*> pointers;
            for (auto& m : b.moments) pointers.push_back(m.data());
            const Update<T> u{b.parameters.data(), b.segments, b.gradients.data(), b.sparse, pointers, 2};
            REQUIRE(AllocationGuard::counting());
            const AllocationGuard guard;
            optimizer.update(u);
            CHECK(guard.count() == 0);
        }
    }
}

template <class T> class Reversed : public Optimizer<T> {
public:
    std::string_view kind() const override { return "reversed"; }
    void fields(Fields& f) override { f("learning_rate", rate_); }
    Index moments() const override { return 0; }
    void update(const Update<T>& u) const override {
        for (const Segment& s : u.segments)
            for (Index i = 0; i < s.size(); ++i) u.parameters[s.offset + i] += T(rate_) * u.gradients[s.slot + i];
    }
    double learning_rate(Index) const override { return rate_; }
    void set_learning_rate(double rate) override { rate_ = rate; }
    std::unique_ptr<Optimizer<T>> copy() const override { return std::make_unique<Reversed>(*this); }

private:
    double rate_ = 1;
};

} // namespace

TEST_CASE("optimizers keep their promises in float", "[optimizers]") { check_promises<float>(); }
TEST_CASE("optimizers keep their promises in double", "[optimizers]") { check_promises<double>(); }

TEST_CASE("a rate is a number that may be set, or a schedule that rules", "[optimizers]") {
    const CosineDecay wave({.initial_learning_rate = 0.5, .decay_steps = 10});
    Adam number(0.25), scheduled(wave);
    CHECK(number.learning_rate(7) == 0.25);
    number.set_learning_rate(0);
    CHECK(number.learning_rate() == 0);
    CHECK(scheduled.learning_rate() == 0.5);
    CHECK(scheduled.learning_rate(5) == wave(5));
    CHECK(scheduled.learning_rate(10) == 0);
    CHECK_THROWS_WITH(
        scheduled.set_learning_rate(0.1),
        "adam: set_learning_rate expects an optimizer whose rate is a number, got a schedule (cosine_decay)");
    CHECK_THROWS_WITH(scheduled.set_learning_rate(-1),
                      "adam: learning_rate expects a finite number of at least 0, got -1");
    const Adam<double> wide = scheduled;
    CHECK(wide.learning_rate(5) == wave(5));
    const OptimizerHandle<double> handle = SGD(Warmup({.learning_rate = wave, .warmup_steps = 2}));
    CHECK(handle->learning_rate(1) == 0.25);
    CHECK(handle->learning_rate(4) == wave(2));
    CHECK_FALSE(scheduled.options().learning_rate == 0.5);
    // A schedule that nobody gave its options.
    CHECK_THROWS_WITH(SGD(CosineDecay()), "cosine_decay: learning_rate expects a finite number of at least 0, got nan");
}

TEST_CASE("handles hold optimizers of any scalar, users' own too", "[optimizers]") {
    OptimizerHandle<float> none;
    CHECK(!none);
    OptimizerHandle<double> a = Adam({.learning_rate = 0.25});
    OptimizerHandle<double> b = a;
    b->set_learning_rate(0.5);
    CHECK(a->learning_rate() == 0.25);
    CHECK(b->learning_rate() == 0.5);
    CHECK(b->kind() == "adam");
    CHECK(b->moments() == 2);
    a = SGD<double>(0.125);
    CHECK(a->kind() == "sgd");
    CHECK(a->moments() == 0);
    Reversed<float> mine;
    mine.set_learning_rate(3);
    CHECK(OptimizerHandle<float>(mine)->learning_rate() == 3);
    CHECK(OptimizerHandle<double>(mine)->learning_rate() == 3);
    static_assert(!std::is_constructible_v<OptimizerHandle<float>, const int&>);
    OptimizerHandle<float> held;
    OptimizerSlot<float> slot(held);
    CHECK(slot.get() == nullptr);
    slot.set(std::make_unique<Adam<float>>());
    CHECK(held->kind() == "adam");
    CHECK_THROWS_AS(slot.set(std::make_unique<Adam<double>>()), ValueError);
}

namespace {
template <class O>
concept FromBraces = requires { O({}); };
template <class O> void check_positional(double usual) {
    CHECK_FALSE(FromBraces<O>); // ambiguous; it must never be a rate of 0
    CHECK(O().learning_rate() == usual);
    CHECK(O(1).learning_rate() == 1);
    CHECK(O(0.25f).learning_rate() == 0.25);
}
} // namespace

TEST_CASE("empty braces are no learning rate", "[optimizers]") {
    check_positional<SGD<>>(0.01);
    check_positional<Momentum<>>(0.01);
    check_positional<Nesterov<>>(0.01);
    check_positional<RMSprop<>>(0.001);
    check_positional<Adam<>>(0.001);
    check_positional<AdamW<>>(0.001);
}

// What every layer promises at sizes where work is shared: the same bits for any number of threads, and no allocation
// in a pass.
#pragma once
#include "catch.hpp"
#include "harness.hpp"
#include <gradus/core/parallel.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <cstring>

/// `make` calls the layer on one node of [batch, ...]; ids where `below` is not 0.
template <class F> void check_promises(const F& make, gradus::SymbolicShape shape, gradus::Index batch,
                                       bool mask = false, gradus::Index below = 0) {
    using namespace gradus;
    const Node x = input(shape, below ? Dtype::i32 : Dtype::f32, mask);
    Harness<> h({x}, {make(x)});
    h.pass.training = true;
    h.pass.seed = 3;
    const auto load = [&](Index rows) {
        h.sizes({{"batch", rows}});
        const Shape s = evaluate(shape, h.workspace->extents());
        if (below)
            h.set(0, tokens(s, below));
        else
            h.set(0, numbers(s));
        if (mask) {
            const AnyView v = h.workspace->value(h.inputs[0]);
            for (Index i = 0; i < v.mask_shape.size(); ++i) v.mask[i] = mix(static_cast<std::uint64_t>(i)) % 3 != 0;
        }
        h.workspace->zero_gradients();
    };
    const auto pass = [&] {
        h.forward();
        const auto dy = h.workspace->gradient(h.outputs[0]).template as<float>();
        for (Index i = 0; i < dy.size(); ++i)
            dy[i] = static_cast<float>(mix(static_cast<std::uint64_t>(i)) % 1000) * 0.001f - 0.5f;
        h.backward();
    };
    const auto bits = [&] {
        std::vector<float> all(h.y().begin(), h.y().end());
        if (!below) all.insert(all.end(), h.dx().begin(), h.dx().end());
        for (const Parameter& p : h.table.list())
            if (p.trained) {
                const auto g = h.grad(p.name);
                all.insert(all.end(), g.begin(), g.end());
            }
        return all;
    };
    std::vector<float> expected;
    for (const int n : {1, 2, 3, 8}) {
        set_threads(n);
        h.workspace->reset_states();
        load(batch);
        pass();
        const auto got = bits();
        if (expected.empty()) expected = got;
        INFO(n << " threads");
        CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0);
    }
    set_threads(0);
    REQUIRE(AllocationGuard::counting());
    Extents full, part;
    full.set("batch", batch);
    part.set("batch", batch / 2 + 1);
    load(batch);
    pass();
    const AllocationGuard guard;
    for (const Extents* e : {&full, &part, &full}) {
        h.workspace->set(*e);
        pass();
    }
    const Index allocations = guard.count();
    if (!GRADUS_EIGEN_KERNELS) CHECK(allocations == 0); // large products of Eigen allocate
}

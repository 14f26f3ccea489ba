// What the tests of errors between predictions and targets of one shape share.
#pragma once
#include <gradus/testing/check_layer.hpp>

#include "catch.hpp"
#include "place.hpp"

namespace place {

template <template <class> class L> void check_golden(const L<float>& loss, const std::string& name) {
    INFO(name);
    CHECK(golden_difference<double, double>(L<double>(loss), name) <= 1e-12);
    CHECK(golden_difference<float, float>(loss, name) <= 1e-5);
}

// Central differences need distance from where a slope jumps: seeds of check_layer's numbers keep it.
template <class L> void check_gradients(const L& loss) {
    for (const SymbolicShape& shape :
         {SymbolicShape{dim::batch(), 1}, {dim::batch(), 5}, {dim::batch(), dim::time(), 3}})
        check_layer(loss, {.inputs = {{.shape = shape, .low = -2, .high = 2}, {.shape = shape, .low = -2, .high = 2}}});
}

// No rows, no upstream gradient, no gradient at all.
template <class T> void check_nothing(const LossOf<T>& loss) {
    const Tensor<T> none(Shape{0, 2}), some(Shape{3, 2}, T(1));
    LossPlace<T> empty(loss, none, AnyView(none.view()));
    empty.forward();
    empty.backward();
    LossPlace<T> unused(loss, some, AnyView(some.view()));
    unused.forward();
    for (T x : unused.loss) CHECK(x == 0);
    unused.backward(View<const T>());
    for (T x : unused.dp) CHECK(x == 0);
    LossPlace<T> plain(loss, some, AnyView(some.view()), false);
    plain.forward();
    for (T x : plain.loss) CHECK(x == 0);
}

template <class L> void check_refusals() {
    const auto build = [](SymbolicShape p, Build::In target) {
        L loss;
        Build b({{std::move(p), Dtype::f32}, std::move(target)}, Dtype::f32, "loss");
        loss.build(b);
    };
    const SymbolicShape two{dim::batch(), 2};
    build(two, {two, Dtype::f32});
    CHECK_THROWS_AS(build({dim::batch()}, {{dim::batch()}, Dtype::f32}), ShapeError);
    CHECK_THROWS_AS(build({dim::batch(), 0}, {{dim::batch(), 0}, Dtype::f32}), ShapeError);
    CHECK_THROWS_AS(build(two, {two, Dtype::i32}), ShapeError);
    CHECK_THROWS_AS(build(two, {{dim::batch(), 3}, Dtype::f32}), ShapeError);
    CHECK_THROWS_WITH(build(two, {{dim::batch()}, Dtype::f32}),
                      "loss: expects targets [batch, 2] for its predictions, got [batch, 2] and [batch]");
}

} // namespace place

/// Floating-point operations of a planned node, from the products that its layer declared in `build`.
#pragma once
#include <gradus/graph/flow.hpp>

#include <algorithm>

GRADUS_BEGIN
namespace detail {

inline double flops(const Build& build, const Frame& frame, const Extents& extents, bool backward,
                    bool input_gradient) {
    double sum = 0;
    for (const Build::Product& p : build.products()) {
        const double each = 2 * static_cast<double>(p.multiply_adds.evaluate(extents));
        const bool trained = p.weights.i >= 0 && !frame.grads[static_cast<std::size_t>(p.weights.i)].empty();
        const bool operand = p.operand == build::Operand::own || input_gradient;
        sum += backward ? (trained + operand) * each : each;
    }
    for (std::size_t i = 0; i < build.children().size(); ++i) {
        const Build::ChildSpec& c = *build.children()[i];
        sum += static_cast<double>(c.times.evaluate(extents)) *
               flops(c.build, frame.children[i], extents, backward, input_gradient);
    }
    return sum;
}

} // namespace detail

/// Two for each multiply-add of matrix products, as if no step was masked; nothing for other work. Backward: gradients
/// of trained weights and of what they multiply, where the plan wants them. Allocates nothing.
inline double flops(const PlannedNode& node, const Extents& extents, bool backward) {
    if (!node.layer || (backward && !node.differentiates)) return 0;
    const auto& dx = node.frame.dx;
    return detail::flops(*node.build, node.frame, extents, backward,
                         std::any_of(dx.begin(), dx.end(), [](const AnyView& v) { return !v.empty(); }));
}

GRADUS_END

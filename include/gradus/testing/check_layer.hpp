/// check_layer: proves a layer's gradients and its side of the contract. `check_layer<Swish>()` is the whole test of a
/// custom layer.
///
/// Throws gradus::Error at the first thing that is wrong, so any test framework, or none, can run it. Checked are, with
/// and without training, for a batch of 1, an odd one that makes the plan grow, and a smaller one:
/// - every element of the gradients of every input and parameter against central differences, in double;
/// - memory: all of it is poisoned with NaN before a pass, dx before backward; parameter gradients are added, not
/// overwritten;
/// - in place and not, unused outputs, unasked inputs, frozen parameters, plans without gradients: all give the same
/// numbers;
/// - ends_with and passes_over: where a reader passes over the layer's activation, or the layer over that of what feeds
/// it, the gradients before are the same;
/// - masks with holes and a row without any step; a layer that stands at two places; carried state, whose next side
/// must be written;
/// - float against double, the same bits for 1, 2, 3 and 8 threads, and no allocation (where the binary counts them).
#pragma once
#include <gradus/testing/check_run.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN

namespace detail {

/// The checks of one layer, in double and, where the layer converts, in float.
class LayerCheck {
public:
    LayerCheck(const LayerOf<double>& layer, const LayerOf<float>* single, const CheckOptions& options)
        : layer_(layer), single_(single), options_(options), kept_(layer, options, {}) {
        randomize(kept_.table());
    }

    void run() {
        check_masks();
        for (std::size_t k = 0; k < options_.batches.size(); ++k)
            for (const bool training : {false, true}) {
                sizes_ = extents(k);
                pass_ = Pass{};
                pass_.training = training;
                pass_.seed = options_.seed;
                pass_.update = 3;
                check_gradients();
                check_wirings();
                check_links();
                if (!training) check_two_places();
                if (single_) check_float(k + 1 == options_.batches.size() || k == 1);
            }
    }

private:
    Extents extents(std::size_t k) const {
        Extents e;
        std::vector<std::string> names;
        for (const CheckInput& in : options_.inputs)
            for (const Dim& d : in.shape) d.symbols(names);
        const Index time = options_.times.empty() ? 4 : options_.times[k % options_.times.size()];
        for (const std::string& n : names) e.set(n, n == "batch" ? options_.batches[k] : time);
        return e;
    }
    /// Zeros (biases) hide errors, so every parameter moves away from where it starts.
    void randomize(ParameterTable& table) {
        for (std::size_t i = 0; i < table.list().size(); ++i) {
            const Parameter& p = table.list()[i];
            const AnyView v = p.view();
            if (v.dtype != Dtype::f64) continue;
            for (Index k = 0; k < v.shape.size(); ++k) {
                double& x = static_cast<double*>(v.data)[k];
                const double u = check_number(options_.seed * 31 + i, k);
                x = static_cast<float>(p.trained ? x + 0.6 * (u - 0.5) : x + 0.5 * u);
            }
        }
    }

    [[noreturn]] void fail(const std::string& what) const {
        std::string where = "check_layer(" + std::string(layer_.kind()) + "): " + what;
        for (const auto& [name, value] : sizes_.values()) where += "; " + name + " " + std::to_string(value);
        throw Error(where + (pass_.training ? ", training" : ", inference") + ", seed " +
                    std::to_string(options_.seed));
    }
    [[noreturn]] void fail(const std::string& name, std::size_t i, const std::string& what, double expected,
                           double got) const {
        char text[160];
        std::snprintf(text, sizeof text, "[%zu] expects %.10g (", i, expected);
        std::string s = name + text + what;
        std::snprintf(text, sizeof text, "), got %.10g", got);
        fail(s + text);
    }
    static double largest(const std::vector<double>& v) {
        double m = 0;
        for (double x : v) m = std::max(m, std::abs(x));
        return m;
    }
    static const std::vector<double>* find(const CheckValues& values, const std::string& name) {
        for (const auto& [n, v] : values)
            if (n == name) return &v;
        return nullptr;
    }
    /// Every value of `got` that `expected` has too. tolerance 0: the same bits.
    void compare(const CheckValues& expected, const CheckValues& got, const std::string& what, double tolerance,
                 double factor = 1) const {
        for (const auto& [name, values] : got) {
            const auto* e = find(expected, name);
            if (!e) continue;
            if (e->size() != values.size()) fail(name + ": sizes differ (" + what + ")");
            const double scale = std::max(1e-3, largest(*e));
            for (std::size_t i = 0; i < values.size(); ++i) {
                const double want = (*e)[i] * factor;
                if (tolerance == 0 ? values[i] == want : std::abs(values[i] - want) <= tolerance * scale) continue;
                fail(name, i, what, want, values[i]);
            }
        }
    }

    void check_masks() const {
        static constexpr const char* names[] = {"stops", "passes", "is made"};
        const auto& outs = kept_.build().outs();
        for (std::size_t o = 0; o < options_.masks.size(); ++o) {
            if (o >= outs.size()) fail("expects output " + std::to_string(o) + ", got " + std::to_string(outs.size()));
            if (outs[o].mask != options_.masks[o])
                fail("output " + std::to_string(o) + " expects that its mask " +
                     names[static_cast<int>(options_.masks[o])] + ", got one that " +
                     names[static_cast<int>(outs[o].mask)]);
        }
    }
    void check_gradients() {
        kept_.set(sizes_);
        kept_.choose(0);
        reference_ = kept_.pass(pass_);
        for (const auto& [name, values] : reference_)
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (!std::isfinite(values[i]))
                    fail(name + "[" + std::to_string(i) +
                         "] is not a number: never written, or read before it was written");
                if (name.starts_with("mask") && values[i] != 0 && values[i] != 1)
                    fail(name + "[" + std::to_string(i) + "] expects 0 or 1, got " + std::to_string(values[i]));
            }
        for (const auto& t : kept_.targets()) {
            const std::vector<double>* g = find(reference_, t.name);
            if (!g) fail(t.name + ": there is no gradient");
            const double floor = std::max(1e-3, 0.1 * largest(*g));
            for (Index i = 0; i < t.size; ++i) {
                const double h = options_.step;
                const double up = kept_.moved(pass_, t.parameter, t.index, i, h);
                const double down = kept_.moved(pass_, t.parameter, t.index, i, -h);
                const double difference = (up - down) / (2 * h), got = (*g)[static_cast<std::size_t>(i)];
                if (std::abs(difference - got) <=
                    options_.tolerance * std::max({floor, std::abs(difference), std::abs(got)}))
                    continue;
                fail(t.name, static_cast<std::size_t>(i), "finite difference", difference, got);
            }
        }
        // A gradient that is added twice doubles; what is overwritten stays.
        (void)kept_.pass(pass_);
        for (const auto& [name, values] : kept_.again(pass_)) {
            const auto& once = *find(reference_, name);
            const bool parameter = name.starts_with("grad");
            for (std::size_t i = 0; i < values.size(); ++i) {
                const double want = parameter ? 2 * once[i] : once[i];
                if (!(std::abs(values[i] - want) <= 1e-12 * std::max(1.0, largest(once)))) // NaN is no sum, either
                    fail(name, i,
                         parameter ? "the sum of two passes: gradients of parameters add up" : "the same as before",
                         want, values[i]);
            }
        }
        if (AllocationGuard::counting() && !GRADUS_EIGEN_KERNELS) // products of Eigen may allocate
            if (const Index n = kept_.allocations(pass_))
                fail("a pass makes " + std::to_string(n) + " allocations, expects none");
    }

    CheckValues once(CheckWiring wiring) const {
        CheckRun<double> run(layer_, options_, wiring);
        run.set(sizes_);
        return run.pass(pass_);
    }
    void check_wirings() {
        compare(reference_, once({.keep = false}), "as when nothing is in place", 0);
        compare(reference_, once({.keep = false, .differentiated = false, .want_dx = false}),
                "as in a differentiated plan", 0);
        compare(reference_, once({.want_dx = false}), "as when the inputs' gradients are wanted", 0);
        compare(reference_, once({.frozen = true}), "as when the parameters are trained", 0);
        compare(reference_, once({.prefilled = false}), "as when parameter gradients add to others", 1e-12);
        const int outputs = static_cast<int>(kept_.build().outs().size());
        for (int o = 0; outputs > 1 && o < outputs; ++o) {
            const CheckValues zero = kept_.pass(pass_, o);
            compare(zero, once({.only_output = o}), "as when the other outputs' gradients are zero", 1e-12);
        }
    }
    /// Passing over an activation changes no gradient.
    void check_links() const {
        const auto compare_links = [&](CheckWiring wiring, const char* what) {
            wiring.keep = false;
            const CheckValues apart = once(wiring);
            wiring.linked = true;
            compare(apart, once(wiring), what, 1e-12);
        };
        const activation::Kind own = layer_.ends_with();
        if (own != linear && !activation::needs_input(own))
            compare_links({.after = own}, "as when the reader does not pass over the layer's activation");
        const std::size_t kinds = activation::enum_names(linear).size();
        for (std::size_t k = 1; k < kinds; ++k)
            if (const auto kind = static_cast<activation::Kind>(k);
                !activation::needs_input(kind) && layer_.passes_over(kind))
                compare_links({.before = kind}, "as when the layer does not pass over its producer's activation");
    }
    /// Gradients of both places add up in the parameters.
    void check_two_places() {
        CheckRun<double> both(layer_, options_, {.places = 2});
        both.set(sizes_);
        const CheckValues sum = both.pass(pass_);
        kept_.choose(1);
        const CheckValues second = kept_.pass(pass_);
        kept_.choose(0);
        CheckValues expected;
        for (const auto& [name, values] : reference_) {
            if (!name.starts_with("grad") && !name.starts_with("dx")) continue;
            expected.emplace_back(name, values);
            if (name.starts_with("dx"))
                expected.emplace_back(name + "'", *find(second, name));
            else
                for (std::size_t i = 0; i < values.size(); ++i) expected.back().second[i] += (*find(second, name))[i];
        }
        compare(expected, sum, "as from two graphs", 1e-12);
    }
    void check_float(bool all_threads) {
        CheckRun<float> run(*single_, options_, {});
        for (std::size_t i = 0; i < run.table().list().size(); ++i) {
            const AnyView to = run.table().list()[i].view(), from = kept_.table().list()[i].view();
            for (Index k = 0; k < to.shape.size() && to.dtype == Dtype::f32; ++k)
                static_cast<float*>(to.data)[k] = static_cast<float>(static_cast<const double*>(from.data)[k]);
        }
        run.set(sizes_);
        const CheckValues single = run.pass(pass_);
        compare(reference_, single, "in double", options_.agreement);
        if (!all_threads) return;
        const int before = wanted_threads.load();
        for (const int n : options_.threads) {
            set_threads(n);
            const CheckValues same = run.pass(pass_);
            set_threads(before);
            compare(single, same, "with the default number of threads; here " + std::to_string(n), 0);
        }
    }

    const LayerOf<double>& layer_;
    const LayerOf<float>* single_;
    CheckOptions options_;
    CheckRun<double> kept_;
    Extents sizes_;
    Pass pass_;
    CheckValues reference_;
};

inline void check_layer(const LayerOf<double>& layer, const LayerOf<float>* single, const CheckOptions& options) {
    LayerCheck(layer, single, options).run();
}

} // namespace detail

/// Checks a copy of the layer with parameters of its own. A layer that holds others must be a layer of double; it is
/// not compared with float.
template <LayerType L> void check_layer(const L& layer, const CheckOptions& options = {}) {
    std::unique_ptr<LayerBase> twice, single;
    const auto renewed = [](std::unique_ptr<LayerBase> copy) {
        detail::IdentityMap map;
        detail::renew_identities(*copy, map);
        return copy;
    };
    if constexpr (std::is_same_v<typename L::scalar, double>) {
        twice = renewed(layer.copy());
        try {
            single = renewed(layer.template to<float>().copy());
        } catch (const ValueError&) {}
    } else {
        twice = renewed(layer.template to<double>().copy());
        single = renewed(layer.copy());
    }
    detail::check_layer(static_cast<const LayerOf<double>&>(*twice), static_cast<const LayerOf<float>*>(single.get()),
                        options);
}
template <template <class> class L> void check_layer(const CheckOptions& options = {}) {
    check_layer(L<double>(), options);
}

GRADUS_END

/// check_layer: proves a layer's gradients and its side of the contract. `check_layer<Swish>()` is the whole test of a custom layer.
///
/// Throws gradus::Error at the first thing that is wrong, so any test framework, or none, can run it. Checked are, with and
/// without training, for a batch of 1, an odd one that makes the plan grow, and a smaller one:
/// - every element of the gradients of every input and parameter against central differences, in double;
/// - memory: all of it is poisoned with NaN before a pass, dx before backward; parameter gradients are added, not overwritten;
/// - in place and not, unused outputs, unasked inputs, frozen parameters, plans without gradients: all give the same numbers;
/// - masks with holes and a row without any step; a layer that stands at two places; carried state;
/// - float against double, the same bits for 1, 2, 3 and 8 threads, and no allocation (where the binary counts them).
#pragma once
#include <gradus/graph/input.hpp>
#include <gradus/graph/workspace.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

GRADUS_BEGIN

/// One input of the layer to check.
struct CheckInput {
    SymbolicShape shape = {dim::batch(), 5};
    Dtype dtype = Dtype::f64;    ///< f32 and f64: the layer's scalar; i32: ids; u8: flags
    bool mask = false;           ///< a mask [B, T] travels with it
    bool present = true;         ///< false: an optional input that is not given
    double low = -1, high = 1;   ///< values are uniform between these
    Index below = 0;             ///< i32: ids are below this; 0: what the layer says with `ids`
};

struct CheckOptions {
    std::vector<CheckInput> inputs = {CheckInput{}};
    std::vector<Index> batches = {1, 3, 2};        ///< one after the other, in one workspace
    std::vector<Index> times = {3, 5, 4};          ///< the values of every other symbol meanwhile
    std::vector<int> threads = {1, 2, 3, 8};       ///< must give the same bits
    std::uint64_t seed = 1;
    double step = 1e-5;
    double tolerance = 1e-6;                       ///< relative, of gradients against differences
    double agreement = 1e-4;                       ///< relative, of float against double
};

namespace detail {

/// y = x, in memory of its own: lets the layer between two of them work in place.
template <class T> class CheckWire : public Layer<CheckWire, T> {
public:
    std::string_view kind() const override { return "wire"; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.backward_needs(build::Needs::neither);
    }
    void forward(Run<T>& r) const override { std::copy(r.x(0).begin(), r.x(0).end(), r.y(0).begin()); }
    void backward(Run<T>& r) const override {
        if (r.dx(0).empty()) return;
        if (r.dy(0).empty()) std::fill(r.dx(0).begin(), r.dx(0).end(), T(0));
        else std::copy(r.dy(0).begin(), r.dy(0).end(), r.dx(0).begin());
    }
};

/// A number in [0, 1) of a stream and a position, exact in float.
inline double check_number(std::uint64_t stream, Index i) {
    return static_cast<double>(mix(stream * 0x9E3779B97F4A7C15 + static_cast<std::uint64_t>(i)) >> 41) * 0x1p-23;
}

/// Values by name: "y(0)", "dx(1)", "grad(kernel)".
using CheckValues = std::vector<std::pair<std::string, std::vector<double>>>;

/// How the layer is wired for one check.
struct CheckWiring {
    bool keep = true;            ///< values and gradients around the layer are kept: nothing is in place
    bool differentiated = true;
    bool want_dx = true;
    bool frozen = false;
    int places = 1;
    int only_output = -1;
};

/// A layer between wires, with memory.
template <class T> class CheckRun {
public:
    CheckRun(const LayerOf<T>& layer, const CheckOptions& options, CheckWiring wiring) : options_(options), wiring_(wiring) {
        std::vector<Node> ins, outs, around, wanted;
        for (int place = 0; place < wiring.places; ++place) {
            std::vector<Node> arguments;
            for (const CheckInput& in : options.inputs) {
                if (!in.present) {
                    arguments.emplace_back();
                    continue;
                }
                const bool real = in.dtype == Dtype::f32 || in.dtype == Dtype::f64;
                ins.push_back(input<T>(in.shape, real ? dtype_of<T>() : in.dtype, in.mask));
                arguments.push_back(real ? CheckWire<T>()(ins.back()) : ins.back());
                if (real) around.push_back(arguments.back());
                wanted.push_back(arguments.back());
            }
            const Node y = record(layer, arguments);
            build_ = &y.place()->build;
            for (int o = 0; o < static_cast<int>(build_->outs().size()); ++o) {
                if (wiring.only_output >= 0 && o != wiring.only_output) continue;
                const Dtype d = build_->outs()[static_cast<std::size_t>(o)].dtype;
                const bool real = d == Dtype::f32 || d == Dtype::f64;
                outs.push_back(real ? CheckWire<T>()(y.output(o)) : y.output(o));
                if (real) around.push_back(y.output(o));
            }
        }
        graph_ = Graph(ins, outs);
        table_ = ParameterTable(graph_, options.seed);
        layout_ = GradientLayout(table_, Index(sizeof(T)), [&](const Parameter&) { return wiring_.frozen; });
        PlanOptions plan;
        plan.differentiated = wiring.differentiated;
        for (const Node& n : around)
            if (wiring.keep) plan.keep.push_back(graph_.edge(n));
        for (const Node& n : wiring.keep ? around : ins)
            if (wiring.want_dx) plan.gradients_of.push_back(graph_.edge(n));
        for (const Node& n : ins) inputs_.push_back(graph_.edge(n));
        for (const Node& n : wiring.keep ? wanted : ins) gradients_.push_back(graph_.edge(n));
        for (const Node& n : outs) outputs_.push_back(graph_.edge(n));
        workspace_ = std::make_unique<Workspace<T>>(graph_, table_, layout_, std::move(plan));
    }

    void set(const Extents& extents) { workspace_->set(extents); }
    ParameterTable& table() { return table_; }
    const Build& build() const { return *build_; }
    bool has_carries() const { return !workspace_->plan().carries().empty(); }

    /// Everything as before the first pass: state, carries (after one pass over other data), garbage elsewhere.
    void reset(Pass pass) {
        if (states_.empty())
            for (const Parameter& p : table_.list()) states_.push_back(p.trained ? std::vector<std::byte>() : bytes(p.view()));
        for (std::size_t i = 0; i < states_.size(); ++i)
            if (!states_[i].empty()) std::memcpy(table_.list()[i].view().data, states_[i].data(), states_[i].size());
        workspace_->reset_states();
        workspace_->poison();
        if (!has_carries()) return;
        load(data_ + 1000);
        pass.training = false;
        workspace_->forward(pass, 0, workspace_->size());
        workspace_->poison();
    }
    void forward(const Pass& pass, double* changed = nullptr) {
        load(data_);
        if (changed) *changed = 0;
        workspace_->forward(pass, 0, workspace_->size());
    }
    /// Which data are loaded.
    void choose(std::uint64_t data) { data_ = data; }

    /// sum(y * r) over all real outputs.
    double loss() const {
        double sum = 0;
        for (std::size_t o = 0; o < outputs_.size(); ++o) {
            const AnyView y = workspace_->value(outputs_[o]);
            if (y.dtype != dtype_of<T>()) continue;
            for (Index i = 0; i < y.shape.size(); ++i) sum += static_cast<double>(static_cast<const T*>(y.data)[i]) * weight(o, i);
        }
        return sum;
    }
    /// Loss where element i of parameter or input `index` moves by `by`.
    double moved(const Pass& pass, bool parameter, std::size_t index, Index i, double by) {
        reset(pass);
        load(data_);
        T* p = parameter ? static_cast<T*>(table_.list()[index].view().data)
                         : static_cast<T*>(workspace_->value(inputs_[index]).data);
        const T old = p[i];
        p[i] = static_cast<T>(old + by);
        workspace_->forward(pass, 0, workspace_->size());
        const double result = loss();
        if (parameter) p[i] = old;
        return result;
    }

    /// One pass: outputs, masks and gradients by name. `silent`: the output whose upstream gradient is zero... or -1.
    CheckValues pass(const Pass& pass, int only = -1) {
        reset(pass);
        load(data_);
        workspace_->forward(pass, 0, workspace_->size());
        CheckValues values;
        for (std::size_t o = 0; o < outputs_.size(); ++o) {
            const AnyView y = workspace_->value(outputs_[o]);
            if (y.dtype == dtype_of<T>()) values.emplace_back("y(" + std::to_string(name_of_output(o)) + ")", numbers(y));
            if (!y.mask) continue;
            values.emplace_back("mask(" + std::to_string(name_of_output(o)) + ")", std::vector<double>());
            for (Index i = 0; i < y.mask_shape.size(); ++i) values.back().second.push_back(y.mask[i]);
        }
        if (!wiring_.differentiated) return values;
        backward(pass, only, true);
        collect(values);
        return values;
    }
    /// A second forward and backward whose parameter gradients add to the first's: their sums.
    CheckValues again(const Pass& pass) {
        reset(pass);
        load(data_);
        workspace_->forward(pass, 0, workspace_->size());
        backward(pass, -1, false);
        CheckValues values;
        collect(values);
        return values;
    }
    /// Allocations of a pass whose memory is planned.
    Index allocations(const Pass& pass) {
        load(data_);
        const AllocationGuard guard;
        workspace_->forward(pass, 0, workspace_->size());
        if (wiring_.differentiated) workspace_->backward(pass, false);
        return guard.count();
    }

    struct Target {
        std::string name;
        bool parameter;
        std::size_t index;
        Index size;
    };
    /// What differences are taken of.
    std::vector<Target> targets() const {
        std::vector<Target> list;
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (!workspace_->gradient(gradients_[i]).empty())
                list.push_back({"dx(" + std::to_string(argument(i)) + ")", false, i, workspace_->value(inputs_[i]).shape.size()});
        for (std::size_t i = 0; i < table_.list().size(); ++i)
            if (table_.list()[i].trained)
                list.push_back({"grad(" + parameter_name(i) + ")", true, i, table_.list()[i].shape.size()});
        return list;
    }

private:
    static std::vector<std::byte> bytes(const AnyView& v) {
        const auto* p = static_cast<const std::byte*>(v.data);
        return {p, p + v.bytes()};
    }
    static std::vector<double> numbers(const AnyView& v) {
        const auto* p = static_cast<const T*>(v.data);
        return {p, p + v.shape.size()};
    }
    /// "kernel"; with children "forward.kernel".
    std::string parameter_name(std::size_t i) const {
        const std::string& name = table_.list()[i].name;
        return name.substr(name.find('.') + 1);
    }
    std::size_t outputs_per_place() const { return outputs_.size() / static_cast<std::size_t>(wiring_.places); }
    std::size_t name_of_output(std::size_t o) const {
        return wiring_.only_output >= 0 ? static_cast<std::size_t>(wiring_.only_output) : o % outputs_per_place();
    }
    /// The layer's argument that graph input i feeds.
    std::size_t argument(std::size_t i) const {
        std::size_t present = 0;
        for (const CheckInput& in : options_.inputs) present += in.present;
        i %= present;
        for (std::size_t a = 0; a < options_.inputs.size(); ++a)
            if (options_.inputs[a].present && i-- == 0) return a;
        return 0;
    }
    double weight(std::size_t o, Index i) const {
        return 2 * check_number(options_.seed * 77 + 900 + name_of_output(o), i) - 1;
    }
    static double prefill(Index i) { return check_number(5, i) - 0.5; }

    void load(std::uint64_t data) {
        for (std::size_t k = 0; k < inputs_.size(); ++k) {
            const CheckInput& in = options_.inputs[argument(k)];
            const AnyView v = workspace_->value(inputs_[k]);
            const std::size_t place = k / (inputs_.size() / static_cast<std::size_t>(wiring_.places));
            const std::uint64_t stream = options_.seed * 131 + (data + place) * 17 + argument(k);
            const Index below = in.below ? in.below : declared_below(argument(k));
            for (Index i = 0; i < v.shape.size(); ++i) {
                const double u = check_number(stream, i);
                if (v.dtype == Dtype::i32) static_cast<std::int32_t*>(v.data)[i] = static_cast<std::int32_t>(u * static_cast<double>(below));
                else if (v.dtype == Dtype::u8) static_cast<std::uint8_t*>(v.data)[i] = u < 0.5;
                else static_cast<T*>(v.data)[i] = static_cast<T>(static_cast<float>(in.low + (in.high - in.low) * u));
            }
            // Holes everywhere; with three rows or more the last one has no step at all.
            const Index time = v.mask_shape.rank() > 1 ? v.mask_shape[1] : 1;
            for (Index i = 0; v.mask && i < v.mask_shape.size(); ++i)
                v.mask[i] = check_number(stream + 7919, i) < 0.6 && (v.mask_shape[0] < 3 || i / time + 1 < v.mask_shape[0]);
        }
    }
    Index declared_below(std::size_t argument) const {
        for (const auto& ids : build_->id_inputs())
            if (ids.input == static_cast<int>(argument)) return ids.below.evaluate(workspace_->extents());
        return 2;
    }
    void backward(const Pass& pass, int only, bool first) {
        for (std::size_t o = 0; o < outputs_.size(); ++o) {
            const AnyView dy = workspace_->gradient(outputs_[o]);
            for (Index i = 0; i < dy.shape.size() && dy.data; ++i)
                static_cast<T*>(dy.data)[i] = only < 0 || only == static_cast<int>(o) ? static_cast<T>(weight(o, i)) : T(0);
        }
        if (first) {
            workspace_->zero_gradients();
            for (Index i = 0; i < workspace_->gradient_size(); ++i) workspace_->gradients()[i] = static_cast<T>(prefill(i));
        }
        workspace_->backward(pass, false);
    }
    void collect(CheckValues& values) const {
        for (std::size_t i = 0; i < gradients_.size(); ++i) {
            const AnyView dx = workspace_->gradient(gradients_[i]);
            if (dx.data)
                values.emplace_back("dx(" + std::to_string(argument(i)) + ")" +
                                        (i >= gradients_.size() / static_cast<std::size_t>(wiring_.places) ? "'" : ""),
                                    numbers(dx));
        }
        for (std::size_t i = 0; i < table_.list().size(); ++i) {
            if (!table_.list()[i].trained || wiring_.frozen) continue;
            const auto segment = static_cast<std::size_t>(layout_.segment_of[i]);
            const Segment& s = layout_.segments[segment];
            std::vector<double> g(static_cast<std::size_t>(s.size()), 0.0);
            if (s.row_sparse) {
                const SparseRows<T>& rows = workspace_->sparse_rows()[segment];
                const Index width = s.size() / s.shape[0];
                for (std::size_t r = 0; r < rows.ids.size(); ++r)
                    for (Index c = 0; c < width; ++c)
                        g[static_cast<std::size_t>(rows.ids[r] * width + c)] =
                            static_cast<double>(rows.values[static_cast<Index>(r) * width + c]);
            } else {
                for (Index k = 0; k < s.size(); ++k)
                    g[static_cast<std::size_t>(k)] = static_cast<double>(workspace_->gradients()[s.slot + k]) -
                                                     static_cast<double>(static_cast<T>(prefill(s.slot + k)));
            }
            values.emplace_back("grad(" + parameter_name(i) + ")", std::move(g));
        }
    }

    CheckOptions options_;
    CheckWiring wiring_;
    const Build* build_ = nullptr;
    Graph graph_;
    ParameterTable table_;
    GradientLayout layout_;
    std::vector<Edge> inputs_, outputs_, gradients_;
    std::unique_ptr<Workspace<T>> workspace_;
    std::vector<std::vector<std::byte>> states_;
    std::uint64_t data_ = 0;
};

/// The checks of one layer, in double and, where the layer converts, in float.
class LayerCheck {
public:
    LayerCheck(const LayerOf<double>& layer, const LayerOf<float>* single, const CheckOptions& options)
        : layer_(layer), single_(single), options_(options), kept_(layer, options, {}) {
        randomize(kept_.table());
    }

    void run() {
        for (std::size_t k = 0; k < options_.batches.size(); ++k)
            for (const bool training : {false, true}) {
                sizes_ = extents(k);
                pass_ = Pass{};
                pass_.training = training;
                pass_.seed = options_.seed;
                pass_.update = 3;
                check_gradients();
                check_wirings();
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
        throw Error(where + (pass_.training ? ", training" : ", inference") + ", seed " + std::to_string(options_.seed));
    }
    [[noreturn]] void fail(const std::string& name, std::size_t i, const std::string& what, double expected, double got) const {
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

    void check_gradients() {
        kept_.set(sizes_);
        kept_.choose(0);
        reference_ = kept_.pass(pass_);
        for (const auto& [name, values] : reference_)
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (!std::isfinite(values[i]))
                    fail(name + "[" + std::to_string(i) + "] is not a number: never written, or read before it was written");
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
                if (std::abs(difference - got) <= options_.tolerance * std::max({floor, std::abs(difference), std::abs(got)})) continue;
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
                if (std::abs(values[i] - want) > 1e-12 * std::max(1.0, largest(once)))
                    fail(name, i, parameter ? "the sum of two passes: gradients of parameters add up" : "the same as before", want,
                         values[i]);
            }
        }
        if (AllocationGuard::counting() && !GRADUS_EIGEN_KERNELS)  // products of Eigen may allocate
            if (const Index n = kept_.allocations(pass_)) fail("a pass makes " + std::to_string(n) + " allocations, expects none");
    }

    CheckValues once(CheckWiring wiring) const {
        CheckRun<double> run(layer_, options_, wiring);
        run.set(sizes_);
        return run.pass(pass_);
    }
    void check_wirings() {
        compare(reference_, once({.keep = false}), "as when nothing is in place", 0);
        compare(reference_, once({.keep = false, .differentiated = false, .want_dx = false}), "as in a differentiated plan", 0);
        compare(reference_, once({.want_dx = false}), "as when the inputs' gradients are wanted", 0);
        compare(reference_, once({.frozen = true}), "as when the parameters are trained", 0);
        const int outputs = static_cast<int>(kept_.build().outs().size());
        for (int o = 0; outputs > 1 && o < outputs; ++o) {
            const CheckValues zero = kept_.pass(pass_, o);
            compare(zero, once({.only_output = o}), "as when the other outputs' gradients are zero", 1e-12);
        }
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
            if (name.starts_with("dx")) expected.emplace_back(name + "'", *find(second, name));
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

}  // namespace detail

/// Checks a copy of the layer with parameters of its own. A layer that holds others must be a layer of double; it is not compared
/// with float.
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
        } catch (const ValueError&) {
        }
    } else {
        twice = renewed(layer.template to<double>().copy());
        single = renewed(layer.copy());
    }
    detail::check_layer(static_cast<const LayerOf<double>&>(*twice), static_cast<const LayerOf<float>*>(single.get()), options);
}
template <template <class> class L> void check_layer(const CheckOptions& options = {}) { check_layer(L<double>(), options); }

GRADUS_END

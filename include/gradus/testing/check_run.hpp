/// What check_layer runs: its options, and a layer between wires, with poisoned memory and values by name.
#pragma once
#include <gradus/graph/input.hpp>
#include <gradus/graph/workspace.hpp>
#include <gradus/kernels/activation.hpp>
#include <gradus/testing/allocation_guard.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN

/// One input of the layer to check.
struct CheckInput {
    SymbolicShape shape = {dim::batch(), 5};
    Dtype dtype = Dtype::f64;  ///< f32 and f64: the layer's scalar; i32: ids; u8: flags
    bool mask = false;         ///< a mask [B, T] travels with it
    bool present = true;       ///< false: an optional input that is not given
    double low = -1, high = 1; ///< values are uniform between these
    Index below = 0;           ///< i32: ids are below this; 0: what the layer says with `ids`
};

struct CheckOptions {
    std::vector<CheckInput> inputs = {CheckInput{}};
    std::vector<Index> batches = {1, 3, 2};  ///< one after the other, in one workspace
    std::vector<Index> times = {3, 5, 4};    ///< the values of every other symbol meanwhile
    std::vector<int> threads = {1, 2, 3, 8}; ///< must give the same bits
    std::uint64_t seed = 1;
    double step = 1e-5;
    double tolerance = 1e-6; ///< relative, of gradients against differences
    double agreement = 1e-4; ///< relative, of float against double
    /// What the outputs must do with masks, where inputs have them; empty: whatever they do.
    std::vector<build::Mask> masks = {};
};

namespace detail {

/// y = f(x), in memory of its own: lets the layer between two of them work in place. `passes`: the activation of its
/// input's producer that it can pass over; `linked`: it does, and lets its own be passed over.
template <class T> class CheckWire : public Layer<CheckWire, T> {
public:
    CheckWire() = default;
    CheckWire(activation::Kind f, activation::Kind passes, bool linked) : f_(f), passes_(passes), linked_(linked) {}
    std::string_view kind() const override { return "wire"; }
    activation::Kind ends_with() const override { return linked_ ? f_ : linear; }
    bool passes_over(activation::Kind kind) const override { return linked_ && kind == passes_; }
    void build(Build& b) override {
        b.out(0, b.in(0).shape);
        b.mask(0, build::Mask::pass);
        b.backward_needs(passes_ == linear && f_ == linear ? build::Needs::neither : build::Needs::both);
    }
    void forward(Run<T>& r) const override {
        const Index cols = r.y(0).shape()[-1], rows = cols ? r.y(0).size() / cols : 0;
        kernels::ref::activation_forward(r.y(0).data(), r.x(0).data(), f_, rows, cols);
    }
    void backward(Run<T>& r) const override {
        const auto dx = r.dx(0);
        if (dx.empty()) return;
        if (r.dy(0).empty()) return std::fill(dx.begin(), dx.end(), T(0));
        const Index cols = dx.shape()[-1], rows = cols ? dx.size() / cols : 0;
        const auto below = [&](const T* dy, View<const T> y, activation::Kind kind) {
            kernels::ref::activation_backward(dx.data(), dy, y.data(), kind, rows, cols);
        };
        below(r.dy(0).data(), r.y(0), r.below_activation() ? linear : f_);
        if (r.passes_over() != linear) below(dx.data(), r.x(0), r.passes_over());
    }

private:
    activation::Kind f_ = linear, passes_ = linear;
    bool linked_ = false;
};

/// A number in [0, 1) of a stream and a position, exact in float.
inline double check_number(std::uint64_t stream, Index i) {
    return static_cast<double>(mix(stream * 0x9E3779B97F4A7C15 + static_cast<std::uint64_t>(i)) >> 41) * 0x1p-23;
}

/// Values by name: "y(0)", "dx(1)", "grad(kernel)".
using CheckValues = std::vector<std::pair<std::string, std::vector<double>>>;

/// How the layer is wired for one check.
struct CheckWiring {
    bool keep = true; ///< values and gradients around the layer are kept: nothing is in place
    bool differentiated = true;
    bool want_dx = true;
    bool frozen = false;
    int places = 1;
    int only_output = -1;
    bool prefilled = true;            ///< parameter gradients add to others; else they are the first
    activation::Kind before = linear; ///< of what feeds input 0
    activation::Kind after = linear;  ///< the layer's own, which the reader of output 0 can pass over
    bool linked = false;              ///< such activations are passed over
};

/// A layer between wires, with memory.
template <class T> class CheckRun {
public:
    CheckRun(const LayerOf<T>& layer, const CheckOptions& options, CheckWiring wiring)
        : options_(options), wiring_(wiring) {
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
                const CheckWire<T> wire(arguments.empty() ? wiring.before : linear, linear, wiring.linked);
                arguments.push_back(real ? record(wire, std::vector{ins.back()}, "check_layer's input") : ins.back());
                if (real) around.push_back(arguments.back());
                wanted.push_back(arguments.back());
            }
            const Node y = record(layer, arguments);
            build_ = &y.place()->build;
            for (int o = 0; o < static_cast<int>(build_->outs().size()); ++o) {
                if (wiring.only_output >= 0 && o != wiring.only_output) continue;
                const Dtype d = build_->outs()[static_cast<std::size_t>(o)].dtype;
                const bool real = d == Dtype::f32 || d == Dtype::f64;
                const CheckWire<T> wire(linear, o == 0 ? wiring.after : linear, wiring.linked);
                outs.push_back(real ? wire(y.output(o)) : y.output(o));
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
            for (const Parameter& p : table_.list())
                states_.push_back(p.trained ? std::vector<std::byte>() : bytes(p.view()));
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
    /// Which data are loaded.
    void choose(std::uint64_t data) { data_ = data; }

    /// sum(y * r) over all real outputs.
    double loss() const {
        double sum = 0;
        for (std::size_t o = 0; o < outputs_.size(); ++o) {
            const AnyView y = workspace_->value(outputs_[o]);
            if (y.dtype != dtype_of<T>()) continue;
            for (Index i = 0; i < y.shape.size(); ++i)
                sum += static_cast<double>(static_cast<const T*>(y.data)[i]) * weight(o, i);
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

    /// One pass: outputs, masks and gradients by name. `only`: the one output with an upstream gradient; -1: all.
    CheckValues pass(const Pass& pass, int only = -1) {
        reset(pass);
        load(data_);
        workspace_->forward(pass, 0, workspace_->size());
        CheckValues values;
        for (std::size_t o = 0; o < outputs_.size(); ++o) {
            const AnyView y = workspace_->value(outputs_[o]);
            if (y.dtype == dtype_of<T>())
                values.emplace_back("y(" + std::to_string(name_of_output(o)) + ")", numbers(y));
            if (!y.mask) continue;
            values.emplace_back("mask(" + std::to_string(name_of_output(o)) + ")", std::vector<double>());
            for (Index i = 0; i < y.mask_shape.size(); ++i) values.back().second.push_back(y.mask[i]);
        }
        const auto& carries = workspace_->plan().carries();
        for (std::size_t c = 0; c < carries.size(); ++c)
            if (carries[c].next->dtype == dtype_of<T>())
                values.emplace_back("next(" + carries[c].spec->name + ")" + std::string(c, '\''),
                                    numbers(*carries[c].next));
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
                list.push_back(
                    {"dx(" + std::to_string(argument(i)) + ")", false, i, workspace_->value(inputs_[i]).shape.size()});
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
                if (v.dtype == Dtype::i32)
                    static_cast<std::int32_t*>(v.data)[i] = static_cast<std::int32_t>(u * static_cast<double>(below));
                else if (v.dtype == Dtype::u8)
                    static_cast<std::uint8_t*>(v.data)[i] = u < 0.5;
                else
                    static_cast<T*>(v.data)[i] = static_cast<T>(static_cast<float>(in.low + (in.high - in.low) * u));
            }
            // Holes everywhere; with three rows or more the last one has no step at all.
            const Index time = v.mask_shape.rank() > 1 ? v.mask_shape[1] : 1;
            for (Index i = 0; v.mask && i < v.mask_shape.size(); ++i)
                v.mask[i] =
                    check_number(stream + 7919, i) < 0.6 && (v.mask_shape[0] < 3 || i / time + 1 < v.mask_shape[0]);
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
                static_cast<T*>(dy.data)[i] =
                    only < 0 || only == static_cast<int>(o) ? static_cast<T>(weight(o, i)) : T(0);
        }
        if (first) {
            workspace_->zero_gradients();
            for (Index i = 0; wiring_.prefilled && i < workspace_->gradient_size(); ++i)
                workspace_->gradients()[i] = static_cast<T>(prefill(i));
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
                    g[static_cast<std::size_t>(k)] =
                        static_cast<double>(workspace_->gradients()[s.slot + k]) -
                        (wiring_.prefilled ? static_cast<double>(static_cast<T>(prefill(s.slot + k))) : 0);
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

} // namespace detail

GRADUS_END

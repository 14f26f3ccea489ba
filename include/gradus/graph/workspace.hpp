/// Workspace: arena, carries and gradients of one run of a graph, and the executor that walks its plan.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/trace.hpp>
#include <gradus/graph/flops.hpp>
#include <gradus/graph/plan.hpp>
#include <gradus/graph/sparse_gradient.hpp>
#include <gradus/kernels/elementwise.hpp>

#include <memory>
#include <span>
#include <vector>

GRADUS_BEGIN

/// Runs forward and backward over a graph. A pass allocates only where a symbol outgrows the bounds planned so far.
/// Several workspaces may run one graph at once; a workspace belongs to one thread at a time.
template <class T> class Workspace {
public:
    Workspace(const Graph& graph, const ParameterTable& table, const GradientLayout& layout, PlanOptions options)
        : layout_(&layout), table_(&table),
          plan_(std::make_unique<Plan>(prepare(graph, options), graph, table, layout, options, dtype_of<T>())) {
        if (options.differentiated) {
            gradients_ = AlignedBuffer(layout.dense_size * Index(sizeof(T)));
            unwritten_.resize(layout.segments.size());
            for (const auto& g : plan_->gradient_views()) {
                *g.target = AnyView(View<T>(gradients() + g.slot, g.shape));
                *g.unwritten = &unwritten_[static_cast<std::size_t>(g.segment)];
            }
            for (const Plan::Sparse& s : plan_->sparse()) {
                const Shape shape = table.list()[static_cast<std::size_t>(s.parameter)].shape;
                sparse_.emplace_back(shape[0], shape.product(1, shape.rank()));
            }
            sparse_rows_.resize(layout.segments.size());
        }
        for (std::size_t i = 0; i < plan_->carries().size(); ++i) carries_.emplace_back();
    }

    /// Sets the symbols' values for the next passes; grows the plan where they exceed what it was made for.
    void set(const Extents& extents) {
        bool changed = !resolved_, larger = !resolved_;
        for (const auto& [name, value] : extents.values()) {
            if (current_.find(name) != value) changed = true;
            if (bounds_.find(name) < value) larger = true;
        }
        if (!changed) return;
        wanted_ = current_;
        for (const auto& [name, value] : extents.values()) wanted_.set(name, value);
        plan_->check(wanted_);
        if (larger) {
            const TraceSpan span("plan", "memory");
            Extents bounds = bounds_;
            for (const auto& [name, value] : extents.values()) bounds.set(name, std::max(value, bounds.find(name)));
            plan_->reserve(bounds, wanted_);
            bounds_ = bounds;
        }
        current_ = wanted_;
        resolved_ = false;
        if (!plan_->resolve(current_)) {
            plan_->reserve(bounds_, current_);
            (void)plan_->resolve(current_);
            larger = true;
        }
        resolve_carries();
        if (larger) reserve_sparse();
        resolved_ = true;
    }
    const Extents& extents() const { return current_; }
    const Extents& bounds() const { return bounds_; }

    /// The value of an edge and its mask: inputs are written here before, outputs read after a pass.
    AnyView value(Edge e) const { return plan_->value(e); }
    AnyView gradient(Edge e) const { return plan_->gradient(e); }

    /// Runs nodes [first, last) of the graph.
    void forward(const Pass& pass, int first, int last) {
        const TraceSpan span("forward", "pass");
        const TeamScope team;
        const FloatScope mode;
        if (first == 0) turn_carries();
        auto& nodes = plan_->nodes();
        for (int i = first; i < last; ++i) {
            PlannedNode& n = nodes[static_cast<std::size_t>(i)];
            if (!n.layer) continue;
            const Pass p = pass_of(n, pass, false);
            const TraceSpan node(n.name, n.kind, "forward");
            Run<T> run(n.frame, p);
            static_cast<const LayerOf<T>&>(*n.layer).forward(run);
        }
        if (span.active()) record_pass(span.start(), first, last, false);
        if (last == static_cast<int>(nodes.size()) || last == plan_->options().first_loss) stale_carries_ = true;
    }
    int size() const { return static_cast<int>(plan_->nodes().size()); }

    /// Runs backward from the seeded gradients of losses, or, without losses, of outputs. Parameter gradients
    /// accumulate.
    void backward(const Pass& pass, bool from_losses) {
        start_backward(from_losses);
        backward(pass, from_losses, 0, size());
    }
    /// What comes before the first node: rows of row-sparse gradients, zeros where losses would add.
    void start_backward(bool from_losses) {
        start_sparse();
        if (backward_end(from_losses) < size())
            for (const AnyView& d : plan_->loss_fed()) std::memset(d.data, 0, static_cast<std::size_t>(d.bytes()));
    }
    /// After start_backward, what nodes [first, last) do; parts follow each other from the last node to the first.
    void backward(const Pass& pass, bool from_losses, int first, int last) {
        const TraceSpan span("backward", "pass");
        const TeamScope team;
        const FloatScope mode;
        auto& nodes = plan_->nodes();
        const int begin = backward_end(from_losses), end = std::min(last, begin);
        for (int i = end - 1; i >= first; --i) {
            PlannedNode& n = nodes[static_cast<std::size_t>(i)];
            if (!n.layer || !n.differentiates) continue;
            Pass p = pass_of(n, pass, true);
            p.below_activation = n.passed_by >= 0 && n.passed_by < begin; // else that one does not run
            if (poisons_) poison_gradients(n.frame);
            const TraceSpan node(n.name, n.kind, "backward");
            Run<T> run(n.frame, p);
            static_cast<const LayerOf<T>&>(*n.layer).backward(run);
            for (const auto& sum : n.sums)
                kernels::accumulate(static_cast<T*>(sum.total.data), static_cast<const T*>(sum.part.data),
                                    sum.part.shape.size());
        }
        if (first == 0) write_gradients();
        if (span.active()) record_pass(span.start(), first, end, true);
    }
    /// Floating-point operations of the matrix products that nodes [first, last) of a forward or backward do.
    double flops(int first, int last, bool backward) const {
        double sum = 0;
        for (int i = first; i < last; ++i)
            sum += gradus::flops(plan_->nodes()[static_cast<std::size_t>(i)], current_, backward);
        return sum;
    }

    T* gradients() const {
        if (any_unwritten_) write_gradients();
        return reinterpret_cast<T*>(gradients_.data());
    }
    Index gradient_size() const { return layout_->dense_size; }
    /// Per segment of the layout; empty for dense ones.
    std::span<const SparseRows<T>> sparse_rows() const { return sparse_rows_; }
    /// Gradients count as zero; dense ones become it when they are first read, unless a layer overwrites them before.
    void zero_gradients() {
        if (poisons_ && gradients_.bytes())
            std::memset(gradients_.data(), 0xff, static_cast<std::size_t>(gradients_.bytes()));
        std::fill(unwritten_.begin(), unwritten_.end(), std::uint8_t(1));
        any_unwritten_ = true;
        for (auto& s : sparse_) s.clear();
        for (auto& r : sparse_rows_) r = {};
    }
    /// Carries start from zero again.
    void reset_states() {
        for (auto& c : carries_)
            for (AlignedBuffer* side : {&c.sides[0], &c.sides[1]})
                if (side->bytes()) std::memset(side->data(), 0, static_cast<std::size_t>(side->bytes()));
        stale_carries_ = false;
    }
    Index arena_bytes() const { return plan_->arena_bytes(); }
    /// For tests: fills the arena, what the next forward makes of carries, and from now on each place's dx before its
    /// backward, with NaN, so that what is read before it is written, or never written, shows. Inputs are to be written
    /// again.
    void poison() {
        plan_->poison();
        for (CarryMemory& c : carries_) {
            const AlignedBuffer& next = c.sides[stale_carries_ ? c.current : 1 - c.current];
            if (next.bytes()) std::memset(next.data(), 0xff, static_cast<std::size_t>(next.bytes()));
        }
        poisons_ = true;
    }
    Plan& plan() { return *plan_; }

private:
    static Pass pass_of(const PlannedNode& n, Pass pass, bool backward) {
        pass.training = n.training.value_or(pass.training);
        pass.backward = backward;
        pass.passes_over = n.passes_over;
        return pass;
    }
    /// Zeroes what no layer wrote.
    void write_gradients() const {
        for (std::size_t i = 0; i < unwritten_.size(); ++i) {
            const Segment& s = layout_->segments[i];
            if (std::exchange(unwritten_[i], std::uint8_t(0)) && s.slot >= 0 && !s.row_sparse)
                std::fill_n(reinterpret_cast<T*>(gradients_.data()) + s.slot, s.size(), T(0));
        }
        any_unwritten_ = false;
    }
    int backward_end(bool from_losses) const {
        return from_losses || plan_->options().first_loss < 0 ? size() : plan_->options().first_loss;
    }
    /// Counters of a pass that ends now.
    GRADUS_COLD void record_pass(std::int64_t start, int first, int last, bool backward) const {
        const std::int64_t now = detail::trace_now();
        trace_counter(plan_->options().differentiated ? "arena bytes" : "arena bytes, inference",
                      static_cast<double>(arena_bytes()), start);
        const double work = flops(first, last, backward);
        if (work == 0) return;
        trace_counter("GFLOP/s", work / static_cast<double>(std::max<std::int64_t>(1, now - start)), start);
        trace_counter("GFLOP/s", 0, now);
    }

    struct CarryMemory {
        AlignedBuffer sides[2];
        Shape shape;
        int current = 0;
    };

    /// The graph's nodes, neighbours fused where a layer offers it and nobody else sees the value between.
    static std::vector<PlannedNode> prepare(const Graph& graph, const PlanOptions& options) {
        std::vector<PlannedNode> nodes(graph.entries().size());
        std::vector<std::vector<std::pair<int, int>>> readers(nodes.size());
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const Graph::Entry& e = graph.entries()[i];
            nodes[i].layer = e.place->layer.get();
            nodes[i].build = &e.place->build;
            nodes[i].name = e.name;
            nodes[i].kind = e.place->layer->kind();
            nodes[i].inputs = e.inputs;
            nodes[i].place = i + 1;
            nodes[i].training = e.place->training;
            if (std::find(options.inference.begin(), options.inference.end(), e.place->layer->identity().get()) !=
                options.inference.end())
                nodes[i].training = false;
            for (std::size_t k = 0; k < e.inputs.size(); ++k)
                if (e.inputs[k].node >= 0)
                    readers[static_cast<std::size_t>(e.inputs[k].node)].emplace_back(int(i), int(k));
        }
        const auto seen = [&](int node) {
            const auto names = [&](const std::vector<Edge>& list) {
                return std::any_of(list.begin(), list.end(), [&](Edge e) { return e.node == node; });
            };
            return names(graph.outputs()) || names(options.keep) || names(options.gradients_of) ||
                   names(options.losses);
        };
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (!nodes[i].layer || readers[i].size() != 1 || nodes[i].build->outs().size() != 1 || seen(int(i)))
                continue;
            const auto [j, input] = readers[i][0];
            PlannedNode& next = nodes[static_cast<std::size_t>(j)];
            if (next.training != nodes[i].training) continue;
            auto fused = static_cast<const LayerOf<T>&>(*nodes[i].layer)
                             .fuse(static_cast<const LayerOf<T>&>(*next.layer), input);
            if (!fused) continue;
            std::vector<Build::In> ins = nodes[i].build->ins();
            std::vector<Edge> edges = nodes[i].inputs;
            for (std::size_t k = 0; k < next.inputs.size(); ++k)
                if (int(k) != input) {
                    ins.push_back(next.build->ins()[k]);
                    edges.push_back(next.inputs[k]);
                }
            auto build = std::make_unique<Build>(std::move(ins), dtype_of<T>(), nodes[i].build->context());
            fused->build(*build);
            for (std::size_t k = 0, at = nodes[i].inputs.size(); k < next.inputs.size(); ++k) {
                if (int(k) == input) continue;
                if (next.inputs[k].node >= 0)
                    for (auto& r : readers[static_cast<std::size_t>(next.inputs[k].node)])
                        if (r == std::pair{j, int(k)}) r.second = -1 - int(at);
                ++at;
            }
            for (auto& list : readers)
                for (auto& r : list)
                    if (r.second < 0) r.second = -1 - r.second;
            next.name = nodes[i].name + "+" + next.name;
            next.kind = fused->kind();
            next.layer = fused.get();
            next.build = build.get();
            next.owned_layer = std::move(fused);
            next.owned_build = std::move(build);
            next.inputs = std::move(edges);
            next.place = nodes[i].place;
            for (const Edge& e : nodes[i].inputs)
                if (e.node >= 0)
                    for (auto& r : readers[static_cast<std::size_t>(e.node)])
                        if (r.first == int(i)) r.first = j;
            nodes[i].layer = nullptr;
            nodes[i].owned_layer.reset();
        }
        return nodes;
    }

    void reserve_sparse() {
        for (std::size_t i = 0; i < sparse_.size(); ++i) {
            Index ids = 0;
            for (const auto& u : plan_->sparse()[i].users)
                ids += plan_->reserved(
                           plan_->nodes()[static_cast<std::size_t>(u.node)].inputs[static_cast<std::size_t>(u.ids)]) /
                       size_of(Dtype::i32);
            sparse_[i].reserve(ids, plan_->options().accumulate);
        }
    }
    void start_sparse() {
        if (sparse_.empty()) return;
        const TraceSpan span("rows of gradients", "pass");
        for (std::size_t i = 0; i < sparse_.size(); ++i) {
            const Plan::Sparse& spec = plan_->sparse()[i];
            SparseGradient<T>& g = sparse_[i];
            g.start();
            for (const auto& u : spec.users) g.mark(ids_of(u));
            g.merge();
            for (const auto& u : spec.users) {
                Frame& f = plan_->nodes()[static_cast<std::size_t>(u.node)].frame;
                const auto p = static_cast<std::size_t>(u.param);
                f.rows[p] = {g.ids(), g.locate(ids_of(u))};
                f.grads[p] = AnyView(View<T>(g.values(), Shape{static_cast<Index>(g.ids().size()), g.width()}));
            }
            const auto segment =
                static_cast<std::size_t>(layout_->segment_of[static_cast<std::size_t>(spec.parameter)]);
            sparse_rows_[segment] = {g.ids(), g.values()};
        }
    }
    std::span<const std::int32_t> ids_of(const Plan::Sparse::User& u) const {
        const AnyView& v = plan_->nodes()[static_cast<std::size_t>(u.node)].frame.x[static_cast<std::size_t>(u.ids)];
        return {static_cast<const std::int32_t*>(v.data), static_cast<std::size_t>(v.shape.size())};
    }

    static void poison_gradients(Frame& f) {
        for (const AnyView& dx : f.dx) {
            const bool shared =
                std::any_of(f.dy.begin(), f.dy.end(), [&](const AnyView& dy) { return dy.data == dx.data; });
            if (!dx.empty() && !shared) std::memset(dx.data, 0xff, static_cast<std::size_t>(dx.bytes()));
        }
    }

    /// Carries keep what they hold while the plan changes; rows beyond the old extent start from zero.
    void resolve_carries() {
        for (std::size_t i = 0; i < carries_.size(); ++i) {
            const auto& binding = plan_->carries()[i];
            CarryMemory& c = carries_[i];
            const Shape shape = binding.spec->evaluate(current_);
            const Index bytes = shape.size() * size_of(binding.spec->dtype),
                        before = c.shape.size() * size_of(binding.spec->dtype);
            for (AlignedBuffer& side : c.sides)
                if (before < std::min(bytes, side.bytes()))
                    std::memset(side.data() + before, 0,
                                static_cast<std::size_t>(std::min(bytes, side.bytes()) - before));
            for (AlignedBuffer& side : c.sides)
                if (side.bytes() < bytes) {
                    AlignedBuffer larger(
                        std::max(bytes, binding.spec->evaluate(bounds_).size() * size_of(binding.spec->dtype)));
                    if (side.bytes()) std::memcpy(larger.data(), side.data(), static_cast<std::size_t>(side.bytes()));
                    side = std::move(larger);
                }
            c.shape = shape;
            point(i);
        }
    }
    void point(std::size_t i) {
        const auto& binding = plan_->carries()[i];
        CarryMemory& c = carries_[i];
        *binding.old = AnyView(c.sides[c.current].data(), c.shape, binding.spec->dtype);
        *binding.next = AnyView(c.sides[1 - c.current].data(), c.shape, binding.spec->dtype);
    }
    void turn_carries() {
        if (!std::exchange(stale_carries_, false)) return;
        for (std::size_t i = 0; i < carries_.size(); ++i) {
            carries_[i].current = 1 - carries_[i].current;
            point(i);
        }
    }

    const GradientLayout* layout_;
    const ParameterTable* table_;
    std::unique_ptr<Plan> plan_;
    Extents bounds_, current_, wanted_;
    bool resolved_ = false, stale_carries_ = false, poisons_ = false;
    AlignedBuffer gradients_;
    mutable std::vector<std::uint8_t> unwritten_; // per segment of the layout
    mutable bool any_unwritten_ = false;
    std::vector<SparseGradient<T>> sparse_;
    std::vector<SparseRows<T>> sparse_rows_;
    std::vector<CarryMemory> carries_;
};

GRADUS_END

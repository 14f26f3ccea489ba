/// Plan: which buffers a pass over a graph needs, when each is live, and the views that every place gets.
#pragma once
#include <gradus/graph/buffers.hpp>
#include <gradus/graph/flow.hpp>

#include <utility>
#include <vector>

GRADUS_BEGIN

/// Buffers, life times and bindings. Free of the scalar; sizes follow the symbols' values without allocating.
class Plan : public Flow {
public:
    struct Sparse {
        Index parameter;
        struct User {
            int node;
            int param;
            int ids;
        };
        std::vector<User> users;
    };

    Plan(std::vector<PlannedNode> nodes, const Graph& graph, const ParameterTable& table, const GradientLayout& layout,
         PlanOptions options, Dtype scalar)
        : Flow(std::move(nodes), graph, table, layout, std::move(options)), scalar_(scalar), value_buffers_(edges_, -1),
          gradient_buffers_(edges_, -1), mask_buffers_(edges_, -1), edge_values_(edges_), edge_gradients_(edges_) {
        make_values();
        if (options_.differentiated) make_gradients();
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (nodes_[i].layer)
                make_frame(nodes_[i].frame, *nodes_[i].layer, *nodes_[i].build, Dim(1), int(i), nodes_[i].place);
        bind_edges();
    }

    /// Lays the arena out for the symbols' upper bounds, and for `values`: a difference of symbols may need more there.
    void reserve(const Extents& bounds, const Extents& values) { buffers_.reserve(bounds, values); }

    /// Throws ShapeError where an equality that the model's build left open does not hold, or a size would be negative.
    void check(const Extents& extents) const {
        for (const PlannedNode& n : nodes_)
            if (n.layer) check(*n.build, extents);
    }

    /// Points every view at its memory for the symbols' values, which `check` accepted. False: a buffer needs more than
    /// it has.
    [[nodiscard]] bool resolve(const Extents& extents) {
        if (!buffers_.resolve(extents)) return false;
        for (const auto& [frame, times] : times_) frame->times = times.evaluate(extents);
        for (const Binding& w : bindings_) {
            const Buffers::Buffer& b = buffers_[w.buffer];
            if (w.mask) {
                w.target->mask = reinterpret_cast<std::uint8_t*>(b.data);
                w.target->mask_shape = b.shape;
            } else {
                w.target->data = b.data;
                w.target->shape = b.shape;
                w.target->dtype = b.spec.dtype;
            }
        }
        for (const EntryBinding& w : entry_bindings_) {
            const Buffers::Buffer& b = buffers_[w.buffer];
            w.target->view = AnyView(b.data, b.shape, b.spec.dtype);
            w.target->stride = w.timed ? b.stride : 0;
        }
        return true;
    }

    Index arena_bytes() const { return buffers_.arena_bytes(); }
    /// Bytes that the value of an edge may take before the arena grows.
    Index reserved(Edge e) const { return buffers_.reserved(value_buffers_[key(e)]); }
    /// Fills the arena with bytes that read as NaN, -1 and 255: what a layer reads before it was written shows.
    void poison() { buffers_.poison(); }
    /// The value of an edge, its mask with it.
    AnyView value(Edge e) const { return edge_values_[key(e)]; }
    /// The gradient of an edge; empty where nothing is differentiated there.
    AnyView gradient(Edge e) const { return edge_gradients_[key(e)]; }
    bool consumed_by_loss(Edge e) const {
        for (const auto& [node, input] : consumers(e))
            if (is_loss(node) && flows(node, input)) return true;
        return listed(options_.losses, e);
    }
    /// Gradients that only losses start: zero where backward begins without them.
    const std::vector<AnyView>& loss_fed() const { return loss_fed_; }
    const std::vector<Sparse>& sparse() const { return sparse_; }
    struct CarryBinding {
        AnyView* old;
        AnyView* next;
        const Build::BufferSpec* spec;
    };
    const std::vector<CarryBinding>& carries() const { return carries_; }

private:
    struct Binding {
        AnyView* target;
        int buffer;
        bool mask;
    };

    static void check(const Build& build, const Extents& extents) {
        for (const auto& e : build.equalities())
            if (e.a.evaluate(extents) != e.b.evaluate(extents))
                throw_shape_error(build.context() + ": expects " + e.expectation + ", got " +
                                  std::to_string(e.a.evaluate(extents)) + " and " +
                                  std::to_string(e.b.evaluate(extents)));
        for (const auto& o : build.outs())
            for (const Dim& d : o.shape)
                if (!d.is_constant() && d.evaluate(extents) < 0)
                    throw_shape_error(build.context() + ": expects a larger input; its output " +
                                      gradus::to_string(o.shape) + " would have a size of " +
                                      std::to_string(d.evaluate(extents)));
        for (const auto& c : build.children()) check(c->build, extents);
    }

    void make_values() {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            const PlannedNode& n = nodes_[i];
            if (!n.layer) continue;
            for (std::size_t o = 0; o < n.build->outs().size(); ++o) {
                const Edge e{int(i), int(o)};
                Index last = static_cast<Index>(i);
                for (const auto& [node, input] : consumers(e)) {
                    last = std::max<Index>(last, node);
                    const auto& reader = nodes_[static_cast<std::size_t>(node)];
                    if (reader.differentiates && reads_input(reader)) last = std::max(last, backward_step(node));
                }
                if (n.differentiates && reads_output(n)) last = std::max(last, backward_step(int(i)));
                const bool pin = pinned(e);
                value_buffers_[key(e)] =
                    buffers_.add(out(e).shape, out(e).dtype, pin ? 0 : static_cast<Index>(i), pin ? steps() : last);
                make_mask(e, n);
            }
            share_value(int(i));
        }
    }
    static bool reads_input(const PlannedNode& n) {
        return n.build->needs() == build::Needs::input || n.build->needs() == build::Needs::both;
    }
    static bool reads_output(const PlannedNode& n) {
        return n.build->needs() == build::Needs::output || n.build->needs() == build::Needs::both;
    }
    void make_mask(Edge e, const PlannedNode& n) {
        const Build::Out& o = out(e);
        if (o.mask == build::Mask::make)
            mask_buffers_[key(e)] = buffers_.add(
                SymbolicShape(o.shape.begin(), o.shape.begin() + std::min<std::ptrdiff_t>(2, std::ssize(o.shape))),
                Dtype::u8, 0, steps());
        if (o.mask == build::Mask::pass && n.inputs[static_cast<std::size_t>(o.mask_input)].node >= 0)
            mask_buffers_[key(e)] = mask_buffers_[key(n.inputs[static_cast<std::size_t>(o.mask_input)])];
    }
    bool same_size(Edge a, Edge b) const {
        const auto elements = [](const SymbolicShape& shape) {
            Dim n = 1;
            for (const Dim& d : shape) n = n * d;
            return n;
        };
        return out(a).shape == out(b).shape || elements(out(a).shape) == elements(out(b).shape);
    }
    /// y in x's memory, where nobody needs x afterwards.
    void share_value(int i) {
        const PlannedNode& n = nodes_[static_cast<std::size_t>(i)];
        if (!n.build->is_in_place() || n.inputs.empty() || n.inputs[0].node < 0) return;
        const Edge x = n.inputs[0], y{i, 0};
        const PlannedNode& producer = nodes_[static_cast<std::size_t>(x.node)];
        if (pinned(x) || consumers(x).size() != 1 || !same_size(x, y) || out(x).dtype != out(y).dtype) return;
        if (n.differentiates && reads_input(n)) return;
        if (producer.differentiates && reads_output(producer)) return;
        buffers_.share(value_buffers_[key(y)], value_buffers_[key(x)]);
    }

    void make_gradients() {
        for (int i = static_cast<int>(nodes_.size()) - 1; i >= 0; --i) {
            const PlannedNode& n = nodes_[static_cast<std::size_t>(i)];
            if (!n.layer || !wanted(i)) continue;
            for (std::size_t o = 0; o < n.build->outs().size(); ++o) {
                const Edge e{i, int(o)};
                if (!asked(e)) continue;
                const bool seed = listed(graph_->outputs(), e) || listed(options_.losses, e);
                const bool kept = seed || listed(options_.gradients_of, e);
                Index first = backward_step(i);
                for (const auto& [node, input] : consumers(e))
                    if (flows(node, input)) first = std::min(first, backward_step(node));
                gradient_buffers_[key(e)] =
                    buffers_.add(out(e).shape, out(e).dtype, seed ? 0 : first, kept ? steps() : backward_step(i));
                route(e, listed(graph_->outputs(), e));
            }
        }
    }
    /// The first reader in backward order writes the gradient, the others write a part that is added. What the model
    /// puts out may also be seeded from outside, so only a loss may write there; a loss's own gradient is always
    /// seeded.
    void route(Edge e, bool output) {
        const bool loss = listed(options_.losses, e);
        bool written = false;
        auto readers = consumers(e);
        std::sort(readers.rbegin(), readers.rend());
        for (const auto& [node, input] : readers) {
            if (!flows(node, input)) continue;
            const bool direct = !written && !loss && (!output || is_loss(node));
            written = written || direct;
            if (direct) {
                direct_.push_back({node, input, gradient_buffers_[key(e)]});
                if (!output) share_gradient(node, input, e);
            } else {
                const Index step = backward_step(node);
                parts_.push_back(
                    {node, input, gradient_buffers_[key(e)], buffers_.add(out(e).shape, out(e).dtype, step, step)});
            }
        }
    }
    /// dx in dy's memory.
    void share_gradient(int node, int input, Edge x) {
        const PlannedNode& n = nodes_[static_cast<std::size_t>(node)];
        const Edge y{node, 0};
        const int dy = gradient_buffers_[key(y)];
        if (!n.build->is_in_place() || input != 0 || dy < 0 || pinned(y) || listed(options_.gradients_of, y) ||
            listed(options_.gradients_of, x) || !same_size(x, y))
            return;
        buffers_.share(gradient_buffers_[key(x)], dy);
    }

    void make_frame(Frame& f, const LayerBase& layer, const Build& build, const Dim& times, int node,
                    std::uint64_t place) {
        f.layer = &layer;
        f.place = place;
        f.inference = never_trains(layer);
        f.x.resize(build.ins().size());
        f.dx.resize(build.ins().size());
        f.y.resize(build.outs().size());
        f.dy.resize(build.outs().size());
        f.params.resize(build.params().size());
        f.grads.resize(build.params().size());
        f.unwritten.resize(build.params().size());
        f.rows.resize(build.params().size());
        f.states.resize(build.states().size());
        f.old.resize(build.carries().size());
        f.next.resize(build.carries().size());
        f.saved.resize(build.saved_buffers().size());
        f.scratch_forward.resize(build.scratch_buffers().size());
        f.scratch_backward.resize(build.scratch_buffers().size());
        for (std::size_t i = 0; i < build.params().size(); ++i) {
            const auto& p = build.params()[i];
            const Index at = table_->find(p.alias_of ? p.alias_identity.get() : layer.identity().get(), p.name);
            f.params[i] = table_->list()[static_cast<std::size_t>(at)].view();
            if (options_.differentiated) bind_gradient(f, build, i, at, node);
        }
        for (std::size_t i = 0; i < build.states().size(); ++i)
            f.states[i] =
                table_->list()[static_cast<std::size_t>(table_->find(layer.identity().get(), build.states()[i].name))]
                    .view();
        for (std::size_t i = 0; i < build.carries().size(); ++i)
            carries_.push_back({&f.old[i], &f.next[i], &build.carries()[i]});
        const Index backward = backward_step(node);
        const bool differentiates = nodes_[static_cast<std::size_t>(node)].differentiates;
        for (std::size_t i = 0; i < build.saved_buffers().size(); ++i)
            if (differentiates)
                entry_bindings_.push_back(
                    {&f.saved[i], buffers_.add(build.saved_buffers()[i], times, node, backward), true});
        for (std::size_t i = 0; i < build.scratch_buffers().size(); ++i) {
            const auto& spec = build.scratch_buffers()[i];
            if (spec.only_without_backward && differentiates) continue;
            entry_bindings_.push_back({&f.scratch_forward[i], buffers_.add(spec, Dim(1), node, node), false});
            if (differentiates)
                entry_bindings_.push_back(
                    {&f.scratch_backward[i], buffers_.add(spec, Dim(1), backward, backward), false});
        }
        f.children.resize(build.children().size());
        for (std::size_t i = 0; i < build.children().size(); ++i) {
            const auto& c = *build.children()[i];
            times_.emplace_back(&f.children[i], c.times);
            make_frame(f.children[i], *c.layer, c.build, times * c.times, node, mix(place * 31 + i + 1));
        }
    }
    void bind_gradient(Frame& f, const Build& build, std::size_t i, Index parameter, int node) {
        const Index segment = layout_->segment_of[static_cast<std::size_t>(parameter)];
        if (segment < 0) return;
        const Segment& s = layout_->segments[static_cast<std::size_t>(segment)];
        if (s.slot < 0) return;
        if (!s.row_sparse) {
            gradient_views_.push_back({&f.grads[i], &f.unwritten[i], segment, s.slot, s.shape});
            return;
        }
        auto it =
            std::find_if(sparse_.begin(), sparse_.end(), [&](const Sparse& x) { return x.parameter == parameter; });
        if (it == sparse_.end()) it = sparse_.insert(sparse_.end(), Sparse{parameter, {}});
        it->users.push_back({node, static_cast<int>(i), build.id_inputs()[0].input});
    }

    void bind_edges() {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            PlannedNode& n = nodes_[i];
            if (!n.layer) continue;
            for (std::size_t o = 0; o < n.build->outs().size(); ++o) {
                const std::size_t k = key(Edge{int(i), int(o)});
                for (AnyView* target : {&edge_values_[k], &n.frame.y[o]})
                    bind(target, value_buffers_[k], mask_buffers_[k]);
                if (gradient_buffers_[k] >= 0) {
                    bind(&n.frame.dy[o], gradient_buffers_[k], -1);
                    bind(&edge_gradients_[k], gradient_buffers_[k], -1);
                }
            }
            for (std::size_t k = 0; k < n.inputs.size(); ++k)
                if (n.inputs[k].node >= 0)
                    bind(&n.frame.x[k], value_buffers_[key(n.inputs[k])], mask_buffers_[key(n.inputs[k])]);
        }
        std::vector<std::size_t> fed;
        for (std::size_t i = 0; i < nodes_.size() && !is_loss(int(i)); ++i)
            for (std::size_t o = 0; nodes_[i].layer && o < nodes_[i].build->outs().size(); ++o) {
                const Edge e{int(i), int(o)};
                if (gradient_buffers_[key(e)] >= 0 && !listed(graph_->outputs(), e) && consumed_by_loss(e))
                    fed.push_back(key(e));
            }
        loss_fed_.resize(fed.size());
        for (std::size_t i = 0; i < fed.size(); ++i) bind(&loss_fed_[i], gradient_buffers_[fed[i]], -1);
        for (const auto& [node, input, buffer] : direct_)
            bind(&nodes_[static_cast<std::size_t>(node)].frame.dx[static_cast<std::size_t>(input)], buffer, -1);
        for (const auto& [node, input, total, part] : parts_)
            nodes_[static_cast<std::size_t>(node)].sums.push_back({input, {}, {}});
        std::vector<std::size_t> next(nodes_.size(), 0);
        for (const auto& [node, input, total, part] : parts_) {
            PlannedNode& n = nodes_[static_cast<std::size_t>(node)];
            PlannedNode::Sum& sum = n.sums[next[static_cast<std::size_t>(node)]++];
            bind(&n.frame.dx[static_cast<std::size_t>(input)], part, -1);
            bind(&sum.part, part, -1);
            bind(&sum.total, total, -1);
        }
    }
    void bind(AnyView* target, int buffer, int mask) {
        bindings_.push_back({target, buffer, false});
        if (mask >= 0) bindings_.push_back({target, mask, true});
    }

public:
    struct GradientView {
        AnyView* target;
        std::uint8_t** unwritten;
        Index segment;
        Index slot;
        Shape shape;
    };
    /// Dense parameter gradients: views into the workspace's block.
    const std::vector<GradientView>& gradient_views() const { return gradient_views_; }
    Dtype scalar() const { return scalar_; }

private:
    struct EntryBinding {
        Frame::Buffer* target;
        int buffer;
        bool timed; ///< one entry per time of a child
    };
    struct Direct {
        int node, input, buffer;
    };
    struct Part {
        int node, input, total, part;
    };

    Dtype scalar_;
    std::vector<int> value_buffers_, gradient_buffers_, mask_buffers_;
    std::vector<AnyView> edge_values_, edge_gradients_, loss_fed_;
    Buffers buffers_;
    std::vector<Binding> bindings_;
    std::vector<EntryBinding> entry_bindings_;
    std::vector<std::pair<Frame*, Dim>> times_;
    std::vector<CarryBinding> carries_;
    std::vector<GradientView> gradient_views_;
    std::vector<Direct> direct_;
    std::vector<Part> parts_;
    std::vector<Sparse> sparse_;
};

GRADUS_END

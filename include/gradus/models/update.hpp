/// Updater: what one optimizer keeps of a model (layout of gradients, moments, averages), and the update made of it.
#pragma once
#include <gradus/core/rounded.hpp>
#include <gradus/graph/workspace.hpp>
#include <gradus/kernels/update.hpp>
#include <gradus/models/frozen.hpp>
#include <gradus/models/options.hpp>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// Throws ValueError where options of an update are out of their ranges.
inline void check_update(const ClipOptions& clip, const EMAOptions& ema, const std::vector<ParameterGroup>& groups,
                         Index accumulate) {
    const auto expect = [](bool fits, const char* option, const char* expected, double found) {
        require_option(fits, "compile", option, expected, found);
    };
    for (const auto& [name, limit] :
         {std::pair{"clip.value", clip.value}, {"clip.norm", clip.norm}, {"clip.global_norm", clip.global_norm}})
        expect(limit >= 0 && std::isfinite(limit), name, "a finite limit, or 0 for none", limit);
    const int limits = (clip.value > 0) + (clip.norm > 0) + (clip.global_norm > 0);
    expect(limits <= 1, "clip", "one of value, norm and global_norm", limits);
    expect(ema.momentum >= 0 && ema.momentum < 1, "ema.momentum", "a number in (0, 1), or 0 for no averages",
           ema.momentum);
    expect(accumulate >= 1, "accumulate", "at least 1 batch", static_cast<double>(accumulate));
    for (const ParameterGroup& g : groups)
        expect(g.rate_scale >= 0 && std::isfinite(g.rate_scale), ("groups: the scale of \"" + g.name + "\"").c_str(),
               "a finite number of at least 0", g.rate_scale);
}

template <class T> class Updater {
public:
    explicit Updater(const CompileOptions<T>& o)
        : optimizer(o.optimizer), clip_(o.clip), ema_momentum_(o.ema.momentum), groups_(o.groups) {
        if (!optimizer) throw_value_error("compile: expects an optimizer, got none");
        check_update(o.clip, o.ema, o.groups, o.accumulate);
        group_scales_.push_back(1);
        for (const ParameterGroup& g : o.groups) group_scales_.push_back(g.rate_scale);
    }

    /// Trains what is not frozen, by its own option or by flag. What stays trained keeps its moments and averages; what
    /// becomes trained starts with moments of zero and an average of its value.
    void relayout(const ParameterTable& table, const std::vector<bool>& frozen) {
        std::vector<std::string> names;
        for (const ParameterGroup& g : groups_) names.push_back(g.name);
        (void)covered(table, names, "compile: groups");
        GradientLayout fresh(table, Index(sizeof(T)), [&](const Parameter& p) {
            return !p.options.trainable || frozen[static_cast<std::size_t>(&p - table.list().data())];
        });
        for (Segment& s : fresh.segments)
            for (std::size_t g = groups_.size(); g > 0; --g)
                if (covers(groups_[g - 1].name, s.name)) s.group = static_cast<Index>(g);
        const Index moments = optimizer->moments(), blocks = moments + has_averages();
        const Index block = align_up(fresh.total_size * Index(sizeof(T)));
        AlignedBuffer memory(block * blocks);
        std::vector<T*> pointers;
        for (Index i = 0; i < blocks; ++i) pointers.push_back(reinterpret_cast<T*>(memory.data() + i * block));
        const GradientLayout before = std::exchange(layout, std::move(fresh));
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            const Segment& s = layout.segments[i];
            if (s.slot < 0) continue;
            const Index from = before.segments.empty() ? -1 : before.segments[i].slot;
            for (std::size_t b = 0; b < pointers.size(); ++b) {
                if (from >= 0)
                    std::copy_n(moment_pointers[b] + from, s.size(), pointers[b] + s.slot);
                else if (static_cast<Index>(b) == moments)
                    std::copy_n(parameters(i), s.size(), pointers[b] + s.slot);
            }
        }
        list_stores();
        memory_ = std::move(memory);
        moment_pointers = std::move(pointers);
    }

    /// Moments of the optimizer, then, where there are any, averages; each as the layout's slots say.
    std::vector<T*> moment_pointers;
    bool has_averages() const { return ema_momentum_ > 0; }

    /// l1 |w| + l2 w^2 over the trained parameters.
    double penalty() const {
        double total = 0;
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            const Segment& s = layout.segments[i];
            if (s.slot < 0) continue;
            if (s.l1 != 0) total += rounded(s.l1 * static_cast<double>(kernels::sum_absolute(parameters(i), s.size())));
            if (s.l2 != 0) total += rounded(s.l2 * static_cast<double>(kernels::sum_squares(parameters(i), s.size())));
        }
        return total;
    }

    void require_parameters(const char* who) const {
        if (averaged)
            throw_value_error(std::string(who) +
                              ": expects the trained parameters in place, got their averages (swap_averaged)");
    }
    void require_trained(const char* who) const {
        require_parameters(who);
        if (layout.total_size == 0 && !layout.segments.empty())
            throw_value_error(std::string(who) +
                              ": expects parameters to train, got a model whose parameters are all frozen");
    }

    /// One update of every trained parameter: gradients, divided by `weight`, are regularised and clipped, parameters
    /// updated, their norms limited and their averages moved; gradients are then zero.
    void update(Workspace<T>& workspace, double weight) {
        const TraceSpan span("update", "optimizer");
        const TeamScope team;
        const FloatScope mode;
        ++updates;
        if (weight != 1 && weight > 0) scale(workspace, static_cast<T>(1 / weight));
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            const Segment& s = layout.segments[i];
            if (s.slot >= 0 && (s.l1 != 0 || s.l2 != 0))
                kernels::penalize(workspace.gradients() + s.slot, parameters(i), static_cast<T>(s.l1),
                                  static_cast<T>(2 * s.l2), s.size());
        }
        clip(workspace);
        run_optimizer(workspace);
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            const Segment& s = layout.segments[i];
            if (s.slot < 0) continue;
            if (s.max_norm > 0 && s.size() > 0)
                kernels::limit_columns(parameters(i), static_cast<T>(s.max_norm), rows(s), width(s));
            if (!has_averages()) continue;
            T* const average = moment_pointers.back() + s.slot;
            if (updates == 1)
                std::copy_n(parameters(i), s.size(), average);
            else
                kernels::average(average, parameters(i), static_cast<T>(1 - ema_momentum_), s.size());
        }
        workspace.zero_gradients();
    }

    /// Parameters and their averages change places.
    void swap_averages() {
        each_average([](T* w, T* average, Index n) { std::swap_ranges(w, w + n, average); });
        averaged = !averaged;
    }
    /// Parameters become their averages.
    void assign_averages() {
        each_average([](T* w, T* average, Index n) { std::copy_n(average, n, w); });
    }

    OptimizerHandle<T> optimizer;
    GradientLayout layout;
    Index updates = 0;
    bool averaged = false; ///< parameters and averages have changed places

private:
    struct StoreSegments {
        Store* store;
        std::vector<Segment> segments;
        std::vector<std::size_t> index;
        std::vector<SparseRows<T>> sparse;
    };

    T* parameters(std::size_t segment) const {
        return reinterpret_cast<T*>(layout.store_of[segment]->parameters()) + layout.segments[segment].offset;
    }
    static Index rows(const Segment& s) { return s.shape.rank() > 0 ? s.shape[0] : 1; }
    static Index width(const Segment& s) { return s.shape.rank() > 1 ? s.shape.product(1, s.shape.rank()) : 1; }

    void list_stores() {
        by_store_.clear();
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            auto at = std::find_if(by_store_.begin(), by_store_.end(),
                                   [&](const auto& b) { return b.store == layout.store_of[i]; });
            if (at == by_store_.end()) at = by_store_.insert(at, StoreSegments{layout.store_of[i], {}, {}, {}});
            at->segments.push_back(layout.segments[i]);
            at->index.push_back(i);
            at->sparse.push_back({});
        }
    }
    void run_optimizer(const Workspace<T>& workspace) {
        const auto sparse = workspace.sparse_rows();
        for (StoreSegments& b : by_store_) {
            for (std::size_t i = 0; i < b.index.size(); ++i) b.sparse[i] = sparse[b.index[i]];
            Update<T> u;
            u.parameters = reinterpret_cast<T*>(b.store->parameters());
            u.segments = b.segments;
            u.gradients = workspace.gradients();
            u.sparse = b.sparse;
            u.moments = std::span<T* const>(moment_pointers).first(static_cast<std::size_t>(optimizer->moments()));
            u.step = updates;
            if (!groups_.empty()) u.group_scales = group_scales_;
            optimizer->update(u);
        }
    }

    /// Calls f(segment, values, count, ids) for each gradient: all its elements, or, with ids, the rows that it has.
    template <class F> void each_gradient(const Workspace<T>& workspace, const F& f) const {
        const auto sparse = workspace.sparse_rows();
        for (std::size_t i = 0; i < layout.segments.size(); ++i) {
            const Segment& s = layout.segments[i];
            if (s.slot < 0 || s.size() == 0) continue;
            if (!s.row_sparse)
                f(s, workspace.gradients() + s.slot, s.size(), nullptr);
            else
                f(s, const_cast<T*>(sparse[i].values), static_cast<Index>(sparse[i].ids.size()) * width(s),
                  sparse[i].ids.data());
        }
    }
    void scale(const Workspace<T>& workspace, T factor) const {
        if (factor == T(1)) return;
        each_gradient(workspace,
                      [&](const Segment&, T* g, Index n, const std::int32_t*) { kernels::scale(g, g, factor, n); });
    }
    static double squares(const Segment& s, const T* g, Index n, const std::int32_t* ids) {
        return s.row_sparse ? kernels::sum_squares_of_rows(g, ids, n / width(s), rows(s), width(s))
                            : kernels::sum_squares_by_row(g, rows(s), width(s));
    }
    void clip(const Workspace<T>& workspace) const {
        if (clip_.value > 0)
            each_gradient(workspace, [&](const Segment&, T* g, Index n, const std::int32_t*) {
                kernels::clamp(g, static_cast<T>(clip_.value), n);
            });
        if (clip_.norm > 0)
            each_gradient(workspace, [&](const Segment& s, T* g, Index n, const std::int32_t* ids) {
                const T factor = kernels::clip_factor<T>(std::sqrt(squares(s, g, n, ids)), clip_.norm);
                if (factor != T(1)) kernels::scale(g, g, factor, n);
            });
        if (clip_.global_norm > 0) {
            double total = 0;
            each_gradient(workspace, [&](const Segment& s, T* g, Index n, const std::int32_t* ids) {
                total += squares(s, g, n, ids);
            });
            scale(workspace, kernels::clip_factor<T>(std::sqrt(total), clip_.global_norm));
        }
    }
    template <class F> void each_average(const F& f) {
        for (std::size_t i = 0; i < layout.segments.size(); ++i)
            if (const Segment& s = layout.segments[i]; s.slot >= 0)
                f(parameters(i), moment_pointers.back() + s.slot, s.size());
    }

    ClipOptions clip_;
    double ema_momentum_;
    std::vector<ParameterGroup> groups_;
    std::vector<double> group_scales_;
    AlignedBuffer memory_;
    std::vector<StoreSegments> by_store_;
};

} // namespace detail
GRADUS_END

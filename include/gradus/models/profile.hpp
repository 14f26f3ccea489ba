/// profile: where the time of a model's step goes, layer by layer.
#pragma once
#include <gradus/core/trace.hpp>
#include <gradus/kernels/matmul.hpp>
#include <gradus/models/model.hpp>
#include <gradus/models/summary.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

GRADUS_BEGIN

struct ProfileOptions {
    Index steps = 10;               ///< that are measured; times are their medians
    Index warm_up = 2;              ///< steps before them
    bool print = true;              ///< the table, to_string
    std::ostream* output = nullptr; ///< where it goes; std::cout
};

/// A line of the table: a layer, or another part of a step.
struct ProfileRow {
    std::string name, kind; ///< name: as in summary; "dense+activation" where one place does the work of two
    double ms = 0;          ///< of a step
    double forward_ms = 0, backward_ms = 0; ///< of layers and the loss, which add up to ms
    double share = 0;                       ///< of the step's time
    double gflop = 0;   ///< of a step's matrix products, two for each multiply-add, as if no step was masked; 0: none
    double gflops = 0;  ///< a second
    double of_peak = 0; ///< gflops by the peak
};

struct Profile {
    std::vector<ProfileRow> layers;           ///< in order of execution
    ProfileRow input, loss, optimizer, total; ///< input: texts to ids, and copying the batch
    double peak_gflops = 0;                   ///< a second: the matrix product on data in cache, on `threads`
    std::string scalar;                       ///< of the model and the peak: float32, float64
    int threads = 1;                          ///< of the process
    Index batch = 0, steps = 0;               ///< rows; steps measured
    bool trained = false;                     ///< whether the model is compiled; if not, forward only
    bool zero_targets = false;                ///< none were given
};

/// The table that profile prints.
inline std::string to_string(const Profile& p) {
    const auto number = [](const char* format, double value, bool known = true) {
        if (!known) return std::string("-");
        char text[48];
        std::snprintf(text, sizeof text, format, value);
        return std::string(text);
    };
    std::vector<std::vector<std::string>> rows{
        {"Layer", "ms", "Forward", "Backward", "Share", "GFLOP", "GFLOP/s", "Of peak"}};
    const auto add = [&](const ProfileRow& r, bool parts) {
        rows.push_back({r.kind.empty() ? r.name : detail::layer_label(r.name, r.kind), number("%.3f", r.ms),
                        number("%.3f", r.forward_ms, parts), number("%.3f", r.backward_ms, parts && p.trained),
                        number("%.1f %%", 100 * r.share), number("%.3g", r.gflop, r.gflop > 0),
                        number("%.1f", r.gflops, r.gflop > 0), number("%.1f %%", 100 * r.of_peak, r.gflop > 0)});
    };
    for (const ProfileRow& r : p.layers) add(r, true);
    const std::size_t layers = rows.size();
    add(p.input, false);
    if (p.trained) {
        add(p.loss, true);
        add(p.optimizer, false);
    }
    const std::size_t parts = rows.size();
    add(p.total, true);
    std::string out =
        detail::table_text(rows, {false, true, true, true, true, true, true, true}, {1, layers, parts, rows.size()});
    out += "batch of " + std::to_string(p.batch) + ", medians of " + std::to_string(p.steps) + " steps; peak " +
           number("%.1f", p.peak_gflops) + " GFLOP/s, a matrix product of " + p.scalar + " in cache on " +
           std::to_string(p.threads) + " thread(s)\nGFLOP counts matrix products only";
    if (!p.trained) out += "; not compiled: forward only";
    if (p.zero_targets) out += "; no targets given: zeros";
    return out + "\n";
}

namespace detail {

/// GFLOP/s of the matrix product on data that fit the first cache, on as many threads as the process uses.
template <class T> double peak_gflops() {
    constexpr Index m = 12, n = 128 / Index(sizeof(T)), k = 128, repeat = 600;
    const Index team = threads();
    const std::vector<T> a(static_cast<std::size_t>(m * k), T(0.5)), b(static_cast<std::size_t>(k * n), T(0.25));
    std::vector<std::vector<T>> c(static_cast<std::size_t>(team), std::vector<T>(static_cast<std::size_t>(m * n)));
    auto best = std::numeric_limits<std::int64_t>::max();
    for (int round = 0; round < 20; ++round) {
        const std::int64_t start = trace_now();
        parallel_for(0, team, 1, [&](Index cell, Index) {
            for (Index i = 0; i < repeat; ++i)
                kernels::matmul<T>(c[static_cast<std::size_t>(cell)].data(), n, a.data(), k, kernels::Transpose::no,
                                   b.data(), n, kernels::Transpose::no, m, n, k, false, {}, nullptr);
        });
        best = std::min(best, trace_now() - start);
    }
    return 2.0 * static_cast<double>(m * n * k * repeat * team) / static_cast<double>(std::max<std::int64_t>(1, best));
}

/// Runs steps of a model that nobody else sees, place by place, and measures each.
template <class T> class Profiler {
public:
    Profiler(Model<T> model, const Columns& x, const Columns& y) : model_(std::move(model)), x_(x), y_(y) {
        c_ = model_.compiled();
        if (c_) {
            model_.forward(x);
            if (!y.empty()) (void)model_.loss(y);
            workspace_ = c_->training.get();
        } else {
            (void)model_.predict_all(
                x, {.batch_size = std::max<Index>(1, x.empty() ? 1 : x[0].rows()), .allow_nan = true});
            plain_layout_ = std::make_unique<GradientLayout>(*model_.table(), Index(sizeof(T)),
                                                             [](const Parameter&) { return true; });
            plain_ = std::make_unique<Workspace<T>>(*model_.graph(), *model_.table(), *plain_layout_, PlanOptions{});
            workspace_ = plain_.get();
            Tensor<std::int32_t> tokens;
            const Columns columns = prepared(tokens);
            Shape shapes[Columns::max_columns];
            for (std::size_t i = 0; i < columns.size(); ++i) shapes[i] = columns[i].view().shape;
            Extents extents;
            bind_inputs(graph(), shapes, columns.size(), extents, "profile");
            workspace_->set(extents);
        }
        if (c_ && y.empty())
            for (const auto& l : c_->losses)
                if (l.target >= 0)
                    if (const AnyView v = workspace_->value(l.target_input); v.data)
                        std::memset(v.data, 0, static_cast<std::size_t>(v.bytes()));
        for (auto* times : {&forward_, &backward_}) times->resize(static_cast<std::size_t>(workspace_->size()));
    }

    Profile run(const ProfileOptions& o) {
        for (Index i = 0; i < o.warm_up; ++i) step();
        for (auto* times : {&forward_, &backward_})
            for (auto& t : *times) t.clear();
        for (auto* times : {&input_, &loss_, &start_, &optimizer_}) times->clear();
        for (Index i = 0; i < o.steps; ++i) step();

        Profile p;
        p.trained = c_ != nullptr;
        p.zero_targets = c_ && y_.empty();
        p.threads = threads();
        p.scalar = name_of(dtype_of<T>());
        p.peak_gflops = peak_gflops<T>();
        p.batch = x_[0].rows();
        p.steps = o.steps;
        p.loss = row("loss", median(loss_), 0);
        p.input.name = "read batch";
        p.input.ms = median(input_);
        p.optimizer.name = "optimizer";
        p.optimizer.ms = median(optimizer_);
        p.total.name = "total";
        p.total.ms = p.input.ms + p.optimizer.ms;
        const auto& nodes = workspace_->plan().nodes();
        for (int i = 0; i < workspace_->size(); ++i) {
            const auto at = static_cast<std::size_t>(i);
            if (!nodes[at].layer) continue;
            ProfileRow r = row(nodes[at].name, median(forward_[at]), median(backward_[at]) + sparse_ms(i));
            r.kind = nodes[at].kind;
            r.gflop = 1e-9 * (workspace_->flops(i, i + 1, false) + workspace_->flops(i, i + 1, true));
            if (c_ && i >= c_->first_loss)
                add(p.loss, r);
            else if (r.kind != "input")
                p.layers.push_back(r);
        }
        add(p.total, p.loss);
        for (const ProfileRow& r : p.layers) add(p.total, r);
        const auto rate = [&](ProfileRow& r) {
            r.share = p.total.ms > 0 ? r.ms / p.total.ms : 0;
            r.gflops = r.ms > 0 ? 1000 * r.gflop / r.ms : 0;
            r.of_peak = r.gflops / p.peak_gflops;
        };
        for (ProfileRow* r : {&p.input, &p.loss, &p.optimizer, &p.total}) rate(*r);
        for (ProfileRow& r : p.layers) rate(r);
        return p;
    }

private:
    using Times = std::vector<std::int64_t>;

    const Graph& graph() const { return c_ ? c_->graph : *model_.graph(); }
    Columns prepared(Tensor<std::int32_t>& tokens) const {
        if (x_.empty() || !x_[0].is_text()) return x_;
        tokens = model_.preprocessor()->apply(x_[0].texts());
        return Columns(tokens);
    }
    static ProfileRow row(std::string name, double forward, double backward) {
        ProfileRow r;
        r.name = std::move(name);
        r.forward_ms = forward;
        r.backward_ms = backward;
        r.ms = forward + backward;
        return r;
    }
    static void add(ProfileRow& to, const ProfileRow& r) {
        to.ms += r.ms;
        to.forward_ms += r.forward_ms;
        to.backward_ms += r.backward_ms;
        to.gflop += r.gflop;
    }
    /// Its share of finding the rows of row-sparse gradients, which happens for all at once.
    double sparse_ms(int node) const {
        std::ptrdiff_t own = 0, all = 0;
        for (const Plan::Sparse& s : workspace_->plan().sparse()) {
            all += std::ssize(s.users);
            own += std::count_if(s.users.begin(), s.users.end(), [&](const auto& u) { return u.node == node; });
        }
        return all == 0 ? 0 : median(start_) * static_cast<double>(own) / static_cast<double>(all);
    }
    /// In milliseconds.
    static double median(Times t) {
        if (t.empty()) return 0;
        std::sort(t.begin(), t.end());
        const std::size_t half = t.size() / 2;
        return 5e-7 * static_cast<double>(t[half] + t[t.size() - 1 - half]);
    }
    template <class F> static void timed(Times& times, const F& f) {
        const std::int64_t start = trace_now();
        f();
        times.push_back(trace_now() - start);
    }

    /// What fit does with a batch, but for metrics and callbacks.
    void step() {
        Workspace<T>& w = *workspace_;
        timed(input_, [&] {
            Tensor<std::int32_t> tokens;
            const Columns columns = prepared(tokens);
            for (std::size_t i = 0; i < columns.size(); ++i)
                copy_column(w.value(graph().inputs()[i]), columns[i].view());
            if (!c_ || y_.empty()) return;
            for (const auto& l : c_->losses)
                if (l.target >= 0) copy_column(w.value(l.target_input), y_[static_cast<std::size_t>(l.target)].view());
        });
        Pass pass;
        pass.training = c_ != nullptr;
        if (c_) {
            pass.seed = c_->seed;
            pass.precision = c_->options().precision;
            pass.update = static_cast<std::uint32_t>(c_->updates);
        }
        for (int i = 0; i < w.size(); ++i)
            timed(forward_[static_cast<std::size_t>(i)], [&] { w.forward(pass, i, i + 1); });
        if (!c_) return;
        timed(loss_, [&] {
            for (const auto& l : c_->losses) (void)c_->evaluate_loss(l, w, {}, true);
            c_->penalty_now = c_->penalty();
        });
        timed(start_, [&] {
            c_->clear_unread();
            w.start_backward(true);
        });
        for (int i = w.size(); i-- > 0;)
            timed(backward_[static_cast<std::size_t>(i)], [&] { w.backward(pass, true, i, i + 1); });
        c_->add_batch();
        timed(optimizer_, [&] { c_->step(); });
    }

    Model<T> model_;
    const Columns& x_;
    const Columns& y_;
    Compiled<T>* c_ = nullptr;
    Workspace<T>* workspace_ = nullptr;
    std::unique_ptr<GradientLayout> plain_layout_;
    std::unique_ptr<Workspace<T>> plain_;
    std::vector<Times> forward_, backward_;
    Times input_, loss_, start_, optimizer_;
};

} // namespace detail

/// Runs some training steps on this one batch, on a clone, and prints a table beside summary()'s: for each layer time,
/// share of the step, GFLOP/s and percent of what the machine's matrix product in T reaches now. The model stays as it
/// is, bit for bit; the clone takes as much memory again. Without targets they are zeros; a model that is not compiled
/// runs forward only. Metrics and callbacks are not measured. Throws what a step on these data throws, and ValueError
/// where the model has no shapes yet or steps are fewer than 1.
template <class T>
Profile profile(const Model<T>& model, const Columns& x, const Columns& y, const ProfileOptions& options = {}) {
    if (options.steps < 1 || options.warm_up < 0)
        throw_value_error("profile: expects at least 1 step and 0 steps of warm-up, got " +
                          std::to_string(options.steps) + " and " + std::to_string(options.warm_up));
    const Profile p = detail::Profiler<T>(model.clone(), x, y).run(options);
    if (options.print) (options.output ? *options.output : std::cout) << to_string(p) << std::flush;
    return p;
}
template <class T> Profile profile(const Model<T>& model, const Columns& x, const ProfileOptions& options = {}) {
    return profile(model, x, Columns(), options);
}

GRADUS_END

/// Prefetch: reads the next batches of a dataset on a thread of its own while the model works on this one.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/storage.hpp>
#include <gradus/core/trace.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/models/binding.hpp>

#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// A dataset whose batches are read in an order known before, so that two of them wait, converted, in memory of its
/// own. What the dataset throws is thrown where the batch is asked for. Allocates only where a batch is larger than
/// those before.
class Prefetch : public Dataset {
public:
    /// `targets`: the graph's inputs that the dataset's targets fill.
    Prefetch(const Graph& graph, std::vector<Edge> targets, Dtype weights)
        : graph_(graph), targets_(std::move(targets)), weights_(weights), thread_([this] { work(); }) {}
    ~Prefetch() override {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stop_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    Prefetch(const Prefetch&) = delete;
    Prefetch& operator=(const Prefetch&) = delete;

    /// Starts reading. The result, this, is to be read batch by batch in that order; what is left of the last order is
    /// dropped.
    const Dataset& begin(const Dataset& data, std::span<const Index> order, Index batch_size) {
        std::unique_lock<std::mutex> lock(mutex_);
        batches_ = 0;
        ready_.wait(lock, [&] { return !reading_; });
        data_ = &data;
        order_.assign(order.begin(), order.end());
        batch_size_ = static_cast<std::size_t>(batch_size);
        for (Slot& s : slots_) {
            s.full = false;
            s.error = nullptr;
        }
        filled_ = taken_ = 0;
        batches_ = (order_.size() + batch_size_ - 1) / batch_size_;
        lock.unlock();
        wake_.notify_one();
        return *this;
    }

    Index size() const override { return data_->size(); }
    const DatasetSpec& spec() const override { return data_->spec(); }
    void extents(std::span<const Index>, Extents& extents) const override {
        for (const auto& [name, value] : next().extents.values()) extents.set(name, value);
    }
    void read(std::span<const Index>, Batch& out) const override {
        const Slot& s = next();
        const auto copy = [](const AnyView& to, const AnyView& from) {
            if (from.bytes()) std::memcpy(to.data, from.data, static_cast<std::size_t>(from.bytes()));
            if (from.mask) std::memcpy(to.mask, from.mask, static_cast<std::size_t>(from.mask_shape.size()));
        };
        for (std::size_t i = 0; i < s.inputs.size(); ++i) copy(out.inputs[i], s.inputs[i]);
        for (std::size_t i = 0; i < s.targets.size(); ++i) copy(out.targets[i], s.targets[i]);
        if (!s.weights.empty()) copy(out.weights, s.weights);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            slots_[taken_++ % 2].full = false;
        }
        wake_.notify_one();
    }

private:
    struct Slot {
        Extents extents;
        std::vector<AnyView> inputs, targets;
        AnyView weights;
        AlignedBuffer memory;
        std::exception_ptr error;
        bool full = false;
    };

    const Slot& next() const {
        std::unique_lock<std::mutex> lock(mutex_);
        const Slot& s = slots_[taken_ % 2];
        if (!s.full) {
            const TraceSpan span("wait for batch", "input");
            ready_.wait(lock, [&] { return s.full; });
        }
        if (s.error) std::rethrow_exception(s.error);
        return s;
    }

    void work() {
        trace_thread("prefetch");
        const SerialScope serial;
        std::unique_lock<std::mutex> lock(mutex_);
        while (true) {
            wake_.wait(lock, [&] { return stop_ || (filled_ < batches_ && !slots_[filled_ % 2].full); });
            if (stop_) return;
            Slot& s = slots_[filled_ % 2];
            const std::size_t first = filled_ * batch_size_;
            const auto rows =
                std::span<const Index>(order_).subspan(first, std::min(batch_size_, order_.size() - first));
            reading_ = true;
            lock.unlock();
            try {
                fill(s, rows);
            } catch (...) { s.error = std::current_exception(); }
            lock.lock();
            reading_ = false;
            s.full = true;
            ++filled_;
            if (s.error) batches_ = std::min(batches_, filled_);
            ready_.notify_all();
        }
    }

    void fill(Slot& s, std::span<const Index> rows) const {
        const TraceSpan span("read batch", "input");
        const DatasetSpec& spec = data_->spec();
        const auto n = static_cast<Index>(rows.size());
        Shape shapes[Columns::max_columns];
        for (std::size_t i = 0; i < spec.inputs.size(); ++i) shapes[i] = with_rows(spec.inputs[i].row, n);
        bind_inputs(graph_, shapes, spec.inputs.size(), s.extents, "fit");
        data_->extents(rows, s.extents);
        s.inputs.resize(graph_.inputs().size());
        s.targets.resize(targets_.size());
        for (std::size_t i = 0; i < s.inputs.size(); ++i) s.inputs[i] = value(graph_.inputs()[i], s.extents);
        for (std::size_t i = 0; i < s.targets.size(); ++i) s.targets[i] = value(targets_[i], s.extents);
        s.weights = spec.has_weights ? AnyView(nullptr, with_rows(spec.weights.row, n), weights_) : AnyView();
        if (const Index bytes = place(s, nullptr); s.memory.bytes() < bytes) s.memory = AlignedBuffer(bytes);
        place(s, s.memory.data());
        Batch batch{s.inputs, s.targets, s.weights};
        data_->read(rows, batch);
    }

    AnyView value(Edge e, const Extents& extents) const {
        const Build::Out& out = graph_.out(e);
        AnyView v(nullptr, evaluate(out.shape, extents), out.dtype);
        if (out.mask == build::Mask::make) v.mask_shape = v.shape.rank() > 1 ? Shape{v.shape[0], v.shape[1]} : v.shape;
        return v;
    }
    /// Lays a slot's views one after the other; returns the bytes they need.
    Index place(Slot& s, std::byte* memory) const {
        Index at = 0;
        const auto take = [&](Index bytes) {
            std::byte* p = memory ? memory + at : nullptr;
            at += align_up(bytes + 1);
            return p;
        };
        const auto place_view = [&](AnyView& v, bool masked) {
            v.data = take(v.bytes());
            v.mask = masked ? reinterpret_cast<std::uint8_t*>(take(v.mask_shape.size())) : nullptr;
        };
        for (std::size_t i = 0; i < s.inputs.size(); ++i)
            place_view(s.inputs[i], graph_.out(graph_.inputs()[i]).mask == build::Mask::make);
        for (AnyView& v : s.targets) place_view(v, false);
        if (data_->spec().has_weights) place_view(s.weights, false);
        return at;
    }

    const Graph& graph_;
    std::vector<Edge> targets_;
    Dtype weights_;
    mutable std::mutex mutex_;
    mutable std::condition_variable wake_, ready_; ///< of the thread; of whoever waits for it
    mutable Slot slots_[2];
    mutable std::size_t taken_ = 0;
    const Dataset* data_ = nullptr;
    std::vector<Index> order_;
    std::size_t batch_size_ = 1, batches_ = 0, filled_ = 0;
    bool reading_ = false, stop_ = false;
    std::thread thread_;
};

/// One for a compiled model.
template <class C> std::unique_ptr<Prefetch> make_prefetch(const C& compiled, Dtype scalar) {
    std::vector<Edge> targets;
    for (const auto& l : compiled.losses) {
        if (l.target < 0) continue;
        targets.resize(std::max(targets.size(), static_cast<std::size_t>(l.target) + 1));
        targets[static_cast<std::size_t>(l.target)] = l.target_input;
    }
    return std::make_unique<Prefetch>(compiled.graph, std::move(targets), scalar);
}

} // namespace detail
GRADUS_END

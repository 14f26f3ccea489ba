/// Optimizer: the interface of what turns gradients into new parameters, and the copyable handle that `compile` holds.
///
/// An optimizer is its options. Parameters, gradients and moments are blocks of memory that somebody else owns, and a
/// table of segments says what lies where; so several optimizers may train parts of one store, and one update is a few
/// long loops.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/core/parallel.hpp>
#include <gradus/core/segment.hpp>
#include <gradus/optimizers/schedules/schedule.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

GRADUS_BEGIN

/// One update: blocks and the table of their segments.
///
/// A segment's `offset` indexes `parameters`; its `slot` indexes `gradients` and each block of moments, and is -1 where
/// the segment is frozen. A row-sparse segment [V, ...] has no dense gradient: its rows come from `sparse`, all others
/// count as zero, with the bits of a dense update. What lies between segments is never touched.
template <class T> struct Update {
    T* parameters = nullptr;
    std::span<const Segment> segments;
    const T* gradients = nullptr;
    std::span<const SparseRows<T>> sparse = {}; ///< by segment, for row-sparse ones; shorter: no rows
    std::span<T* const> moments = {};           ///< Optimizer::moments() blocks, zero before the first update
    Index step = 1;                             ///< number of the update, from 1; a schedule is asked for step - 1
    std::span<const double> group_scales = {};  ///< multiply the learning rate, by Segment::group; empty: all 1

    double scale(const Segment& s) const {
        return group_scales.empty() ? 1 : group_scales[static_cast<std::size_t>(s.group)];
    }
};

/// An update rule. Changes its scalar through its fields: `Adam<double> a = Adam({.beta_1 = 0.8});`
template <class T> class Optimizer : public Described {
public:
    using scalar = T;

    /// Number of blocks of moments that update() needs, each as long as the gradients' slots say.
    virtual Index moments() const = 0;
    /// Allocates nothing, throws nothing. The bits do not depend on threads or on how parameters are cut into segments.
    virtual void update(const Update<T>&) const = 0;
    /// The rate of the update that follows `updates` others, before it is scaled by group.
    virtual double learning_rate(Index updates = 0) const = 0;
    /// Throws ValueError where the rate is not a number, infinite or negative, and where a schedule rules it.
    virtual void set_learning_rate(double rate) = 0;
    virtual std::unique_ptr<Optimizer> copy() const = 0;
};

template <class O>
concept OptimizerType = requires { typename O::scalar; } && std::derived_from<O, Optimizer<typename O::scalar>>;

namespace detail {

template <class O, class T> struct RebindOptimizer;
template <template <class> class O, class U, class T> struct RebindOptimizer<O<U>, T> {
    using type = O<T>;
};

/// The same optimizer in another scalar.
template <class To> To convert_optimizer(const Described& from) {
    const FieldMap map = FieldWriter::write(from);
    To to;
    ScheduleCopier(map, std::string(from.kind())).read(to);
    return to;
}

/// Calls dense(first, n) for each run of n elements of dense segments that are neighbours in all blocks and alike in
/// rate (and in decay, where the caller decays), `first` the first of them; and sparse(segment, rows) for each
/// row-sparse one.
template <class T, class Dense, class Sparse>
void each_segment(const Update<T>& u, Dense dense, Sparse sparse, bool decays = false) {
    const FloatScope mode;
    const Segment* first = nullptr;
    Index n = 0;
    for (std::size_t i = 0; i < u.segments.size(); ++i) {
        const Segment& s = u.segments[i];
        if (s.slot < 0 || s.size() == 0) continue;
        if (s.row_sparse) {
            sparse(s, i < u.sparse.size() ? u.sparse[i] : SparseRows<T>{});
        } else if (first && s.offset == first->offset + n && s.slot == first->slot + n &&
                   (!decays || s.decay == first->decay) && u.scale(s) == u.scale(*first)) {
            n += s.size();
        } else {
            if (first) dense(*first, n);
            first = &s;
            n = s.size();
        }
    }
    if (first) dense(*first, n);
}

} // namespace detail

/// Holds any optimizer of scalar T, by value; made from an optimizer of any scalar. Empty where default-constructed.
template <class T> class OptimizerHandle {
public:
    OptimizerHandle() = default;
    template <OptimizerType O> OptimizerHandle(const O& optimizer) {
        if constexpr (std::is_same_v<typename O::scalar, T>)
            optimizer_ = optimizer.copy();
        else
            optimizer_ = detail::convert_optimizer<typename detail::RebindOptimizer<O, T>::type>(optimizer).copy();
    }
    OptimizerHandle(std::unique_ptr<Optimizer<T>> optimizer) : optimizer_(std::move(optimizer)) {}
    OptimizerHandle(const OptimizerHandle& o) : optimizer_(o.optimizer_ ? o.optimizer_->copy() : nullptr) {}
    OptimizerHandle(OptimizerHandle&&) noexcept = default;
    OptimizerHandle& operator=(OptimizerHandle o) noexcept {
        optimizer_ = std::move(o.optimizer_);
        return *this;
    }

    explicit operator bool() const { return optimizer_ != nullptr; }
    Optimizer<T>& operator*() const { return *optimizer_; }
    Optimizer<T>* operator->() const { return optimizer_.get(); }

private:
    std::unique_ptr<Optimizer<T>> optimizer_;
};

/// A handle as a field.
template <class T> class OptimizerSlot : public ObjectSlot {
public:
    explicit OptimizerSlot(OptimizerHandle<T>& handle) : handle_(handle) {}
    Described* get() override { return handle_ ? &*handle_ : nullptr; }
    void set(std::unique_ptr<Described> object) override {
        auto* optimizer = dynamic_cast<Optimizer<T>*>(object.get());
        if (!optimizer) throw_value_error("expects an optimizer of " + std::string(name_of(dtype_of<T>())));
        (void)object.release();
        handle_ = OptimizerHandle<T>(std::unique_ptr<Optimizer<T>>(optimizer));
    }
    std::string_view category() const override { return "optimizer"; }

private:
    OptimizerHandle<T>& handle_;
};

GRADUS_END

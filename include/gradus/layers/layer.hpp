/// The layer contract: LayerBase (free of the scalar), LayerOf<T> (forward and backward), Layer<Self, T> (what layers
/// derive from).
///
/// A layer is a description plus typed handles; it owns no memory. Copies share an identity, and so parameters; clone()
/// renews it.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/kernels/activation_kind.hpp>
#include <gradus/layers/build.hpp>
#include <gradus/layers/run.hpp>

#include <map>
#include <memory>
#include <vector>

GRADUS_BEGIN

class Node;

/// What copies of a layer share: the address is the identity; the entries say where its parameters and state live once
/// built.
struct Identity {
    struct Entry {
        std::shared_ptr<void> store; ///< the graph room's Store, kept alive by whoever uses the layer
        Index index = -1;
    };
    std::map<std::string, Entry, std::less<>> entries;
    std::string name; ///< given by the user; empty: numbered per model
};

/// What Node, Build and Fields name. Free of the scalar.
class LayerBase : public Described {
public:
    /// Declares everything anew: a model's clone builds copies of layers that were built before.
    virtual void build(Build&) = 0;
    virtual std::unique_ptr<LayerBase> copy() const = 0;
    virtual Dtype dtype() const = 0;
    /// The activation, with its usual parameter, that output 0 ends with, where its only reader may pass over its
    /// derivative.
    virtual activation::Kind ends_with() const { return activation::linear; }
    /// Whether the gradient of input 0 can be given below such an activation of its producer, from input 0, which
    /// backward then needs: see Run::passes_over. Not asked for activation::needs_input.
    virtual bool passes_over(activation::Kind) const { return false; }

    const std::shared_ptr<Identity>& identity() const { return identity_; }
    /// For visitors that clone: sets an identity chosen by the caller. A layer whose copies share more than parameters
    /// overrides it.
    virtual void set_identity(std::shared_ptr<Identity> identity) { identity_ = std::move(identity); }
    /// The user's name; empty: numbered per model ("lstm", "lstm_1").
    const std::string& name() const { return identity_->name; }

protected:
    std::shared_ptr<Identity> identity_ = std::make_shared<Identity>();
};

/// What the executor calls.
template <class T> class LayerOf : public LayerBase {
public:
    /// Allocates nothing, throws nothing.
    virtual void forward(Run<T>&) const = 0;
    /// dx is overwritten; parameter gradients accumulate, but where Run::overwrites() says that they are unset.
    virtual void backward(Run<T>&) const = 0;
    /// One layer that does this and then `next`, whose input `input` it feeds; or none. Aliases the parameters of both.
    virtual std::unique_ptr<LayerOf> fuse(const LayerOf& next, int input) const {
        (void)next;
        (void)input;
        return {};
    }
    Dtype dtype() const override { return dtype_of<T>(); }
};

/// Records a layer on nodes; defined in graph/node.hpp.
Node record(const LayerBase& layer, std::initializer_list<const Node*> inputs);

namespace detail {
using IdentityMap = std::map<const Identity*, std::shared_ptr<Identity>>;
void renew_identities(LayerBase& layer, IdentityMap& map);
} // namespace detail

/// What layers derive from: `template <class T = float> class Swish : public Layer<Swish, T>`. (Losses have a base of
/// their own.)
template <template <class> class Self, class T, class Base = LayerOf<T>> class Layer : public Base {
public:
    using scalar = T;

    std::unique_ptr<LayerBase> copy() const override { return std::make_unique<Self<T>>(self()); }
    /// A layer with the same options and parameters of its own; inner layers and references are renewed too.
    Self<T> clone() const {
        Self<T> c(self());
        detail::IdentityMap map;
        detail::renew_identities(c, map);
        return c;
    }
    /// The same layer in another scalar; identity, and so names and sharing, stay.
    template <class U>
        requires(!std::is_same_v<U, T>)
    operator Self<U>() const {
        return to<U>();
    }
    template <class U> Self<U> to() const {
        Self<U> c;
        copy_fields(*this, c);
        c.set_identity(this->identity_);
        return c;
    }
    /// Gives the layer a name, as Keras's `name=`: it is what files hold.
    Self<T> named(std::string name) const {
        Self<T> c(self());
        c.identity_->name = std::move(name);
        return c;
    }
    /// Records the layer on nodes; `Node{}` is an absent optional input.
    template <class... N> Node operator()(const Node& x, const N&... more) const;

private:
    const Self<T>& self() const { return static_cast<const Self<T>&>(*this); }
};

template <class L>
concept LayerType = std::derived_from<L, LayerBase> && requires { typename L::scalar; };

/// A copyable, type-erased layer: what braced lists and wrappers hold. Converts a layer of another scalar.
template <class T> class LayerHandle {
public:
    LayerHandle() = default;
    template <LayerType L> LayerHandle(const L& layer) {
        if constexpr (std::is_same_v<typename L::scalar, T>)
            layer_ = layer.copy();
        else
            layer_ = layer.template to<T>().copy();
    }
    explicit LayerHandle(std::unique_ptr<LayerBase> layer) : layer_(std::move(layer)) {}
    LayerHandle(const LayerHandle& o) : layer_(o.layer_ ? o.layer_->copy() : nullptr) {}
    LayerHandle(LayerHandle&&) noexcept = default;
    LayerHandle& operator=(LayerHandle o) noexcept {
        layer_ = std::move(o.layer_);
        return *this;
    }

    explicit operator bool() const { return layer_ != nullptr; }
    LayerBase& operator*() const { return *layer_; }
    LayerBase* operator->() const { return layer_.get(); }

private:
    std::unique_ptr<LayerBase> layer_;
};

/// A wrapper's inner layer as a field.
template <class T> class LayerSlot : public ObjectSlot {
public:
    explicit LayerSlot(LayerHandle<T>& handle) : handle_(handle) {}
    Described* get() override { return handle_ ? &*handle_ : nullptr; }
    void set(std::unique_ptr<Described> object) override {
        auto* layer = dynamic_cast<LayerOf<T>*>(object.get());
        if (!layer) throw_value_error("expects a layer of " + std::string(name_of(dtype_of<T>())));
        (void)object.release();
        handle_ = LayerHandle<T>(std::unique_ptr<LayerBase>(layer));
    }
    std::string_view category() const override { return "layer"; }

private:
    LayerHandle<T>& handle_;
};

namespace detail {
/// An absent tail of optional inputs, or outputs that the inner layer does not have, may be left out or be too many.
inline void set_views(std::vector<AnyView>& to, std::initializer_list<AnyView> from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = i < from.size() ? from.begin()[i] : AnyView();
}
} // namespace detail

template <class T>
void Run<T>::forward(Child c, Index time, std::initializer_list<AnyView> x, std::initializer_list<AnyView> y) const {
    Frame& f = frame_->children[static_cast<std::size_t>(c.i)];
    f.time = frame_->time * f.times + time;
    detail::set_views(f.x, x);
    detail::set_views(f.y, y);
    Run<T> run(f, pass_of(f));
    static_cast<const LayerOf<T>&>(*f.layer).forward(run);
}

template <class T> void Run<T>::backward(Child c, Index time, std::initializer_list<AnyView> x,
                                         std::initializer_list<AnyView> y, std::initializer_list<AnyView> dy,
                                         std::initializer_list<AnyView> dx) const {
    Frame& f = frame_->children[static_cast<std::size_t>(c.i)];
    f.time = frame_->time * f.times + time;
    detail::set_views(f.x, x);
    detail::set_views(f.y, y);
    detail::set_views(f.dy, dy);
    detail::set_views(f.dx, dx);
    Run<T> run(f, pass_of(f));
    static_cast<const LayerOf<T>&>(*f.layer).backward(run);
}

namespace detail {
/// Renews every identity reachable through fields: children and references, one new identity for each old one.
class IdentityRenewer : public Fields {
public:
    explicit IdentityRenewer(IdentityMap& map) : map_(map) {}
    void reference(std::string_view, ObjectSlot& slot) override { visit(slot); }

protected:
    void boolean(std::string_view, bool&) override {}
    void integer(std::string_view, Index&) override {}
    void number(std::string_view, double&) override {}
    void text(std::string_view, std::string&) override {}
    void integers(std::string_view, std::vector<Index>&) override {}
    void numbers(std::string_view, std::vector<double>&) override {}
    void texts(std::string_view, std::vector<std::string>&) override {}
    void choice(std::string_view, Index&, std::span<const std::string_view>) override {}
    void tensor(std::string_view, Tensor<float>&) override {}
    void object(std::string_view, ObjectSlot& slot) override { visit(slot); }

private:
    void visit(ObjectSlot& slot) {
        if (auto* layer = dynamic_cast<LayerBase*>(slot.get())) renew_identities(*layer, map_);
    }
    IdentityMap& map_;
};

inline void renew_identities(LayerBase& layer, IdentityMap& map) {
    auto& renewed = map[layer.identity().get()];
    if (!renewed) {
        renewed = std::make_shared<Identity>();
        renewed->name = layer.identity()->name;
    }
    layer.set_identity(renewed);
    IdentityRenewer visitor(map);
    layer.fields(visitor);
}
} // namespace detail

GRADUS_END

#include <gradus/layers/build_impl.hpp>

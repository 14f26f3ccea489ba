/// ParameterTable: the parameters and state that a graph's places declare, found by (identity, name), and where they
/// live.
#pragma once
#include <gradus/core/segment.hpp>
#include <gradus/graph/graph.hpp>
#include <gradus/memory/store.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

GRADUS_BEGIN

/// One trained parameter or state variable of a model.
struct Parameter {
    std::string name;  ///< "lstm.kernel", "bidirectional.forward.bias": what files hold
    std::string local; ///< the layer's own name for it
    std::shared_ptr<Identity> identity;
    std::shared_ptr<Store> store;
    Index index = -1;
    bool trained = true;
    ParamOptions options;
    bool row_sparse = false; ///< every user reads it row by row
    Shape shape;

    AnyView view() const { return store->view(index); }
};

/// Stores are shared by reference count: what another model has built already keeps its place there.
class ParameterTable {
public:
    ParameterTable() = default;

    using Admit = std::function<void(const Parameter&)>;

    /// Registers what the graph's places declare; what has no memory yet gets it in a new store, initialised from the
    /// seed. `admit` sees each parameter before memory is taken for any and may throw; with it values start at zero, to
    /// be read from a file. Where it throws, layers are as they were before.
    ParameterTable(const Graph& graph, std::uint64_t seed, const Admit& admit = {})
        : store_(std::make_shared<Store>()) {
        try {
            make(graph, seed, admit);
        } catch (...) {
            withdraw();
            throw;
        }
    }

    const std::vector<Parameter>& list() const { return list_; }
    /// Takes back the memory that this table made: layers are as they were before.
    void withdraw() {
        for (const Parameter& p : list_)
            std::erase_if(p.identity->entries, [&](const auto& e) { return e.second.store == store_; });
    }
    /// -1 where there is none.
    Index find(const Identity* identity, std::string_view local) const {
        for (std::size_t i = 0; i < list_.size(); ++i)
            if (list_[i].identity.get() == identity && list_[i].local == local) return static_cast<Index>(i);
        return -1;
    }
    Index find(std::string_view name) const {
        for (std::size_t i = 0; i < list_.size(); ++i)
            if (list_[i].name == name) return static_cast<Index>(i);
        return -1;
    }

private:
    void make(const Graph& graph, std::uint64_t seed, const Admit& admit) {
        struct Fresh {
            std::size_t parameter;
            const Build::ParamSpec* spec;
            const Build::StateSpec* state;
        };
        std::vector<Fresh> fresh;
        for (const Graph::Entry& e : graph.entries())
            walk(*e.place->layer, e.place->build, e.name,
                 [&](const LayerBase& layer, const Build& build, const std::string& prefix, bool inner) {
                     for (const Build::ParamSpec& p : build.params()) {
                         if (p.alias_of) continue;
                         const auto at = declare(layer, prefix, p.name, p.shape, true, p.options, build, admit);
                         if (inner || build.id_inputs().size() != 1) list_[at].row_sparse = false;
                         if (!list_[at].store) {
                             attach(at, store_, build.scalar(), build.scalar());
                             fresh.push_back({at, &p, nullptr});
                         }
                     }
                     for (const Build::StateSpec& s : build.states()) {
                         const auto at = declare(layer, prefix, s.name, s.shape, false, {}, build, admit);
                         if (!list_[at].store) {
                             attach(at, store_, s.dtype, build.scalar());
                             fresh.push_back({at, nullptr, &s});
                         }
                     }
                 });
        for (const Graph::Entry& e : graph.entries())
            walk(*e.place->layer, e.place->build, e.name,
                 [&](const LayerBase&, const Build& build, const std::string&, bool) {
                     for (const Build::ParamSpec& p : build.params())
                         if (p.alias_of) adopt(p, build);
                 });
        store_->allocate();
        if (admit) return;
        for (const Fresh& f : fresh) {
            const Parameter& p = list_[f.parameter];
            if (f.spec)
                initialize(p, *f.spec, seed);
            else
                fill(p.view(), f.state->initial);
        }
    }

    template <class F> static void walk(const LayerBase& layer, const Build& build, const std::string& prefix,
                                        const F& f, bool inner = false) {
        f(layer, build, prefix, inner);
        for (const auto& c : build.children())
            walk(*c->layer, c->build, c->name.empty() ? prefix : prefix + "." + c->name, f, true);
    }

    std::size_t declare(const LayerBase& layer, const std::string& prefix, const std::string& local, const Shape& shape,
                        bool trained, const ParamOptions& options, const Build& build, const Admit& admit) {
        const Index known = find(layer.identity().get(), local);
        if (known >= 0) {
            Parameter& p = list_[static_cast<std::size_t>(known)];
            if (p.shape != shape)
                throw_shape_error(build.context() + ": " + local + " is shared with a place where it is " +
                                  gradus::to_string(p.shape) + ", got " + gradus::to_string(shape));
            p.row_sparse = p.row_sparse && options.row_sparse;
            return static_cast<std::size_t>(known);
        }
        Parameter p{prefix + "." + local, local, layer.identity(), nullptr, -1, trained, options,
                    options.row_sparse,   shape};
        const auto it = layer.identity()->entries.find(entry_key(local, build.scalar()));
        if (it != layer.identity()->entries.end()) {
            p.store = std::static_pointer_cast<Store>(it->second.store);
            p.index = it->second.index;
            if (p.store->entry(p.index).shape != shape)
                throw_shape_error(build.context() + ": " + local + " is shared with another model, where it is " +
                                  gradus::to_string(p.store->entry(p.index).shape) + ", got " +
                                  gradus::to_string(shape));
        }
        if (admit) admit(p);
        list_.push_back(std::move(p));
        return list_.size() - 1;
    }
    /// A layer that stands in models of two scalars has parameters of its own in each.
    static std::string entry_key(const std::string& local, Dtype scalar) {
        return scalar == Dtype::f64 ? local + " of f64" : local;
    }
    void attach(std::size_t at, const std::shared_ptr<Store>& store, Dtype dtype, Dtype scalar) {
        Parameter& p = list_[at];
        p.store = store;
        p.index = store->add(p.shape, dtype, p.trained);
        p.identity->entries[entry_key(p.local, scalar)] = {store, p.index};
    }
    /// An alias needs its owner: in this model, or built by another one.
    void adopt(const Build::ParamSpec& alias, const Build& build) {
        Index at = find(alias.alias_identity.get(), alias.name);
        if (at < 0) {
            const auto it = alias.alias_identity->entries.find(entry_key(alias.name, build.scalar()));
            if (it == alias.alias_identity->entries.end())
                throw_value_error(build.context() + ": refers to \"" + alias.name + "\" of a layer (" +
                                  std::string(alias.alias_of->kind()) + ") that is not part of the model");
            auto store = std::static_pointer_cast<Store>(it->second.store);
            const Shape shape = store->entry(it->second.index).shape;
            list_.push_back({std::string(alias.alias_of->kind()) + "." + alias.name,
                             alias.name,
                             alias.alias_identity,
                             store,
                             it->second.index,
                             true,
                             {},
                             false,
                             shape});
            at = static_cast<Index>(list_.size()) - 1;
        }
        list_[static_cast<std::size_t>(at)].row_sparse = false;
    }

    static void fill(AnyView v, double value) {
        for (Index i = 0; i < v.shape.size(); ++i) {
            if (v.dtype == Dtype::f32)
                static_cast<float*>(v.data)[i] = static_cast<float>(value);
            else if (v.dtype == Dtype::f64)
                static_cast<double*>(v.data)[i] = value;
            else if (v.dtype == Dtype::i32)
                static_cast<std::int32_t*>(v.data)[i] = static_cast<std::int32_t>(value);
            else
                static_cast<std::uint8_t*>(v.data)[i] = static_cast<std::uint8_t>(value);
        }
    }
    static void initialize(const Parameter& p, const Build::ParamSpec& spec, std::uint64_t seed) {
        const AnyView v = p.view();
        if (spec.value) {
            for (Index i = 0; i < spec.value->size(); ++i)
                if (v.dtype == Dtype::f32)
                    static_cast<float*>(v.data)[i] = (*spec.value)[i];
                else
                    static_cast<double*>(v.data)[i] = static_cast<double>((*spec.value)[i]);
            return;
        }
        std::uint64_t name = 0xcbf29ce484222325; // FNV-1a: a parameter's values depend on the seed and its name only
        for (char c : p.name) name = (name ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        const Random random(seed, name, Purpose::initial);
        if (v.dtype == Dtype::f32)
            spec.initializer(v.as<float>(), random);
        else
            spec.initializer(v.as<double>(), random);
        for (const auto& preset : spec.presets)
            for (Index i = preset.first; i < preset.last; ++i)
                if (v.dtype == Dtype::f32)
                    static_cast<float*>(v.data)[i] = static_cast<float>(preset.value);
                else
                    static_cast<double*>(v.data)[i] = preset.value;
    }

    std::vector<Parameter> list_;
    std::shared_ptr<Store> store_;
};

/// Which parameters are trained, and where their gradients and moments lie: dense ones first, row-sparse ones after
/// them.
struct GradientLayout {
    std::vector<Segment> segments; ///< one for each trained parameter of the table, in its order
    std::vector<Index> segment_of; ///< by parameter; -1: state
    std::vector<Store*> store_of;  ///< by segment
    Index dense_size = 0, total_size = 0;

    GradientLayout() = default;
    template <class Frozen> GradientLayout(const ParameterTable& table, Index scalar_bytes, const Frozen& frozen) {
        segment_of.assign(table.list().size(), -1);
        for (std::size_t i = 0; i < table.list().size(); ++i) {
            const Parameter& p = table.list()[i];
            if (!p.trained) continue;
            segment_of[i] = static_cast<Index>(segments.size());
            segments.push_back({p.name, p.store->entry(p.index).offset / scalar_bytes, frozen(p) ? -1 : 0, p.shape, 0,
                                p.options.decay, p.options.l1, p.options.l2, p.options.max_norm,
                                // A penalty has a gradient in every row.
                                p.row_sparse && p.options.l1 == 0 && p.options.l2 == 0});
            store_of.push_back(p.store.get());
        }
        for (const bool sparse : {false, true}) {
            for (Segment& s : segments)
                if (s.slot >= 0 && s.row_sparse == sparse) {
                    s.slot = total_size;
                    total_size += align_up(s.size() * scalar_bytes) / scalar_bytes;
                }
            if (!sparse) dense_size = total_size;
        }
    }
};

GRADUS_END

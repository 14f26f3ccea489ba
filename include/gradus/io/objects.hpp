/// Objects of a saved model: described objects from field maps, through the registry.
#pragma once
#include <gradus/io/json_fields.hpp>
#include <gradus/io/registry.hpp>

#include <map>
#include <memory>
#include <string>

GRADUS_BEGIN
namespace detail {

/// Makes objects of scalar T. Layers of one path share an identity; references are resolved among what the decoder
/// knows.
template <class T> class ObjectMaker {
public:
    ObjectMaker(const LoadOptions<T>& options, const FieldDecoder& decoder) : options_(options), decoder_(decoder) {}

    /// Throws ValueError that begins with `context` where the kind is unknown or its fields do not fit.
    std::unique_ptr<Described> make(const FieldObject& o, const std::string& context) {
        std::unique_ptr<Described> object = create(o, context);
        Reader(*this, o.fields, context).read(*object);
        if (auto* l = dynamic_cast<LayerBase*>(object.get())) l->set_identity(identity(o.reference_name, context));
        return object;
    }
    template <class Base> std::unique_ptr<Base> make_as(const FieldObject& o, const std::string& context) {
        auto object = make(o, context);
        auto* base = dynamic_cast<Base*>(object.get());
        if (!base) throw_value_error(context + ": is no " + o.category);
        (void)object.release();
        return std::unique_ptr<Base>(base);
    }

private:
    class Reader : public FieldReader {
    public:
        Reader(ObjectMaker& maker, const FieldMap& map, const std::string& context)
            : FieldReader(map, context), maker_(maker) {}

    protected:
        std::unique_ptr<Described> make(const FieldObject& o) override {
            return maker_.make(o, context() + ": " + o.kind);
        }
        std::unique_ptr<Described> resolve(const FieldObject& o) override {
            return maker_.resolve(o.reference_name, context());
        }

    private:
        ObjectMaker& maker_;
    };

    template <class To, class Base>
    static std::unique_ptr<To> find(const std::vector<Kind<Base>>& kinds, const std::string& kind) {
        for (const Kind<Base>& k : kinds)
            if (k.kind == kind) return k.make();
        return {};
    }
    std::unique_ptr<Described> create(const FieldObject& o, const std::string& context) const {
        using D = Described;
        std::unique_ptr<D> d;
        const auto either = [&](const auto& named, const auto& own) {
            if (!d) d = find<D>(named, o.kind);
            if (!d) d = find<D>(own, o.kind);
        };
        if (o.category == "layer") either(options_.layers, layer_kinds<T>());
        // A loss is a layer, and may stand in a graph.
        if (o.category == "layer" || o.category == "loss")
            either(options_.losses, loss_kinds<T>());
        else if (o.category == "metric")
            either(options_.metrics, metric_kinds<T>());
        else if (o.category == "optimizer")
            either(options_.optimizers, optimizer_kinds<T>());
        else if (o.category == "schedule")
            either(options_.schedules, schedule_kinds());
        else if (o.category == "preprocessor")
            either(options_.preprocessors, preprocessor_kinds());
        if (d) return d;
        const std::string list = o.category == "loss" ? "losses" : o.category + "s";
        throw_value_error(context + ": unknown kind of " + o.category + " \"" + o.kind +
                          "\"; name its class in the call: load(path, {." + list + " = {" + o.category + "<...>()}})");
    }
    std::shared_ptr<Identity> identity(const std::string& path, const std::string& context) {
        const FieldDecoder::Known* known = decoder_.find(path);
        const std::string& shared = known ? known->identity : path;
        if (!decoder_.find(shared))
            throw_value_error(context + ": shares parameters with \"" + shared + "\", which is not in the file");
        auto& id = identities_[shared];
        if (!id) {
            id = std::make_shared<Identity>();
            id->name = decoder_.find(shared)->user_name;
        }
        return id;
    }
    std::unique_ptr<Described> resolve(const std::string& path, const std::string& context) {
        const FieldDecoder::Known* known = decoder_.find(path);
        if (!known) throw_value_error(context + ": refers to the layer \"" + path + "\", which is not in the file");
        if (depth_ == 16) throw_value_error(context + ": refers to layers that refer to each other");
        ++depth_;
        auto object = make(*known->object, path);
        --depth_;
        return object;
    }

    const LoadOptions<T>& options_;
    const FieldDecoder& decoder_;
    std::map<std::string, std::shared_ptr<Identity>> identities_;
    int depth_ = 0;
};

} // namespace detail
GRADUS_END

/// Fields: one description of an object's options, from which saving, loading, printing, cloning and conversion all
/// read.
///
/// A described class lists its options once: `void fields(Fields& f) override { f("units", o_.units); f("activation",
/// o_.activation); }`. Values are bool, Index, double, strings, enums (with `enum_names`), shapes, lists of these,
/// text-convertible values (with to_string and parse), constant tensors, child objects and references to other layers.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/tensor.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

GRADUS_BEGIN

class Fields;

/// What has a kind (the key in saved files) and options.
class Described {
public:
    virtual ~Described() = default;
    /// The name of the file that declares it, in lower case with underscores: "lstm".
    virtual std::string_view kind() const = 0;
    /// Options: what a constructor is told.
    virtual void fields(Fields&) {}
    /// What a resumed run needs beside the options.
    virtual void state(Fields&) {}

protected:
    Described() = default;
    Described(const Described&) = default;
    Described& operator=(const Described&) = default;
};

/// A place for another described object: a wrapper's inner layer.
class ObjectSlot {
public:
    virtual ~ObjectSlot() = default;
    virtual Described* get() = 0;
    /// Throws ValueError where the object is not of the slot's type.
    virtual void set(std::unique_ptr<Described> object) = 0;
    /// "layer", "loss", ...: which registry knows the kind.
    virtual std::string_view category() const = 0;
};

/// Visits the fields of a described object. Readers assign, writers only look (they visit a copy).
class Fields {
public:
    virtual ~Fields() = default;

    template <class V> void operator()(std::string_view name, V& value) {
        if constexpr (std::same_as<V, bool>) {
            boolean(name, value);
        } else if constexpr (std::is_enum_v<V>) {
            auto index = static_cast<Index>(value);
            choice(name, index, enum_names(value));
            value = static_cast<V>(index);
        } else if constexpr (std::integral<V>) {
            auto wide = static_cast<Index>(value);
            integer(name, wide);
            value = static_cast<V>(wide);
        } else if constexpr (std::floating_point<V>) {
            auto wide = static_cast<double>(value);
            number(name, wide);
            value = static_cast<V>(wide);
        } else if constexpr (std::same_as<V, std::string>) {
            text(name, value);
        } else if constexpr (std::same_as<V, Shape>) {
            std::vector<Index> sizes(value.begin(), value.end());
            integers(name, sizes);
            value = Shape(std::span<const Index>(sizes));
        } else if constexpr (std::same_as<V, std::vector<Index>>) {
            integers(name, value);
        } else if constexpr (std::same_as<V, std::vector<double>>) {
            numbers(name, value);
        } else if constexpr (std::same_as<V, std::vector<std::string>>) {
            texts(name, value);
        } else if constexpr (std::same_as<V, Tensor<float>>) {
            tensor(name, value);
        } else if constexpr (std::derived_from<V, ObjectSlot>) {
            object(name, value);
        } else {
            std::string s = value.to_string();
            text(name, s);
            value = V::parse(s);
        }
    }
    /// A layer that this one refers to without owning it (tied weights).
    virtual void reference(std::string_view name, ObjectSlot& slot) = 0;

protected:
    virtual void boolean(std::string_view name, bool& value) = 0;
    virtual void integer(std::string_view name, Index& value) = 0;
    virtual void number(std::string_view name, double& value) = 0;
    virtual void text(std::string_view name, std::string& value) = 0;
    virtual void integers(std::string_view name, std::vector<Index>& value) = 0;
    virtual void numbers(std::string_view name, std::vector<double>& value) = 0;
    virtual void texts(std::string_view name, std::vector<std::string>& value) = 0;
    virtual void choice(std::string_view name, Index& value, std::span<const std::string_view> names) = 0;
    virtual void tensor(std::string_view name, Tensor<float>& value) = 0;
    virtual void object(std::string_view name, ObjectSlot& slot) = 0;
};

struct FieldObject;

/// One value of a FieldMap. Enums are held by name, child objects and references by pointer.
struct FieldValue {
    using Variant = std::variant<bool, Index, double, std::string, std::vector<Index>, std::vector<double>,
                                 std::vector<std::string>, Tensor<float>, std::shared_ptr<FieldObject>>;
    Variant value;
};

/// Named values in order of declaration.
using FieldMap = std::vector<std::pair<std::string, FieldValue>>;

/// A described object as data. A reference has `reference` set and, in memory, the object itself as `source`.
struct FieldObject {
    std::string category, kind;
    FieldMap fields;
    bool reference = false;
    std::string reference_name;        ///< in files: the place in the model that the reference means
    const Described* source = nullptr; ///< in memory: the object it was read from
};

/// Collects an object's fields as values.
class FieldWriter : public Fields {
public:
    static FieldMap write(const Described& object);
    static FieldMap write_state(const Described& object);

    void reference(std::string_view name, ObjectSlot& slot) override {
        auto o = std::make_shared<FieldObject>();
        o->category = slot.category();
        o->reference = true;
        o->source = slot.get();
        if (o->source) o->kind = o->source->kind();
        put(name, o);
    }

protected:
    void boolean(std::string_view n, bool& v) override { put(n, v); }
    void integer(std::string_view n, Index& v) override { put(n, v); }
    void number(std::string_view n, double& v) override { put(n, v); }
    void text(std::string_view n, std::string& v) override { put(n, v); }
    void integers(std::string_view n, std::vector<Index>& v) override { put(n, v); }
    void numbers(std::string_view n, std::vector<double>& v) override { put(n, v); }
    void texts(std::string_view n, std::vector<std::string>& v) override { put(n, v); }
    void choice(std::string_view n, Index& v, std::span<const std::string_view> names) override {
        put(n, std::string(names[static_cast<std::size_t>(v)]));
    }
    void tensor(std::string_view n, Tensor<float>& v) override { put(n, v); }
    void object(std::string_view n, ObjectSlot& slot) override {
        auto o = std::make_shared<FieldObject>();
        o->category = slot.category();
        o->source = slot.get();
        if (o->source) {
            o->kind = o->source->kind();
            o->fields = write(*o->source);
        }
        put(n, o);
    }

private:
    template <class V> void put(std::string_view name, V v) {
        map_.emplace_back(std::string(name), FieldValue{FieldValue::Variant(std::move(v))});
    }
    FieldMap map_;
};

/// Assigns values to an object's fields. Fields that the map lacks keep their defaults; a value of another type, a
/// choice that is not there, and a name that the object does not have are a ValueError that names the object.
class FieldReader : public Fields {
public:
    FieldReader(const FieldMap& map, std::string context)
        : map_(map), context_(std::move(context)), used_(map.size()) {}

    void read(Described& object) {
        object.fields(*this);
        finish();
    }
    void read_state(Described& object) {
        object.state(*this);
        finish();
    }
    void reference(std::string_view name, ObjectSlot& slot) override {
        if (const auto* o = get<std::shared_ptr<FieldObject>>(name, "a reference")) slot.set(resolve(**o));
    }

protected:
    /// Makes a child object; a reader that knows a registry overrides it.
    virtual std::unique_ptr<Described> make(const FieldObject& o) {
        throw_value_error(context_ + ": holds a " + o.category + " (" + o.kind +
                          ") that cannot be converted; make it of the scalar you need");
    }
    /// Finds what a reference means.
    virtual std::unique_ptr<Described> resolve(const FieldObject& o) { return make(o); }
    const std::string& context() const { return context_; }

    void boolean(std::string_view n, bool& v) override { assign(n, v, "true or false"); }
    void integer(std::string_view n, Index& v) override { assign(n, v, "an integer"); }
    void number(std::string_view n, double& v) override {
        const FieldValue* f = find(n);
        if (!f) return;
        if (const Index* i = std::get_if<Index>(&f->value))
            v = static_cast<double>(*i);
        else
            assign(n, v, "a number");
    }
    void text(std::string_view n, std::string& v) override { assign(n, v, "text"); }
    void integers(std::string_view n, std::vector<Index>& v) override { assign(n, v, "a list of integers"); }
    void numbers(std::string_view n, std::vector<double>& v) override {
        const FieldValue* f = find(n);
        if (!f) return;
        if (const auto* i = std::get_if<std::vector<Index>>(&f->value))
            v.assign(i->begin(), i->end());
        else
            assign(n, v, "a list of numbers");
    }
    void texts(std::string_view n, std::vector<std::string>& v) override {
        const FieldValue* f = find(n);
        const auto* empty = f ? std::get_if<std::vector<Index>>(&f->value) : nullptr;
        if (empty && empty->empty())
            v.clear();
        else
            assign(n, v, "a list of texts");
    }
    void choice(std::string_view n, Index& v, std::span<const std::string_view> names) override {
        const auto* s = get<std::string>(n, "a name");
        if (!s) return;
        std::string known;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (names[i] == *s) {
                v = static_cast<Index>(i);
                return;
            }
            known += (i ? ", " : "") + std::string(names[i]);
        }
        throw_value_error(context_ + ": " + std::string(n) + " expects one of " + known + ", got \"" + *s + "\"");
    }
    void tensor(std::string_view n, Tensor<float>& v) override { assign(n, v, "a tensor"); }
    void object(std::string_view n, ObjectSlot& slot) override {
        const auto* o = get<std::shared_ptr<FieldObject>>(n, "an object");
        if (!o || (*o)->kind.empty()) return;
        slot.set(make(**o));
    }

private:
    const FieldValue* find(std::string_view name) {
        for (std::size_t i = 0; i < map_.size(); ++i)
            if (map_[i].first == name) {
                used_[i] = true;
                return &map_[i].second;
            }
        return nullptr;
    }
    template <class V> const V* get(std::string_view name, const char* expected) {
        const FieldValue* f = find(name);
        if (!f) return nullptr;
        const V* v = std::get_if<V>(&f->value);
        if (!v) throw_value_error(context_ + ": " + std::string(name) + " expects " + expected + ", got another type");
        return v;
    }
    template <class V> void assign(std::string_view name, V& v, const char* expected) {
        if (const V* found = get<V>(name, expected)) v = *found;
    }
    void finish() const {
        for (std::size_t i = 0; i < used_.size(); ++i)
            if (!used_[i]) throw_value_error(context_ + ": has no field \"" + map_[i].first + "\"");
    }

    const FieldMap& map_;
    std::string context_;
    std::vector<bool> used_;
};

// fields() is not const so that readers and writers share it; a writer never assigns.
inline FieldMap FieldWriter::write(const Described& object) {
    FieldWriter w;
    const_cast<Described&>(object).fields(w);
    return std::move(w.map_);
}
inline FieldMap FieldWriter::write_state(const Described& object) {
    FieldWriter w;
    const_cast<Described&>(object).state(w);
    return std::move(w.map_);
}

/// Copies the options of one object to another of the same kind: how layers, losses and metrics change their scalar.
inline void copy_fields(const Described& from, Described& to) {
    const FieldMap map = FieldWriter::write(from);
    FieldReader(map, std::string(from.kind())).read(to);
}

GRADUS_END

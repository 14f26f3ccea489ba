/// Fields as JSON: options and state of described objects to a document and back.
///
/// Booleans, numbers, text and lists stand as they are; NaN and infinities are {"number": "nan"}, texts that are no
/// UTF-8 {"bytes": "..."}. A tensor is {"tensor": "constant/0"}, its values beside the weights; null where it is empty.
/// A child object is {"category": "layer", "kind": "lstm", "fields": {...}}; null where there is none. A reference is
/// {"reference": "embedding"}, a layer by its path.
///
/// A layer's path is its name in the model; an inner layer's is its owner's path, a slash and the field's name. Layers
/// of one identity have one path, the first one; where a layer shares the parameters of an earlier one, "shares" says
/// its path.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/io/json.hpp>
#include <gradus/io/safetensors.hpp>
#include <gradus/layers/layer.hpp>

#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// Bytes as text: one code point below 256 for each.
inline Json bytes_to_json(std::string_view bytes) {
    std::string text;
    for (const char b : bytes) {
        const auto u = static_cast<unsigned char>(b);
        if (u < 0x80)
            text += b;
        else
            (text += static_cast<char>(0xc0 | (u >> 6))) += static_cast<char>(0x80 | (u & 0x3f));
    }
    return Json(Json::Object{{"bytes", std::move(text)}});
}
inline Json text_to_json(const std::string& text) { return is_utf8(text) ? Json(text) : bytes_to_json(text); }

/// False where the value is no text.
inline bool text_from_json(const Json& j, std::string& out) {
    if (const auto* s = j.get<std::string>()) {
        out = *s;
        return true;
    }
    const Json* bytes = j.find("bytes");
    const auto* s = bytes ? bytes->get<std::string>() : nullptr;
    if (!s) return false;
    out.clear();
    for (std::size_t i = 0; i < s->size(); ++i) {
        const auto c = static_cast<unsigned char>((*s)[i]);
        if (c < 0x80)
            out += static_cast<char>(c);
        else if (c < 0xc4 && i + 1 < s->size())
            out += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>((*s)[++i]) & 0x3f));
        else
            return false;
    }
    return true;
}

inline Json number_to_json(double v) {
    if (std::isfinite(v)) return v;
    return Json(Json::Object{{"number", std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"}});
}
/// False where the value is no number.
inline bool number_from_json(const Json& j, double& out) {
    if (const auto* i = j.get<Index>())
        out = static_cast<double>(*i);
    else if (const auto* d = j.get<double>())
        out = *d;
    else {
        const Json* text = j.find("number");
        const auto* s = text ? text->get<std::string>() : nullptr;
        if (!s || (*s != "nan" && *s != "inf" && *s != "-inf")) return false;
        out = *s == "nan"   ? std::numeric_limits<double>::quiet_NaN()
              : *s == "inf" ? std::numeric_limits<double>::infinity()
                            : -std::numeric_limits<double>::infinity();
    }
    return true;
}

} // namespace detail

/// Turns field maps into documents. Layers that references may mean are enrolled first.
class FieldEncoder {
public:
    using Constant = std::pair<std::string, Tensor<float>>;

    /// Makes a layer and its inner layers known under a path.
    void enroll(const LayerBase& layer, const FieldMap& fields, const std::string& path) {
        if (paths_.try_emplace(layer.identity().get(), path).second && !taken_.insert(path).second)
            throw_value_error("two layers have the path \"" + path + "\"; give one of them another name");
        for (const auto& [name, field] : fields) {
            const auto* child = std::get_if<std::shared_ptr<FieldObject>>(&field.value);
            if (!child || (*child)->reference) continue;
            if (const auto* inner = dynamic_cast<const LayerBase*>((*child)->source))
                enroll(*inner, (*child)->fields, path + "/" + name);
        }
    }

    /// `context` names the object in errors. Throws ValueError on a reference to a layer that is not enrolled.
    Json encode(FieldMap map, const std::string& context, const std::string& path = {}) {
        Json::Object fields;
        for (auto& [name, field] : map)
            fields.push_back({name, value(field, context + ": " + name, path + "/" + name)});
        return fields;
    }
    /// kind, name, fields and "shares" of a layer, as members of `out`.
    void describe(Json& out, const LayerBase& layer, FieldMap fields, const std::string& context,
                  const std::string& path) {
        out.add("kind", layer.kind());
        if (!layer.name().empty()) out.add("user_name", detail::text_to_json(layer.name()));
        const auto it = paths_.find(layer.identity().get());
        if (it != paths_.end() && it->second != path) out.add("shares", detail::text_to_json(it->second));
        if (!fields.empty()) out.add("fields", encode(std::move(fields), context, path));
    }
    /// The tensors met so far; addresses stay.
    const std::deque<Constant>& constants() const { return constants_; }

private:
    template <class V, class F> static Json list(const std::vector<V>& values, const F& convert) {
        Json::List l;
        for (const V& v : values) l.push_back(convert(v));
        return l;
    }
    Json value(FieldValue& field, const std::string& context, const std::string& path) {
        return std::visit(
            [&]<class V>(V& v) -> Json {
                if constexpr (std::is_same_v<V, bool> || std::is_same_v<V, Index>)
                    return Json(v);
                else if constexpr (std::is_same_v<V, double>)
                    return detail::number_to_json(v);
                else if constexpr (std::is_same_v<V, std::string>)
                    return detail::text_to_json(v);
                else if constexpr (std::is_same_v<V, std::vector<Index>>)
                    return list(v, [](Index i) { return Json(i); });
                else if constexpr (std::is_same_v<V, std::vector<double>>)
                    return list(v, detail::number_to_json);
                else if constexpr (std::is_same_v<V, std::vector<std::string>>)
                    return list(v, detail::text_to_json);
                else if constexpr (std::is_same_v<V, Tensor<float>>)
                    return constant(v);
                else
                    return object(*v, context, path);
            },
            field.value);
    }
    Json constant(Tensor<float>& t) {
        if (t.size() == 0) return {};
        constants_.emplace_back("constant/" + std::to_string(constants_.size()), std::move(t));
        return Json(Json::Object{{"tensor", constants_.back().first}});
    }
    Json object(FieldObject& o, const std::string& context, const std::string& path) {
        if (!o.source) return {};
        const auto* layer = dynamic_cast<const LayerBase*>(o.source);
        if (o.reference) {
            const auto it = layer ? paths_.find(layer->identity().get()) : paths_.end();
            if (it == paths_.end())
                throw_value_error(context + ": refers to a layer (" + o.kind + ") that is not part of the model");
            return Json(Json::Object{{"reference", detail::text_to_json(it->second)}});
        }
        Json j = Json::object();
        j.add("category", o.category);
        if (layer)
            describe(j, *layer, std::move(o.fields), context, path);
        else {
            j.add("kind", o.kind);
            j.add("fields", encode(std::move(o.fields), context, path));
        }
        return j;
    }

    std::map<const Identity*, std::string> paths_;
    std::unordered_set<std::string> taken_;
    std::deque<Constant> constants_;
};

/// Turns documents into field maps. Objects are known by their paths: children have theirs in `reference_name`.
class FieldDecoder {
public:
    struct Known {
        std::shared_ptr<FieldObject> object;
        std::string user_name;
        std::string identity; ///< the path of the first layer that shares its parameters with this one
    };

    /// `file` holds constant tensors; without one they are refused.
    explicit FieldDecoder(const SafetensorsFile* file = nullptr) : file_(file) {}

    /// Throws ValueError that names the object and field on values that are no field.
    FieldMap decode(const Json& fields, const std::string& context, const std::string& path = {}) {
        FieldMap map;
        const auto* members = fields.get<Json::Object>();
        if (!members) throw_value_error(context + ": fields expects an object");
        for (const auto& [name, field] : *members)
            if (!field.is_null()) map.emplace_back(name, value(field, context + ": " + name, path + "/" + name));
        return map;
    }
    /// The reverse of FieldEncoder::describe.
    std::shared_ptr<FieldObject> decode_object(const Json& j, const std::string& category, const std::string& context,
                                               const std::string& path) {
        auto o = std::make_shared<FieldObject>();
        o->category = category;
        o->kind = text(j, "kind", context);
        o->reference_name = path;
        Known known{o, {}, path};
        if (j.find("user_name")) known.user_name = text(j, "user_name", context);
        if (j.find("shares")) known.identity = text(j, "shares", context);
        known_[path] = std::move(known);
        if (const Json* fields = j.find("fields")) o->fields = decode(*fields, context, path);
        return o;
    }
    const Known* find(const std::string& path) const {
        const auto it = known_.find(path);
        return it == known_.end() ? nullptr : &it->second;
    }
    /// A member that must be text.
    static std::string text(const Json& j, const char* name, const std::string& context) {
        const Json* member = j.find(name);
        std::string s;
        if (!member || !detail::text_from_json(*member, s))
            throw_value_error(context + ": expects the text \"" + std::string(name) + "\"");
        return s;
    }

private:
    FieldValue value(const Json& j, const std::string& context, const std::string& path) {
        std::string s;
        double number = 0;
        if (const auto* b = j.get<bool>()) return {*b};
        if (const auto* i = j.get<Index>()) return {*i};
        if (const auto* l = j.get<Json::List>()) return list(*l, context);
        if (detail::number_from_json(j, number)) return {number};
        if (detail::text_from_json(j, s)) return {s};
        if (j.find("tensor")) return {constant(text(j, "tensor", context), context)};
        auto o = std::make_shared<FieldObject>();
        if (j.find("reference")) {
            o->category = "layer";
            o->reference = true;
            o->reference_name = text(j, "reference", context);
            return {o};
        }
        return {decode_object(j, text(j, "category", context), context, path)};
    }
    static FieldValue list(const Json::List& l, const std::string& context) {
        std::vector<Index> integers;
        std::vector<double> numbers;
        std::vector<std::string> texts;
        std::string s;
        double number = 0;
        for (const Json& j : l) {
            if (const auto* i = j.get<Index>()) integers.push_back(*i);
            if (detail::number_from_json(j, number))
                numbers.push_back(number);
            else if (detail::text_from_json(j, s))
                texts.push_back(s);
        }
        if (integers.size() == l.size()) return {integers};
        if (numbers.size() == l.size()) return {numbers};
        if (texts.size() == l.size()) return {texts};
        throw_value_error(context + ": expects a list of numbers or of texts");
    }
    Tensor<float> constant(const std::string& name, const std::string& context) {
        const TensorEntry* e = file_ ? file_->find(name) : nullptr;
        if (!e || e->dtype != Dtype::f32)
            throw_value_error(context + ": expects the float32 tensor \"" + name + "\" in the file");
        // Each is read once, so that a small file cannot ask for much memory.
        if (!used_.insert(name).second)
            throw_value_error(context + ": the tensor \"" + name + "\" is in use elsewhere");
        return file_->tensor<float>(*e);
    }

    const SafetensorsFile* file_;
    std::map<std::string, Known> known_;
    std::unordered_set<std::string> used_;
};

GRADUS_END

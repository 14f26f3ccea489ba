/// The header of a safetensors file: its JSON, its entries, and the check of all sizes and places.
#pragma once
#include <gradus/core/shape.hpp>
#include <gradus/io/detail/json_text.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// One tensor of a file. Element types that Gradus lacks (F16, I64, ...) are listed but cannot be read as tensors.
struct TensorEntry {
    std::string name;
    std::string type;           ///< as the file spells it: "F32"
    std::optional<Dtype> dtype; ///< empty: not a type of Gradus
    Shape shape;
    Index begin = 0, end = 0; ///< bytes, from the end of the header
};

using SafetensorsMetadata = std::map<std::string, std::string>;

namespace detail {

/// The largest header that the format allows.
inline constexpr std::uint64_t safetensors_header_limit = 100000000;

struct SafetensorsType {
    std::string_view name;
    int bits;
    std::optional<Dtype> dtype = {};
};

inline const SafetensorsType* find_safetensors_type(std::string_view name) {
    static constexpr SafetensorsType types[] = {{"F32", 32, Dtype::f32},
                                                {"F64", 64, Dtype::f64},
                                                {"I32", 32, Dtype::i32},
                                                {"U8", 8, Dtype::u8},
                                                {"BOOL", 8},
                                                {"I8", 8},
                                                {"I16", 16},
                                                {"U16", 16},
                                                {"F16", 16},
                                                {"BF16", 16},
                                                {"U32", 32},
                                                {"I64", 64},
                                                {"U64", 64},
                                                {"C64", 64},
                                                {"F8_E5M2", 8},
                                                {"F8_E4M3", 8},
                                                {"F8_E8M0", 8},
                                                {"F8_E4M3FNUZ", 8},
                                                {"F8_E5M2FNUZ", 8},
                                                {"F6_E2M3", 6},
                                                {"F6_E3M2", 6},
                                                {"F4", 4}};
    for (const SafetensorsType& t : types)
        if (t.name == name) return &t;
    return nullptr;
}

inline std::string_view safetensors_type(Dtype d) {
    return d == Dtype::f32 ? "F32" : d == Dtype::f64 ? "F64" : d == Dtype::i32 ? "I32" : "U8";
}

[[noreturn]] GRADUS_COLD inline void throw_safetensors(const std::string& file, const std::string& what) {
    throw_io_error(file + ": not a valid safetensors file: " + what);
}

/// Receives the header's JSON event by event: no tree is built, so neither nesting nor size can hurt. Stops at the
/// first event that the format does not allow and keeps the reason in `error`.
class SafetensorsHeader : public nlohmann::json_sax<nlohmann::json> {
public:
    std::vector<TensorEntry> entries;
    SafetensorsMetadata metadata;
    std::string error;

    bool null() override { return other("null"); }
    bool boolean(bool) override { return other("a boolean"); }
    bool number_integer(number_integer_t v) override { return other("the number " + std::to_string(v)); }
    bool number_float(number_float_t, const string_t& text) override { return other("the number " + text); }
    bool binary(binary_t&) override { return other("binary data"); }
    bool number_unsigned(number_unsigned_t v) override {
        if (place_ != Place::list) return other("the number " + std::to_string(v));
        if (v > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
            return fail(where() + " expects numbers below 2^63, got " + std::to_string(v));
        if (list_.size() == (key_ == "shape" ? std::size_t{Shape::max_rank} : 2))
            return fail(where() + (key_ == "shape" ? " expects at most 8 axes" : " expects two offsets") +
                        ", got more");
        list_.push_back(static_cast<Index>(v));
        return true;
    }
    bool string(string_t& text) override {
        if (place_ == Place::metadata) {
            metadata.emplace(key_, std::move(text));
            return true;
        }
        if (place_ != Place::tensor || key_ != "dtype") return other("a string");
        entries.back().type = std::move(text);
        return true;
    }
    bool key(string_t& key) override {
        if (place_ == Place::skipped) return true;
        if (place_ == Place::root) {
            if (!names_.insert(key).second) return fail("the name \"" + shown(key) + "\" stands twice");
            key_ = key;
            return true;
        }
        const bool twice = place_ == Place::metadata ? metadata.count(key) != 0
                                                     : std::find(fields_.begin(), fields_.end(), key) != fields_.end();
        if (twice) return fail(where() + " has the key \"" + shown(key) + "\" twice");
        if (place_ == Place::tensor) {
            if (fields_.size() == 32) return fail(where() + ": expects at most 32 keys, got more");
            fields_.push_back(key);
        }
        key_ = key;
        return true;
    }
    bool start_object(std::size_t) override {
        switch (place_) {
        case Place::outside: place_ = Place::root; return true;
        case Place::root:
            place_ = key_ == "__metadata__" ? Place::metadata : Place::tensor;
            fields_.clear();
            if (place_ == Place::tensor) entries.emplace_back().name = key_;
            return true;
        default: return skip("an object");
        }
    }
    bool end_object() override {
        if (place_ == Place::skipped) return leave();
        if (place_ == Place::tensor)
            for (std::string_view field : {"dtype", "shape", "data_offsets"})
                if (std::find(fields_.begin(), fields_.end(), field) == fields_.end())
                    return fail("tensor \"" + shown(entries.back().name) + "\" lacks \"" + std::string(field) + "\"");
        place_ = place_ == Place::root ? Place::outside : Place::root;
        return true;
    }
    bool start_array(std::size_t) override {
        if (place_ != Place::tensor || (key_ != "shape" && key_ != "data_offsets")) return skip("a list");
        place_ = Place::list;
        list_.clear();
        return true;
    }
    bool end_array() override {
        if (place_ == Place::skipped) return leave();
        TensorEntry& e = entries.back();
        place_ = Place::tensor;
        if (key_ == "data_offsets") {
            if (list_.size() != 2) return fail(where() + " expects two offsets, got " + std::to_string(list_.size()));
            e.begin = list_[0];
            e.end = list_[1];
            return true;
        }
        try {
            e.shape = Shape(std::span<const Index>(list_));
        } catch (const ShapeError& overflow) { return fail(where() + ": " + overflow.what()); }
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
        const std::string_view what = e.what();
        const std::size_t detail = what.find(": ");
        return fail("byte " + std::to_string(8 + position) + ": " +
                    shown(std::string(detail == std::string_view::npos ? what : what.substr(detail + 2))));
    }

private:
    enum class Place { outside, root, metadata, tensor, list, skipped };

    static std::string shown(const std::string& text) {
        return text.size() <= 200 ? text : text.substr(0, 200) + "...";
    }
    std::string where() const {
        if (place_ == Place::metadata) return "__metadata__";
        return "tensor \"" + shown(entries.empty() ? key_ : entries.back().name) + "\": " + shown(key_);
    }
    bool fail(std::string what) {
        if (error.empty()) error = std::move(what);
        return false;
    }
    /// A value where the format wants another kind; within a tensor's unknown keys anything goes, as in the reference
    /// reader.
    bool other(const std::string& found) {
        if (place_ == Place::skipped || unknown_key()) return true;
        if (place_ == Place::outside) return fail("the header expects an object, got " + found);
        if (place_ == Place::metadata)
            return fail("__metadata__: \"" + shown(key_) + "\" expects a string, got " + found);
        if (place_ == Place::root) return fail("\"" + shown(key_) + "\" expects an object, got " + found);
        return fail(where() + " expects " + (key_ == "dtype" ? "a string" : "whole numbers of at least 0") + ", got " +
                    found);
    }
    bool skip(const char* found) {
        if (place_ != Place::skipped && !unknown_key()) return other(found);
        place_ = Place::skipped;
        ++depth_;
        return true;
    }
    bool leave() {
        if (--depth_ == 0) place_ = Place::tensor;
        return true;
    }
    bool unknown_key() const {
        return place_ == Place::tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets";
    }

    Place place_ = Place::outside;
    std::size_t depth_ = 0;
    std::string key_;
    std::vector<std::string> fields_;
    std::vector<Index> list_;
    std::unordered_set<std::string> names_;
};

/// Sizes and places of all tensors against each other and the buffer.
inline void check_safetensors(const std::string& file, std::vector<TensorEntry>& entries, Index buffer) {
    for (TensorEntry& e : entries) {
        const std::string who = "tensor \"" + e.name.substr(0, 200) + "\"";
        const SafetensorsType* type = find_safetensors_type(e.type);
        if (!type) throw_safetensors(file, who + ": unknown dtype \"" + e.type.substr(0, 200) + "\"");
        e.dtype = type->dtype;
        if (e.begin > e.end)
            throw_safetensors(file, who + ": data_offsets expects begin <= end, got [" + std::to_string(e.begin) +
                                        ", " + std::to_string(e.end) + "]");
        const Index count = e.shape.size();
        if (count > std::numeric_limits<Index>::max() / type->bits)
            throw_safetensors(file, who + ": " + to_string(e.shape) + " of " + e.type + " has more than 2^63 - 1 bits");
        const Index bits = count * type->bits;
        if (bits % 8 != 0 || bits / 8 != e.end - e.begin)
            throw_safetensors(file,
                              who + ": " + to_string(e.shape) + " of " + e.type + " expects " +
                                  (bits % 8 ? std::to_string(bits) + " bits" : std::to_string(bits / 8) + " bytes") +
                                  ", data_offsets spans " + std::to_string(e.end - e.begin) + " bytes");
    }
    std::vector<const TensorEntry*> order;
    for (const TensorEntry& e : entries) order.push_back(&e);
    std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    Index at = 0;
    for (const TensorEntry* e : order) {
        if (e->begin != at)
            throw_safetensors(file, "tensor \"" + e->name.substr(0, 200) + "\": expects to begin at byte " +
                                        std::to_string(at) + " of the data, got " + std::to_string(e->begin) +
                                        (e->begin > at ? " (a hole before it)" : " (it overlaps another)"));
        at = e->end;
    }
    if (at != buffer)
        throw_safetensors(file, "the tensors fill " + std::to_string(at) + " bytes, the file holds " +
                                    std::to_string(buffer) + " bytes of data");
}

} // namespace detail

GRADUS_END

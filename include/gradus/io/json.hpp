/// Json: a JSON document as a small value tree, read with bounds on size and depth, written in a fixed form.
///
/// Members keep their order. Numbers are int64 or double; each text stands for one value and back, bit for bit.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>
#include <gradus/io/detail/json_text.hpp>

#include <charconv>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

GRADUS_BEGIN

/// One value: null, boolean, integer, number, text, list or object.
struct Json {
    using List = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>;
    std::variant<std::monostate, bool, Index, double, std::string, List, Object> value;

    Json() = default;
    Json(bool b) : value(b) {}
    Json(Index i) : value(i) {}
    Json(int i) : value(Index{i}) {}
    Json(double d) : value(d) {}
    Json(std::string s) : value(std::move(s)) {}
    Json(std::string_view s) : value(std::string(s)) {}
    Json(const char* s) : value(std::string(s)) {}
    Json(List l) : value(std::move(l)) {}
    Json(Object o) : value(std::move(o)) {}

    bool is_null() const { return value.index() == 0; }
    template <class V> const V* get() const { return std::get_if<V>(&value); }
    /// The member of an object, null where there is none or this is no object.
    const Json* find(std::string_view name) const;
    /// Appends a member; the value must be an object.
    void add(std::string name, Json member);

    /// Text that `parse` reads back to the same value. Texts must be UTF-8, numbers finite.
    std::string print() const {
        std::string out;
        print(out);
        return out;
    }
    /// Throws ValueError on malformed text, duplicate members, integers beyond int64, more than 64 levels or
    /// `max_values` values.
    static Json parse(const std::string& text, std::size_t max_values);
    static Json object() { return Json(Object()); }

private:
    void print(std::string& out) const;
};

inline const Json* Json::find(std::string_view name) const {
    if (const Object* o = get<Object>())
        for (const auto& [key, member] : *o)
            if (key == name) return &member;
    return nullptr;
}

inline void Json::add(std::string name, Json member) {
    std::get<Object>(value).emplace_back(std::move(name), std::move(member));
}

namespace detail {

/// Receives JSON event by event and builds the tree within its bounds; the reason of a refusal is thrown.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
public:
    static constexpr std::size_t max_depth = 64;

    JsonBuilder(Json& root, std::size_t max_values) : root_(root), left_(max_values) {}

    bool null() override { return put({}); }
    bool boolean(bool v) override { return put(v); }
    bool number_integer(number_integer_t v) override { return put(static_cast<Index>(v)); }
    bool number_unsigned(number_unsigned_t v) override {
        if (v > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
            throw_value_error("expects integers below 2^63, got " + std::to_string(v));
        return put(static_cast<Index>(v));
    }
    bool number_float(number_float_t, const string_t& text) override {
        double v = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
        if (error != std::errc() || end != text.data() + text.size())
            throw_value_error("expects numbers within the range of double, got " + text.substr(0, 40));
        return put(v);
    }
    bool string(string_t& text) override { return put(std::move(text)); }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override {
        open(Json::object());
        keys_.emplace_back();
        return true;
    }
    bool key(string_t& key) override {
        if (!keys_.back().insert(key).second)
            throw_value_error("the member \"" + key.substr(0, 80) + "\" stands twice");
        std::get<Json::Object>(stack_.back()->value).emplace_back(std::move(key), Json());
        return true;
    }
    bool end_object() override {
        keys_.pop_back();
        stack_.pop_back();
        return true;
    }
    bool start_array(std::size_t) override {
        open(Json::List());
        return true;
    }
    bool end_array() override {
        stack_.pop_back();
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
        const std::string_view what = e.what();
        const std::size_t at = what.find(": ");
        throw_value_error("byte " + std::to_string(position) + ": " +
                          std::string((at == std::string_view::npos ? what : what.substr(at + 2)).substr(0, 200)));
    }

private:
    bool put(Json v) {
        place(std::move(v));
        return true;
    }
    void open(Json v) {
        if (stack_.size() == max_depth) throw_value_error("expects at most 64 levels, got more");
        stack_.push_back(&place(std::move(v)));
    }
    Json& place(Json v) {
        if (left_-- == 0) throw_value_error("holds too many values");
        if (stack_.empty()) return root_ = std::move(v);
        if (auto* list = std::get_if<Json::List>(&stack_.back()->value)) return list->emplace_back(std::move(v));
        return std::get<Json::Object>(stack_.back()->value).back().second = std::move(v);
    }

    Json& root_;
    std::size_t left_;
    std::vector<Json*> stack_; // only the innermost container grows, so the pointers stay valid
    std::vector<std::unordered_set<std::string>> keys_;
};

} // namespace detail

inline Json Json::parse(const std::string& text, std::size_t max_values) {
    if (const std::size_t at = text.find('\0'); at != std::string::npos)
        throw_value_error("byte " + std::to_string(at) + ": expects JSON, got a zero byte");
    Json root;
    detail::JsonBuilder builder(root, max_values);
    if (!detail::parse_json_events(text, builder)) throw_value_error("is not JSON");
    return root;
}

inline void Json::print(std::string& out) const {
    if (const auto* b = get<bool>()) {
        out += *b ? "true" : "false";
    } else if (const auto* i = get<Index>()) {
        out += std::to_string(*i);
    } else if (const auto* d = get<double>()) {
        char digits[32];
        const auto end = std::to_chars(digits, digits + sizeof digits, *d).ptr;
        const std::string_view s(digits, static_cast<std::size_t>(end - digits));
        out += s;
        if (s.find_first_of(".e") == std::string_view::npos) out += ".0";
    } else if (const auto* s = get<std::string>()) {
        detail::print_json_text(out, *s);
    } else if (const auto* list = get<List>()) {
        out += '[';
        for (std::size_t k = 0; k < list->size(); ++k) {
            if (k) out += ',';
            (*list)[k].print(out);
        }
        out += ']';
    } else if (const auto* object = get<Object>()) {
        out += '{';
        for (std::size_t k = 0; k < object->size(); ++k) {
            if (k) out += ',';
            detail::print_json_text(out, (*object)[k].first);
            out += ':';
            (*object)[k].second.print(out);
        }
        out += '}';
    } else {
        out += "null";
    }
}

GRADUS_END

// Every kind that load can make: it has the key that files hold, and its options survive a file.
#include "../catch.hpp"

#include <gradus/io/objects.hpp>

#include <cmath>
#include <set>
#include <span>
#include <string>
#include <typeinfo>
#include <vector>

using namespace gradus;

namespace {

// Gives every option another value, so that one which is not read back shows.
class Changer : public Fields {
public:
    int changes = 0;
    void reference(std::string_view, ObjectSlot&) override {}

protected:
    void boolean(std::string_view, bool& v) override { v = !v, ++changes; }
    void integer(std::string_view, Index& v) override { v += 3, ++changes; }
    void number(std::string_view, double& v) override { v = std::isfinite(v) ? v / 2 + 0.125 : 0.25, ++changes; }
    void text(std::string_view name, std::string& v) override {
        const auto holds = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
        v = holds("initializer")   ? "random_uniform(-0.5, 0.25)"
            : holds("regularizer") ? "l1l2(0.5, 0.25)"
            : holds("constraint")  ? "max_norm(3)"
                                   : v + "x";
        ++changes;
    }
    void integers(std::string_view, std::vector<Index>& v) override { v.push_back(2), ++changes; }
    // A piecewise constant rate has one value more than boundaries.
    void numbers(std::string_view name, std::vector<double>& v) override {
        v.insert(v.end(), name == "values" ? 2 : 1, 0.5), ++changes;
    }
    void texts(std::string_view, std::vector<std::string>& v) override { v.emplace_back("x"), ++changes; }
    void choice(std::string_view, Index& v, std::span<const std::string_view> names) override {
        v = (v + 1) % std::ssize(names), ++changes;
    }
    void tensor(std::string_view, Tensor<float>&) override {}
    void object(std::string_view, ObjectSlot&) override {}
};

Json file_of(const Described& object) {
    Json j = Json::object();
    j.add("kind", object.kind());
    j.add("fields", FieldEncoder().encode(FieldWriter::write(object), std::string(object.kind())));
    return j;
}

template <class T, class Base> int check_kinds(const std::vector<Kind<Base>>& kinds, const std::string& category) {
    std::set<std::string> keys;
    int changes = 0;
    for (const Kind<Base>& k : kinds) {
        INFO(category << " " << k.kind);
        CHECK(keys.insert(k.kind).second);
        const auto object = k.make();
        REQUIRE(object);
        CHECK(object->kind() == k.kind);
        Changer changer;
        object->fields(changer);
        changes += changer.changes;
        const std::string text = file_of(*object).print();
        FieldDecoder decoder;
        const auto read = decoder.decode_object(Json::parse(text, 1000), category, category, "path");
        const LoadOptions<T> options;
        const auto again = detail::ObjectMaker<T>(options, decoder).make(*read, category);
        CHECK(typeid(*again) == typeid(*object));
        CHECK(file_of(*again).print() == text);
    }
    return changes;
}

} // namespace

TEST_CASE("registry: every kind has its key, and every option survives a file") {
    CHECK(check_kinds<float>(detail::layer_kinds<float>(), "layer") > 50);
    CHECK(check_kinds<double>(detail::layer_kinds<double>(), "layer") > 50);
    CHECK(check_kinds<float>(detail::loss_kinds<float>(), "loss") > 5);
    CHECK(check_kinds<float>(detail::metric_kinds<float>(), "metric") > 10);
    CHECK(check_kinds<float>(detail::optimizer_kinds<float>(), "optimizer") > 15);
    CHECK(check_kinds<float>(detail::schedule_kinds(), "schedule") > 15);
    CHECK(check_kinds<float>(detail::preprocessor_kinds(), "preprocessor") > 4);
}

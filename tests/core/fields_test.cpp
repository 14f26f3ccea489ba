#include "catch.hpp"
#include <gradus/core/fields.hpp>

using namespace gradus;

namespace {

enum class Mode : std::uint8_t { fast, small };
std::span<const std::string_view> enum_names(Mode) {
    static constexpr std::string_view names[] = {"fast", "small"};
    return names;
}

struct Point {
    int x = 0;
    std::string to_string() const { return "at " + std::to_string(x); }
    static Point parse(std::string_view s) { return {std::stoi(std::string(s.substr(3)))}; }
};

struct Inner : Described {
    Index size = 1;
    std::string_view kind() const override { return "inner"; }
    void fields(Fields& f) override { f("size", size); }
};

class InnerSlot : public ObjectSlot {
public:
    explicit InnerSlot(std::unique_ptr<Inner>& inner) : inner_(inner) {}
    Described* get() override { return inner_.get(); }
    void set(std::unique_ptr<Described> o) override {
        if (!dynamic_cast<Inner*>(o.get())) throw_value_error("expects an inner");
        inner_.reset(static_cast<Inner*>(o.release()));
    }
    std::string_view category() const override { return "layer"; }

private:
    std::unique_ptr<Inner>& inner_;
};

struct Everything : Described {
    bool flag = false;
    int count = 1;
    float rate = 0.5f;
    std::string text = "a";
    Mode mode = Mode::fast;
    Shape shape{1, 2};
    std::vector<Index> sizes{1};
    std::vector<double> rates{0.5};
    std::vector<std::string> words{"w"};
    Tensor<float> weights{Shape{2}};
    Point point;
    std::unique_ptr<Inner> inner = std::make_unique<Inner>();
    Index step = 0;

    std::string_view kind() const override { return "everything"; }
    void fields(Fields& f) override {
        f("flag", flag);
        f("count", count);
        f("rate", rate);
        f("text", text);
        f("mode", mode);
        f("shape", shape);
        f("sizes", sizes);
        f("rates", rates);
        f("words", words);
        f("weights", weights);
        f("point", point);
        InnerSlot slot(inner);
        f("inner", slot);
    }
    void state(Fields& f) override { f("step", step); }
};

class Reader : public FieldReader {
public:
    using FieldReader::FieldReader;

protected:
    std::unique_ptr<Described> make(const FieldObject& o) override {
        auto inner = std::make_unique<Inner>();
        FieldReader(o.fields, "inner").read(*inner);
        return inner;
    }
};

FieldMap with(const std::string& name, FieldValue::Variant v) { return {{name, FieldValue{std::move(v)}}}; }

} // namespace

TEST_CASE("Fields: every kind of value goes out and comes back") {
    Everything a;
    a.flag = true;
    a.count = 7;
    a.rate = 0.25f;
    a.text = "tausend";
    a.mode = Mode::small;
    a.shape = Shape{3, 4, 5};
    a.sizes = {};
    a.rates = {1, 2.5};
    a.words = {"x", "y"};
    a.weights = tensor<float>({1, 2, 3});
    a.point.x = 42;
    a.inner->size = 9;
    a.step = 11;
    Everything b;
    const FieldMap map = FieldWriter::write(a);
    CHECK(map.size() == 12);
    CHECK(map[0].first == "flag");
    CHECK(std::get<std::string>(map[4].second.value) == "small");
    Reader(map, "everything").read(b);
    CHECK((b.flag && b.count == 7 && b.rate == 0.25f && b.text == "tausend" && b.mode == Mode::small));
    CHECK((b.shape == Shape{3, 4, 5} && b.sizes.empty() && b.rates == a.rates && b.words == a.words));
    CHECK((b.weights.size() == 3 && b.weights[2] == 3 && b.point.x == 42 && b.inner->size == 9));
    CHECK(b.step == 0);
    const FieldMap state = FieldWriter::write_state(a);
    FieldReader(state, "everything").read_state(b);
    CHECK(b.step == 11);
}

TEST_CASE("Fields: what the map lacks keeps its default, what does not fit is an error") {
    Everything e;
    FieldReader(with("count", Index{3}), "everything").read(e);
    CHECK((e.count == 3 && e.text == "a"));
    FieldReader(with("rate", Index{2}), "everything").read(e);
    CHECK(e.rate == 2);
    const auto message = [&](const FieldMap& map) -> std::string {
        try {
            FieldReader(map, "everything #1").read(e);
        } catch (const ValueError& error) { return error.what(); }
        return {};
    };
    CHECK(message(with("count", std::string("3"))) == "everything #1: count expects an integer, got another type");
    CHECK(message(with("mode", std::string("wide"))) == "everything #1: mode expects one of fast, small, got \"wide\"");
    CHECK(message(with("kount", Index{3})) == "everything #1: has no field \"kount\"");
    CHECK(message(with("flag", Index{1})) == "everything #1: flag expects true or false, got another type");
    const FieldMap whole = FieldWriter::write(e);
    CHECK_THROWS_WITH(copy_fields(e, e),
                      "everything: holds a layer (inner) that cannot be converted; make it of the scalar you need");
}

#include "../catch.hpp"

#include <gradus/io/json_fields.hpp>
#include <gradus/layers/dense.hpp>

#include <limits>

using namespace gradus;

namespace {

enum class Color : std::uint8_t { red, green };
std::span<const std::string_view> enum_names(Color) {
    static constexpr std::string_view names[] = {"red", "green"};
    return names;
}

struct Everything : Described {
    bool flag = false;
    Index count = 0;
    std::uint64_t seed = 0;
    double rate = 0, other = 0;
    std::string name;
    Color color = Color::red;
    Shape shape;
    std::vector<Index> indices;
    std::vector<double> numbers;
    std::vector<std::string> words, none = {"default"};
    Initializer initializer;
    Tensor<float> values;
    LayerHandle<float> layer, absent;

    std::string_view kind() const override { return "everything"; }
    void fields(Fields& f) override {
        LayerSlot<float> slot(layer), empty(absent);
        f("flag", flag);
        f("count", count);
        f("seed", seed);
        f("rate", rate);
        f("other", other);
        f("name", name);
        f("color", color);
        f("shape", shape);
        f("indices", indices);
        f("numbers", numbers);
        f("words", words);
        f("none", none);
        f("initializer", initializer);
        f("values", values);
        f("layer", slot);
        f("absent", empty);
    }
};

class DenseReader : public FieldReader {
public:
    using FieldReader::FieldReader;

protected:
    std::unique_ptr<Described> make(const FieldObject& o) override {
        CHECK(o.kind == "dense");
        CHECK(o.category == "layer");
        CHECK(o.reference_name == "top/layer");
        auto d = std::make_unique<Dense<float>>();
        FieldReader(o.fields, "inner").read(*d);
        return d;
    }
};

} // namespace

TEST_CASE("fields of every type survive JSON") {
    const double inf = std::numeric_limits<double>::infinity();
    Everything a;
    a.flag = true;
    a.count = std::numeric_limits<Index>::min();
    a.seed = std::numeric_limits<std::uint64_t>::max() - 1;
    a.rate = 0.1;
    a.other = -inf;
    a.name = "caf\xc3\xa9 \"\\\n\x01";
    a.color = Color::green;
    a.shape = {2, 0, 3};
    a.indices = {1, -2};
    a.numbers = {1, 2.5, inf, std::nan(""), -0.0};
    a.words = {"", std::string("a\0b", 3), "latin \xe9\xff", "\xc3\xa9"};
    a.none = {};
    a.initializer = initializers::random_uniform(-0.3, 1e-7);
    a.values = tensor<float>({{1, 2}, {3, 0.1f}});
    a.layer = LayerHandle<float>(Dense({.units = 7, .use_bias = false}));

    FieldEncoder encoder;
    const Json j = encoder.encode(FieldWriter::write(a), "a", "top");
    REQUIRE(encoder.constants().size() == 1);
    CHECK(encoder.constants()[0].first == "constant/0");
    const std::string text = j.print();
    CHECK_THAT(text, ContainsSubstring("\"initializer\":\"random_uniform(-0.3, 1e-07)\""));

    std::vector<std::byte> bytes(4 * sizeof(float));
    std::string file = "{\"constant/0\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    std::string blob(8, '\0');
    blob[0] = static_cast<char>(file.size());
    blob += file + std::string(reinterpret_cast<const char*>(a.values.data()), 16);
    const auto constants = SafetensorsFile::parse(std::as_bytes(std::span(blob.data(), blob.size())));
    FieldDecoder decoder(&constants);
    const FieldMap map = decoder.decode(Json::parse(text, 1000), "b", "top");
    Everything b;
    DenseReader(map, "b").read(b);
    CHECK(b.flag);
    CHECK(b.count == a.count);
    CHECK(b.seed == a.seed);
    CHECK(b.rate == 0.1);
    CHECK(b.other == -inf);
    CHECK(b.name == a.name);
    CHECK(b.color == Color::green);
    CHECK(b.shape == a.shape);
    CHECK(b.indices == a.indices);
    REQUIRE(b.numbers.size() == 5);
    CHECK(b.numbers[2] == inf);
    CHECK(std::isnan(b.numbers[3]));
    CHECK(std::signbit(b.numbers[4]));
    CHECK(b.words == a.words);
    CHECK(b.none.empty());
    CHECK(b.initializer == a.initializer);
    REQUIRE(b.values.shape() == Shape{2, 2});
    CHECK(b.values(1, 1) == 0.1f);
    CHECK(FieldEncoder().encode(FieldWriter::write(*b.layer), "").print() ==
          FieldEncoder().encode(FieldWriter::write(*a.layer), "").print());
    CHECK(!b.absent);

    // A constant is read once, and only from a file that has it.
    CHECK_THROWS_AS(decoder.decode(Json::parse(text, 1000), "b", "top"), ValueError);
    CHECK_THROWS_AS(FieldDecoder().decode(Json::parse(text, 1000), "b", "top"), ValueError);
}

TEST_CASE("fields refuse values of another kind") {
    const auto refused = [](const std::string& text) {
        try {
            const FieldMap map = FieldDecoder().decode(Json::parse(text, 1000), "thing");
            Everything e;
            FieldReader(map, "thing").read(e);
        } catch (const ValueError& e) { return std::string(e.what()); }
        return std::string("accepted");
    };
    CHECK(refused("{\"count\":3,\"numbers\":[1,2],\"rate\":2,\"flag\":null}") == "accepted");
    CHECK_THAT(refused("{\"count\":\"3\"}"), ContainsSubstring("thing: count expects an integer"));
    CHECK_THAT(refused("{\"count\":1.5}"), ContainsSubstring("integer"));
    CHECK_THAT(refused("{\"flag\":1}"), ContainsSubstring("true or false"));
    CHECK_THAT(refused("{\"colour\":\"red\"}"), ContainsSubstring("no field \"colour\""));
    CHECK_THAT(refused("{\"color\":\"blue\"}"), ContainsSubstring("red, green"));
    CHECK_THAT(refused("{\"words\":[1,\"a\"]}"), ContainsSubstring("list"));
    CHECK_THAT(refused("{\"words\":[[\"a\"]]}"), ContainsSubstring("list"));
    CHECK_THAT(refused("{\"name\":{\"bytes\":\"\xe2\x82\xac\"}}"), ContainsSubstring("thing: name"));
    CHECK_THAT(refused("{\"layer\":{}}"), ContainsSubstring("category"));
    CHECK_THAT(refused("{\"layer\":5}"), ContainsSubstring("an object"));
    CHECK_THAT(refused("{\"initializer\":\"magic\"}"), ContainsSubstring("magic"));
    CHECK_THAT(refused("[]"), ContainsSubstring("expects an object"));
}

TEST_CASE("references are paths of enrolled layers") {
    const Dense owner(3), stranger(3);
    Everything child;
    child.layer = LayerHandle<float>(owner);
    FieldEncoder encoder;
    encoder.enroll(owner, FieldWriter::write(owner), "dense");
    Json j = encoder.encode(FieldWriter::write(child), "x", "top");
    CHECK(j.find("layer")->find("shares")->print() == "\"dense\"");
    child.layer = LayerHandle<float>(stranger);
    j = encoder.encode(FieldWriter::write(child), "x", "top");
    CHECK(j.find("layer")->find("shares") == nullptr);
    CHECK_THROWS_AS(encoder.enroll(stranger, {}, "dense"), ValueError);
}

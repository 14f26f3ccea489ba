#include <gradus/preprocessing/text_vectorization.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

using namespace gradus;

namespace {

using Texts = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

Ids flat(const Tensor<std::int32_t>& t) { return Ids(t.begin(), t.end()); }

template <class E> E named(const std::string& name) {
    const auto names = enum_names(E{});
    return static_cast<E>(std::find(names.begin(), names.end(), name) - names.begin());
}

} // namespace

TEST_CASE("text_vectorization equals Keras", "[preprocessing]") {
    std::ifstream file(std::string(GRADUS_GOLDEN_DIR) + "/text_vectorization.json");
    const auto golden = nlohmann::json::parse(file);
    const Texts train = golden["train"], fresh = golden["new"];
    for (const auto& c : golden["cases"]) {
        INFO(c["standardize"] << " " << c["split"] << " " << c["max_tokens"] << " " << c["output_sequence_length"]);
        const Index length = c["output_sequence_length"];
        TextVectorization v({.max_tokens = c["max_tokens"],
                             .standardize = named<Standardize>(c["standardize"]),
                             .split = named<SplitBy>(c["split"]),
                             .output_sequence_length = length});
        v.adapt(train);
        CHECK(v.vocabulary() == Texts(c["vocabulary"]));
        const auto ids = v.apply(fresh);
        Ids expected;
        for (const auto& row : c["output"])
            for (const auto& x : row) expected.push_back(x);
        CHECK(flat(ids) == expected);
        CHECK(ids.shape() == Shape{Index(fresh.size()), Index(expected.size() / fresh.size())});
        CHECK(v.output_length() == length);
    }
}

TEST_CASE("text_vectorization does what Keras's documentation shows", "[preprocessing]") {
    TextVectorization v({.max_tokens = 5000, .output_sequence_length = 4});
    v.adapt(Texts{"foo bar", "bar baz", "baz bada boom"});
    CHECK(flat(v.apply(Texts{"foo qux bar", "qux baz"})) == Ids{4, 1, 3, 0, 1, 2, 0, 0});
    const TextVectorization given(
        {.max_tokens = 5000, .output_sequence_length = 4, .vocabulary = {"earth", "wind", "and", "fire"}});
    CHECK(given.vocabulary() == Texts{"", "[UNK]", "earth", "wind", "and", "fire"});
    CHECK(given.vocabulary_size() == 6);
    CHECK(given.adapted());
}

TEST_CASE("text_vectorization: copies learn together, clones apart", "[preprocessing]") {
    TextVectorization v;
    const TextVectorization copy = v;
    const auto held = v.copy();
    CHECK(!copy.adapted());
    v.adapt(Texts{"a b b"});
    CHECK(copy.vocabulary() == Texts{"", "[UNK]", "b", "a"});
    CHECK(held->adapted());
    CHECK(flat(held->apply(Texts{"a b c"})) == Ids{3, 2, 1});
    const auto clone = v.clone();
    v.adapt(Texts{"c"});
    CHECK(flat(copy.apply(Texts{"a b c"})) == Ids{1, 1, 2});
    CHECK(flat(clone->apply(Texts{"a b c"})) == Ids{3, 2, 1});
}

TEST_CASE("text_vectorization: options and vocabulary survive saving", "[preprocessing]") {
    TextVectorization v(
        {.max_tokens = 9, .standardize = Standardize::lower, .split = SplitBy::character, .output_sequence_length = 5});
    v.adapt(Texts{"Hallo", "Welt"});
    TextVectorization w;
    FieldReader(FieldWriter::write(v), "file").read(w);
    CHECK(!w.adapted());
    FieldReader(FieldWriter::write_state(v), "file").read_state(w);
    CHECK(w.options().max_tokens == 9);
    CHECK(w.options().standardize == Standardize::lower);
    CHECK(w.options().split == SplitBy::character);
    CHECK(w.vocabulary() == v.vocabulary());
    CHECK(flat(w.apply(Texts{"Halt"})) == flat(v.apply(Texts{"Halt"})));
    w.adapt(Texts{"x"});

    const TextVectorization given({.vocabulary = {"x", "y"}});
    TextVectorization read;
    FieldReader(FieldWriter::write(given), "file").read(read);
    FieldReader(FieldWriter::write_state(given), "file").read_state(read);
    CHECK(read.vocabulary() == given.vocabulary());
    CHECK_THROWS_AS(read.adapt(Texts{"x"}), ValueError);

    // A file that lies leaves what was known.
    const FieldMap twice{{"vocabulary", {Texts{"", "[UNK]", "a", "a"}}}};
    CHECK_THROWS_AS(FieldReader(twice, "file").read_state(w), ValueError);
    CHECK(w.vocabulary() == Texts{"", "[UNK]", "x"});
    const FieldMap negative{{"max_tokens", {Index{-1}}}};
    TextVectorization other;
    CHECK_THROWS_AS(FieldReader(negative, "file").read(other), ValueError);
}

TEST_CASE("text_vectorization refuses bad input", "[preprocessing]") {
    for (Index bad : {-1, 1, 2}) CHECK_THROWS_AS(TextVectorization({.max_tokens = bad}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.output_sequence_length = -1}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.vocabulary = {"a", "b", "a"}}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.vocabulary = {"a", ""}}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.vocabulary = {"a", "[UNK]"}}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.vocabulary = {"", "[UNK]"}}), ValueError);
    CHECK_THROWS_AS(TextVectorization({.max_tokens = 3, .vocabulary = {"a", "b"}}), ValueError);
    CHECK_THROWS_WITH(TextVectorization({.vocabulary = {"good", "bad", "good"}}),
                      "text_vectorization: expects each token once, got \"good\" again in the vocabulary");

    TextVectorization v;
    CHECK_THROWS_AS(v.apply(Texts{"a"}), ValueError);
    CHECK_THROWS_AS(v.adapt(Texts{}), ValueError);
    CHECK_THROWS_AS(v.adapt(Texts{"", " \n", "..."}), ValueError);
    v.adapt(Texts{"a b"});
    CHECK_THROWS_AS(v.adapt(Texts{"!"}), ValueError);
    CHECK(v.vocabulary_size() == 4);

    Tensor<std::int32_t> out(Shape{2, 3});
    CHECK_THROWS_AS(v.apply(Texts{"a"}, out.view()), ShapeError);
    CHECK_THROWS_AS(v.apply(Texts{"a", "b"}, out.view().reshaped({6})), ShapeError);
    const TextVectorization fixed({.output_sequence_length = 2, .vocabulary = {"a"}});
    CHECK_THROWS_AS(fixed.apply(Texts{"a", "b"}, out.view()), ShapeError);
}

TEST_CASE("text_vectorization at its edges", "[preprocessing]") {
    TextVectorization v;
    v.adapt(Texts{"b a"});
    CHECK(v.apply(Texts{}).shape() == Shape{0, 1});
    CHECK(flat(v.apply(Texts{"", "?"})) == Ids{0, 0});
    Tensor<std::int32_t> out(Shape{2, 3}, 7);
    v.apply(Texts{"a b a b a", "a"}, out.view());
    CHECK(flat(out) == Ids{3, 2, 3, 3, 0, 0});

    // Bytes that are not UTF-8: alone, cut short, too long, surrogates, beyond the last character.
    const std::string replaced = "\xef\xbf\xbd";
    TextVectorization c({.split = SplitBy::character});
    c.adapt(Texts{"\xff", "\xc3", "\xe2\x82"});
    CHECK(c.vocabulary() == Texts{"", "[UNK]", replaced});
    CHECK(flat(c.apply(Texts{"\xc0\xaf"})) == Ids{2, 2});
    CHECK(flat(c.apply(Texts{"\xed\xa0\x80"})) == Ids{2, 2, 2});
    CHECK(flat(c.apply(Texts{"\xf4\x90\x80\x80"})) == Ids{2, 2, 2, 2});
    CHECK(flat(c.apply(Texts{"\xf4\x8f\xbf\xbf"})) == Ids{1});
    v.adapt(Texts{"caf\xe9 caf\xe9", std::string("nul\0byte", 8)});
    CHECK(v.vocabulary() == Texts{"", "[UNK]", "caf" + replaced, std::string("nul\0byte", 8)});
}

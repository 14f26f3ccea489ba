#include <gradus/preprocessing/pad_sequences.hpp>
#include <gradus/preprocessing/tokenizer.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <limits>

using namespace gradus;

namespace {

using Texts = std::vector<std::string>;
using Sequences = std::vector<std::vector<std::int32_t>>;

nlohmann::json golden() {
    std::ifstream file(std::string(GRADUS_GOLDEN_DIR) + "/tokenizer.json");
    return nlohmann::json::parse(file);
}

} // namespace

TEST_CASE("Tokenizer equals Keras", "[preprocessing][golden]") {
    const auto g = golden();
    const Texts train = g["train"], fresh = g["new"];
    for (const auto& c : g["cases"]) {
        const std::string split = c["split"];
        INFO(c["num_words"] << " " << c["oov_token"] << " " << c["char_level"] << " " << c["lower"] << " "
                            << c["filters"] << " " << split);
        Tokenizer t({.num_words = c["num_words"],
                     .filters = c["filters"],
                     .lower = c["lower"],
                     .split = split[0],
                     .char_level = c["char_level"],
                     .oov_token = c["oov_token"]});
        t.fit_on_texts(std::span(train).first(4));
        t.fit_on_texts(std::span(train).subspan(4));
        CHECK(t.words() == Texts(c["words"]));
        std::vector<Index> counts;
        for (const auto& [word, count] : t.word_counts()) counts.push_back(count);
        CHECK(counts == std::vector<Index>(c["counts"]));
        Sequences s = t.texts_to_sequences(fresh);
        CHECK(s == Sequences(c["sequences"]));
        for (auto& one : s) one.insert(one.end(), {0, 3, 10000});
        CHECK(t.sequences_to_texts(s) == Texts(c["texts"]));
    }
}

TEST_CASE("Tokenizer: numbers, words and saving", "[preprocessing]") {
    Tokenizer t({.num_words = 3, .oov_token = "?"});
    t.fit_on_texts(Texts{"b a b", "? c"});
    CHECK(t.words() == Texts{"?", "b", "a", "c"});
    CHECK(t.word_count() == 4);
    CHECK(t.vocabulary_size() == 3);
    CHECK(t.word_index("c") == 4);
    CHECK(t.word_index("x") == 0);
    CHECK(t.texts_to_sequences(Texts{"b a x"}) == Sequences{{2, 1, 1}});
    CHECK(Tokenizer().vocabulary_size() == 1);
    CHECK(Tokenizer().texts_to_sequences(Texts{"a"}) == Sequences{{}});

    Tokenizer u;
    FieldReader(FieldWriter::write(t), "file").read(u);
    FieldReader(FieldWriter::write_state(t), "file").read_state(u);
    CHECK(u.words() == t.words());
    CHECK(u.options().num_words == 3);
    u.fit_on_texts(Texts{"c c c"});
    CHECK(u.words() == Texts{"?", "c", "b", "a"});
    const FieldMap twice{{"words", {Texts{"a", "a"}}}, {"counts", {std::vector<Index>{1, 1}}}};
    CHECK_THROWS_AS(FieldReader(twice, "file").read_state(u), ValueError);
    const FieldMap fewer{{"words", {Texts{"a"}}}, {"counts", {std::vector<Index>{}}}};
    CHECK_THROWS_AS(FieldReader(fewer, "file").read_state(u), ValueError);
    CHECK(u.words() == Texts{"?", "c", "b", "a"});

    Tokenizer broken;
    broken.fit_on_texts(Texts{"caf\xe9 caf\xff"});
    CHECK(broken.words() == Texts{"caf\xef\xbf\xbd"});
}

TEST_CASE("Tokenizer refuses bad options", "[preprocessing]") {
    CHECK_THROWS_AS(Tokenizer({.num_words = -1}), ValueError);
    CHECK_THROWS_WITH(Tokenizer({.num_words = 1}), "tokenizer: num_words expects 0 (all) or at least 2, got 1");
    CHECK_THROWS_AS(Tokenizer({.split = '\xe9'}), ValueError);
}

TEST_CASE("pad_sequences equals Keras", "[preprocessing][golden]") {
    const auto g = golden();
    const Sequences lists = g["lists"];
    std::vector<Tensor<double>> series;
    for (const auto& s : lists) {
        Tensor<double> t(Shape{Index(s.size()), 2});
        for (std::size_t i = 0; i < s.size(); ++i) t(i, 0) = s[i], t(i, 1) = -s[i];
        series.push_back(t);
    }
    for (const auto& c : g["pads"]) {
        const PadSequencesOptions o{.maxlen = c["maxlen"],
                                    .padding = c["padding"] == "pre" ? Side::pre : Side::post,
                                    .truncating = c["truncating"] == "pre" ? Side::pre : Side::post,
                                    .value = -1};
        const auto x = pad_sequences(lists, o);
        const auto y = pad_sequences(series, o);
        const Sequences rows = c["output"];
        REQUIRE(x.shape() == Shape{Index(rows.size()), Index(rows[0].size())});
        REQUIRE(y.shape() == Shape{Index(rows.size()), Index(rows[0].size()), 2});
        for (Index i = 0; i < x.shape()[0]; ++i)
            for (Index j = 0; j < x.shape()[1]; ++j) {
                const int expected = rows[std::size_t(i)][std::size_t(j)];
                CHECK(x(i, j) == expected);
                CHECK((y(i, j, 0) == expected && y(i, j, 1) == (expected == -1 ? -1 : -expected)));
            }
    }
}

TEST_CASE("pad_sequences at its edges", "[preprocessing]") {
    CHECK(pad_sequences(Sequences{}).shape() == Shape{0, 0});
    CHECK(pad_sequences(Sequences{{}, {}}).shape() == Shape{2, 0});
    CHECK(pad_sequences(std::vector<std::vector<float>>{{1, 2}}, {.maxlen = 3, .value = 0.5})(0, 0) == 0.5f);
    CHECK(pad_sequences(std::vector<Tensor<float>>{}).shape() == Shape{0, 0});
    CHECK_THROWS_AS(pad_sequences(Sequences{{1}}, {.maxlen = -1}), ValueError);
    CHECK_THROWS_AS(pad_sequences(Sequences{{1}}, {.value = 0.5}), ValueError);
    CHECK_THROWS_AS(pad_sequences(Sequences{{1}}, {.value = 1e10}), ValueError);
    CHECK_THROWS_AS(pad_sequences(Sequences{{1}}, {.value = std::numeric_limits<double>::quiet_NaN()}), ValueError);
    CHECK_THROWS_AS(pad_sequences(std::vector<Tensor<float>>{Tensor<float>(Shape{2, 3}), Tensor<float>(Shape{2, 4})}),
                    ShapeError);
    CHECK_THROWS_AS(pad_sequences(std::vector<Tensor<float>>{Tensor<float>(Shape{2, 3}), Tensor<float>(Shape{2})}),
                    ShapeError);
    CHECK_THROWS_AS(pad_sequences(std::vector<Tensor<float>>{Tensor<float>(Shape{})}), ShapeError);
}

#include "../../examples/support/naive_bayes.hpp"
#include "../../examples/support/reviews.hpp"
#include "../catch.hpp"

#include <gradus/data/split.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

using namespace gradus;

namespace {

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string w; in >> w;)
        if (w[0] >= 'a' && w[0] <= 'z') words.push_back(w);
    return words;
}

} // namespace

TEST_CASE("reviews are balanced, distinct and of moderate length") {
    const TextData d = examples::make_reviews();
    REQUIRE(d.size() == 12000);
    CHECK(d.class_names == std::vector<std::string>{"negative", "positive"});
    CHECK(std::count(d.labels.begin(), d.labels.end(), 1) == 6000);
    const std::set<std::string> distinct(d.texts.begin(), d.texts.end());
    CHECK(distinct.size() == 12000);
    std::set<std::string> vocabulary;
    std::size_t shortest = 1000, longest = 0;
    for (const std::string& text : d.texts) {
        const auto words = words_of(text);
        shortest = std::min(shortest, words.size());
        longest = std::max(longest, words.size());
        vocabulary.insert(words.begin(), words.end());
        REQUIRE(text.find_first_of("{}") == std::string::npos);
        REQUIRE(text.find("  ") == std::string::npos);
        REQUIRE(text.back() != ' ');
    }
    CHECK(shortest == 6);
    CHECK(longest == 30);
    CHECK(vocabulary.size() > 250);
}

TEST_CASE("reviews depend on the seed only, and small corpora begin large ones") {
    const TextData a = examples::make_reviews({.samples = 100}), b = examples::make_reviews({.samples = 200});
    CHECK(std::equal(a.texts.begin(), a.texts.end(), b.texts.begin()));
    CHECK(a.texts != examples::make_reviews({.samples = 100, .seed = 1}).texts);
    CHECK(examples::make_reviews({.samples = 1}).size() == 1);
    CHECK_THROWS_AS(examples::make_reviews({.samples = 0}), ValueError);
}

TEST_CASE("reviews turn on the order of words: a bag of words fails") {
    const TextData d = examples::make_reviews();
    std::map<std::string, std::array<double, 2>> texts_with;
    for (Index i = 0; i < d.size(); ++i) {
        const auto words = words_of(d.texts[static_cast<std::size_t>(i)]);
        for (const std::string& w : std::set<std::string>(words.begin(), words.end()))
            ++texts_with[w][static_cast<std::size_t>(d.labels[i])];
    }
    for (const char* w : {"not", "never", "hardly", "really", "but", "than", "from", "expected"}) {
        const auto [negative, positive] = texts_with[w];
        INFO(w);
        CHECK(negative + positive > 200);
        CHECK(std::abs(negative - positive) < 4 * std::sqrt(negative + positive));
    }
    const auto [train, test] = train_test_split(d, {.test_size = 0.1, .seed = 1});
    examples::NaiveBayes bag, pairs({.bigrams = true});
    bag.fit(train);
    pairs.fit(train);
    CHECK(bag.accuracy(test) < 0.72);
    CHECK(bag.accuracy(test) > 0.6);
    CHECK(pairs.accuracy(test) > 0.85);
}

TEST_CASE("the sample sentences are in the corpus's words and not in the corpus") {
    const TextData d = examples::make_reviews();
    std::set<std::string> vocabulary;
    for (const std::string& text : d.texts)
        for (const std::string& w : words_of(text)) vocabulary.insert(w);
    const auto sentences = examples::sample_sentences();
    REQUIRE(sentences.size() == 3);
    for (const auto& s : sentences) {
        CHECK(std::find(d.texts.begin(), d.texts.end(), s.text) == d.texts.end());
        for (const std::string& w : words_of(s.text)) CHECK(vocabulary.count(w) == 1);
    }
    auto first = words_of(sentences[0].text), second = words_of(sentences[1].text);
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    CHECK(first == second);
    CHECK(sentences[0].positive != sentences[1].positive);
}

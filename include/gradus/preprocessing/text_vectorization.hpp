/// TextVectorization: texts to the ids of their words, by a vocabulary learned from texts.
#pragma once
#include <gradus/preprocessing/preprocessor.hpp>
#include <gradus/preprocessing/utf8.hpp>

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// What happens to a text before it is split. Lower-casing and punctuation are ASCII's.
enum class Standardize : std::uint8_t { none, lower, strip_punctuation, lower_and_strip_punctuation };
/// What a token is: what stands between white space (blank, tab, line feed, return, vertical tab, form feed), or a
/// character of UTF-8.
enum class SplitBy : std::uint8_t { whitespace, character };

inline std::span<const std::string_view> enum_names(Standardize) {
    static constexpr std::string_view names[] = {"none", "lower", "strip_punctuation", "lower_and_strip_punctuation"};
    return names;
}
inline std::span<const std::string_view> enum_names(SplitBy) {
    static constexpr std::string_view names[] = {"whitespace", "character"};
    return names;
}

struct TextVectorizationOptions {
    Index max_tokens = 0; ///< largest vocabulary, the two special tokens included; at least 3; 0: any
    Standardize standardize = Standardize::lower_and_strip_punctuation;
    SplitBy split = SplitBy::whitespace;
    Index output_sequence_length = 0; ///< rows are cut or padded to it; 0: padded to the longest of the call
    std::vector<std::string> vocabulary =
        {}; ///< given instead of adapted, with or without the two special tokens in front
};

/// Texts [B] to ids int32 [B, T], as Keras's TextVectorization with `output_mode="int"`.
///
/// Id 0 is padding "", id 1 any unknown word "[UNK]"; then words by falling frequency, equally frequent ones in falling
/// order of their bytes. Rows are padded and cut at their end.
///
///     TextVectorization vectorize({.max_tokens = 10000});
///     vectorize.adapt(texts);
///     Sequential model{vectorize, Embedding({.input_dim = vectorize.vocabulary_size(), ...}), ...};
///
/// Throws ValueError on options out of range, a vocabulary with a token twice, a special one or too many, adapting to
/// no words or beside a given vocabulary, and applying before. Other than Keras, bytes that are not UTF-8 are read as
/// U+FFFD, and a call without any word gives one column, not none.
class TextVectorization : public Preprocessor {
public:
    TextVectorization() : TextVectorization(TextVectorizationOptions{}) {}
    explicit TextVectorization(TextVectorizationOptions options) : o_(std::move(options)) {
        check();
        if (!o_.vocabulary.empty()) *known_ = make_vocabulary(o_.vocabulary);
    }

    std::string_view kind() const override { return "text_vectorization"; }
    void fields(Fields& f) override {
        f("max_tokens", o_.max_tokens);
        f("standardize", o_.standardize);
        f("split", o_.split);
        f("output_sequence_length", o_.output_sequence_length);
        auto given = o_.vocabulary;
        f("vocabulary", given);
        check();
        if (given == o_.vocabulary) return;
        *known_ = make_vocabulary(given);
        o_.vocabulary = std::move(given);
    }
    /// The learned vocabulary. A given one is an option.
    void state(Fields& f) override {
        if (!o_.vocabulary.empty()) return;
        auto learned = known_->tokens;
        f("vocabulary", learned);
        if (learned != known_->tokens) *known_ = make_vocabulary(learned);
    }
    const TextVectorizationOptions& options() const { return o_; }

    void adapt(std::span<const std::string> texts) override {
        if (!o_.vocabulary.empty()) throw_value_error("text_vectorization: expects no adapt beside a given vocabulary");
        std::unordered_map<std::string, Index, Hash, std::equal_to<>> counts;
        std::string buffer;
        for (const std::string& text : texts)
            each_token(text, buffer, [&](std::string_view token) {
                const auto it = counts.find(token);
                if (it != counts.end())
                    ++it->second;
                else
                    counts.emplace(token, 1);
            });
        if (const auto it = counts.find(unknown); it != counts.end()) counts.erase(it);
        if (counts.empty())
            throw_value_error("text_vectorization: expects words to adapt to, got none in " +
                              std::to_string(texts.size()) + " texts");
        using Count = std::pair<const std::string, Index>;
        std::vector<const Count*> order;
        order.reserve(counts.size());
        for (const Count& c : counts) order.push_back(&c);
        std::sort(order.begin(), order.end(), [](const Count* a, const Count* b) {
            return a->second != b->second ? a->second > b->second : a->first > b->first;
        });
        if (o_.max_tokens) order.resize(std::min(order.size(), static_cast<std::size_t>(o_.max_tokens - specials)));
        std::vector<std::string> tokens;
        tokens.reserve(order.size());
        for (const Count* c : order) tokens.push_back(c->first);
        *known_ = make_vocabulary(tokens);
    }
    bool adapted() const override { return !known_->tokens.empty(); }

    /// All tokens in the order of their ids, "" and "[UNK]" first; empty before adapt. The next adapt replaces them.
    const std::vector<std::string>& vocabulary() const { return known_->tokens; }
    /// Ids are below this; 0 before adapt.
    Index vocabulary_size() const { return static_cast<Index>(known_->tokens.size()); }

    Index output_length() const override { return o_.output_sequence_length; }
    Index output_length(std::span<const std::string> texts) const override {
        if (o_.output_sequence_length) return o_.output_sequence_length;
        Index longest = 1;
        std::string buffer;
        for (const std::string& text : texts) {
            Index n = 0;
            each_token(text, buffer, [&](std::string_view) { ++n; });
            longest = std::max(longest, n);
        }
        return longest;
    }

    using Preprocessor::apply;
    /// `out` [texts, T]; T is the option's length where one is set, else any: rows are cut or padded to it.
    void apply(std::span<const std::string> texts, View<std::int32_t> out) const override {
        if (!adapted())
            throw_value_error(
                "text_vectorization: expects adapt, or a given vocabulary, before texts are turned into ids");
        if (out.rank() != 2 || out.shape()[0] != static_cast<Index>(texts.size()) ||
            (o_.output_sequence_length && out.shape()[1] != o_.output_sequence_length))
            throw_shape_error(
                "text_vectorization: expects an output of [" + std::to_string(texts.size()) + ", " +
                (o_.output_sequence_length ? std::to_string(o_.output_sequence_length) : std::string("time")) +
                "], got " + to_string(out.shape()));
        const Index length = out.shape()[1];
        std::int32_t* row = out.data();
        std::string buffer;
        for (const std::string& text : texts) {
            Index n = 0;
            each_token(text, buffer, [&](std::string_view token) {
                if (n < length) row[n++] = id(token);
            });
            std::fill(row + n, row + length, 0);
            row += length;
        }
    }

    std::unique_ptr<Preprocessor> copy() const override { return std::make_unique<TextVectorization>(*this); }
    std::unique_ptr<Preprocessor> clone() const override {
        auto c = std::make_unique<TextVectorization>(o_);
        if (adapted()) *c->known_ = make_vocabulary(known_->tokens);
        return c;
    }

private:
    static constexpr std::string_view unknown = "[UNK]";
    static constexpr Index specials = 2;

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
    };
    /// Keys are views of `tokens`, which never change; moving keeps them.
    struct Vocabulary {
        std::vector<std::string> tokens;
        std::unordered_map<std::string_view, std::int32_t> ids;
    };

    std::int32_t id(std::string_view token) const {
        const auto it = known_->ids.find(token);
        return it == known_->ids.end() ? 1 : it->second;
    }

    void check() const {
        const auto require = [](bool condition, const char* option, const char* expectation, Index found) {
            if (!condition)
                throw_value_error(std::string("text_vectorization: ") + option + " expects " + expectation + ", got " +
                                  std::to_string(found));
        };
        require(o_.max_tokens == 0 || o_.max_tokens > specials, "max_tokens", "0 (any number) or at least 3",
                o_.max_tokens);
        require(o_.output_sequence_length >= 0, "output_sequence_length", "0 (the longest) or more",
                o_.output_sequence_length);
    }

    /// From words with or without the special tokens in front.
    Vocabulary make_vocabulary(const std::vector<std::string>& words) const {
        Vocabulary v;
        if (words.empty()) return v;
        const bool has_specials = words.size() >= 2 && words[0].empty() && words[1] == unknown;
        v.tokens.reserve(words.size() + 2);
        if (!has_specials) v.tokens = {std::string(), std::string(unknown)};
        v.tokens.insert(v.tokens.end(), words.begin(), words.end());
        const auto size = static_cast<Index>(v.tokens.size());
        const Index limit = o_.max_tokens ? o_.max_tokens : std::numeric_limits<std::int32_t>::max();
        if (size > limit)
            throw_value_error("text_vectorization: expects a vocabulary of at most " + std::to_string(limit) +
                              " tokens, got " + std::to_string(size));
        if (size == specials) throw_value_error("text_vectorization: expects a vocabulary with words, got none");
        v.ids.reserve(v.tokens.size());
        for (std::size_t i = specials; i < v.tokens.size(); ++i) {
            const std::string& token = v.tokens[i];
            if (token.empty() || token == unknown)
                throw_value_error(
                    "text_vectorization: expects \"\" and \"[UNK]\" as the first two tokens of a vocabulary or not at "
                    "all, got \"" +
                    token + "\" at " + std::to_string(i - (has_specials ? 0 : specials)));
            if (!v.ids.emplace(token, static_cast<std::int32_t>(i)).second)
                throw_value_error("text_vectorization: expects each token once, got \"" + token +
                                  "\" again in the vocabulary");
        }
        return v;
    }

    static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    static bool is_punctuation(char c) {
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    }

    void standardize(std::string_view text, std::string& out) const {
        const bool lower =
            o_.standardize == Standardize::lower || o_.standardize == Standardize::lower_and_strip_punctuation;
        const bool strip = o_.standardize == Standardize::strip_punctuation ||
                           o_.standardize == Standardize::lower_and_strip_punctuation;
        out.clear();
        while (!text.empty()) {
            const std::string_view c = detail::next_character(text);
            if (c.size() > 1)
                out += c;
            else if (!strip || !is_punctuation(c[0]))
                out += lower ? detail::lower(c[0]) : c[0];
        }
    }

    /// Calls f(token) for each token of a text, in order; views of the buffer.
    template <class F> void each_token(std::string_view text, std::string& buffer, const F& f) const {
        standardize(text, buffer);
        std::string_view rest = buffer;
        if (o_.split == SplitBy::character) {
            while (!rest.empty()) f(detail::next_character(rest));
            return;
        }
        while (true) {
            const auto begin = std::find_if_not(rest.begin(), rest.end(), is_space);
            if (begin == rest.end()) return;
            const auto end = std::find_if(begin, rest.end(), is_space);
            f(std::string_view(begin, end));
            rest = std::string_view(end, rest.end());
        }
    }

    TextVectorizationOptions o_;
    std::shared_ptr<Vocabulary> known_ = std::make_shared<Vocabulary>();
};

GRADUS_END

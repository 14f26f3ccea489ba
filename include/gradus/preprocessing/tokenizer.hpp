/// Tokenizer: texts to lists of word numbers, as Keras's classic one.
#pragma once
#include <gradus/core/fields.hpp>
#include <gradus/preprocessing/utf8.hpp>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

GRADUS_BEGIN

struct TokenizerOptions {
    Index num_words = 0; ///< numbers stay below it: the num_words - 1 most frequent words; 0: all
    /// Characters that are read as `split`.
    std::string filters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";
    bool lower = true; ///< ASCII's letters only; Keras lowers all
    char split = ' ';
    bool char_level = false;    ///< every character is a word; filters do not apply
    std::string oov_token = {}; ///< number 1, for unknown words; empty: they are left out
};

/// Texts to sequences of word numbers from 1 on, by falling frequency; equally frequent words in order of appearance. 0
/// is for padding. As Keras's (2's) preprocessing.text.Tokenizer. Fitting again adds to the counts.
///
///     Tokenizer tokenizer({.num_words = 10000, .oov_token = "<OOV>"});
///     tokenizer.fit_on_texts(texts);
///     auto x = pad_sequences(tokenizer.texts_to_sequences(texts), {.maxlen = 100});
///
/// Throws ValueError on options out of range. Other than Keras, a word in the texts that equals oov_token counts as
/// unknown, and bytes that are not UTF-8 are read as U+FFFD.
class Tokenizer : public Described {
public:
    using Sequence = std::vector<std::int32_t>;

    Tokenizer() = default;
    explicit Tokenizer(TokenizerOptions options) : o_(std::move(options)) { check(); }

    std::string_view kind() const override { return "tokenizer"; }
    void fields(Fields& f) override {
        f("num_words", o_.num_words);
        f("filters", o_.filters);
        f("lower", o_.lower);
        std::string split(1, o_.split);
        f("split", split);
        f("char_level", o_.char_level);
        f("oov_token", o_.oov_token);
        if (split.size() != 1) throw_value_error("tokenizer: split expects one character, got \"" + split + "\"");
        o_.split = split[0];
        check();
    }
    /// The words and their counts.
    void state(Fields& f) override {
        std::vector<std::string> words;
        std::vector<Index> counts;
        for (const auto& [word, count] : counts_) {
            words.push_back(word);
            counts.push_back(count);
        }
        f("words", words);
        f("counts", counts);
        if (words.size() != counts.size()) throw_value_error("tokenizer: expects a count for each word");
        std::vector<Count> learned;
        for (std::size_t i = 0; i < words.size(); ++i) learned.emplace_back(std::move(words[i]), counts[i]);
        set(std::move(learned));
    }
    const TokenizerOptions& options() const { return o_; }

    void fit_on_texts(std::span<const std::string> texts) {
        std::vector<Count> counts = counts_;
        std::unordered_map<std::string, std::size_t> places;
        for (std::size_t i = 0; i < counts.size(); ++i) places.emplace(counts[i].first, i);
        std::string word;
        for (const std::string& text : texts)
            each_word(text, word, [&] {
                const auto [it, fresh] = places.emplace(word, counts.size());
                if (fresh) counts.emplace_back(word, 0);
                ++counts[it->second].second;
            });
        set(std::move(counts));
    }

    /// One list for each text; unknown words, and known ones from num_words on, become oov_token's number or are left
    /// out.
    std::vector<Sequence> texts_to_sequences(std::span<const std::string> texts) const {
        std::vector<Sequence> out(texts.size());
        std::string word;
        for (std::size_t i = 0; i < texts.size(); ++i)
            each_word(texts[i], word, [&] {
                const auto it = index_.find(word);
                if (it != index_.end() && is_kept(it->second))
                    out[i].push_back(it->second);
                else if (!o_.oov_token.empty())
                    out[i].push_back(1);
            });
        return out;
    }
    /// Words with a blank between them. Numbers that are no word's become oov_token or are left out.
    std::vector<std::string> sequences_to_texts(std::span<const Sequence> sequences) const {
        std::vector<std::string> out(sequences.size());
        for (std::size_t i = 0; i < sequences.size(); ++i)
            for (const std::int32_t n : sequences[i]) {
                const bool known = n >= 1 && n <= word_count() && is_kept(n);
                if (!known && o_.oov_token.empty()) continue;
                out[i] +=
                    (out[i].empty() ? "" : " ") + (known ? words_[static_cast<std::size_t>(n - 1)] : o_.oov_token);
            }
        return out;
    }

    /// Words by number: word i has number i + 1.
    const std::vector<std::string>& words() const { return words_; }
    Index word_count() const { return static_cast<Index>(words_.size()); }
    /// The number of a word, 0 where it is not known; num_words does not matter.
    std::int32_t word_index(const std::string& word) const {
        const auto it = index_.find(word);
        return it == index_.end() ? 0 : it->second;
    }
    /// Words and how often they occurred, in order of appearance.
    const std::vector<std::pair<std::string, Index>>& word_counts() const { return counts_; }
    /// Numbers are below this: input_dim of an Embedding.
    Index vocabulary_size() const { return o_.num_words ? std::min(o_.num_words, word_count() + 1) : word_count() + 1; }

private:
    using Count = std::pair<std::string, Index>;

    void check() const {
        if (o_.num_words < 0 || o_.num_words == 1)
            throw_value_error("tokenizer: num_words expects 0 (all) or at least 2, got " +
                              std::to_string(o_.num_words));
        if (static_cast<unsigned char>(o_.split) > 127)
            throw_value_error("tokenizer: split expects a character of ASCII");
    }
    bool is_kept(std::int32_t n) const { return o_.num_words == 0 || n < o_.num_words; }

    void set(std::vector<Count> counts) {
        std::vector<const Count*> order;
        for (const Count& c : counts)
            if (o_.oov_token.empty() || c.first != o_.oov_token) order.push_back(&c);
        std::sort(order.begin(), order.end(), [](const Count* a, const Count* b) {
            return a->second != b->second ? a->second > b->second : a < b; // places in one vector: by appearance
        });
        std::vector<std::string> words;
        if (!o_.oov_token.empty()) words.push_back(o_.oov_token);
        for (const Count* c : order) words.push_back(c->first);
        std::unordered_map<std::string, std::int32_t> index;
        for (const std::string& w : words)
            if (!index.emplace(w, static_cast<std::int32_t>(index.size()) + 1).second)
                throw_value_error("tokenizer: expects each word once, got \"" + w + "\" again");
        counts_ = std::move(counts);
        words_ = std::move(words);
        index_ = std::move(index);
    }

    /// Calls f() with each word of a text in `word`.
    template <class F> void each_word(std::string_view text, std::string& word, const F& f) const {
        word.clear();
        while (!text.empty()) {
            std::string_view c = detail::next_character(text);
            const char small = detail::lower(c[0]);
            if (o_.lower && c.size() == 1) c = std::string_view(&small, 1);
            if (!o_.char_level && ((c.size() == 1 && c[0] == o_.split) || is_filtered(c))) {
                if (!word.empty()) f();
                word.clear();
                continue;
            }
            word += c;
            if (!o_.char_level) continue;
            f();
            word.clear();
        }
        if (!word.empty()) f();
    }
    bool is_filtered(std::string_view c) const {
        for (std::string_view rest = o_.filters; !rest.empty();)
            if (detail::next_character(rest) == c) return true;
        return false;
    }

    TokenizerOptions o_;
    std::vector<Count> counts_;
    std::vector<std::string> words_;
    std::unordered_map<std::string, std::int32_t> index_;
};

GRADUS_END

/// Multinomial naive Bayes on the words of a text: the baseline that a text classifier has to be compared with.
#pragma once
#include <gradus/data/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace examples {

struct NaiveBayesOptions {
    double smoothing = 1; ///< Laplace's: added to every count
    bool bigrams = false; ///< pairs of neighbouring words count as words too
};

/// log p(class) + the sum over a text's distinct known words of log p(word | class); a word counts once per text, which
/// suits sentiment (Wang and Manning, "Baselines and bigrams", ACL 2012). Words are what stands between spaces, ASCII
/// in lower case.
class NaiveBayes {
public:
    explicit NaiveBayes(const NaiveBayesOptions& options = {}) : options_(options) {
        if (!(options.smoothing > 0)) gradus::throw_value_error("naive bayes: expects a smoothing above 0");
    }

    /// Counts anew. Throws ValueError without texts, ShapeError without a label for each.
    void fit(const gradus::TextData& data) {
        if (data.size() == 0) gradus::throw_value_error("naive bayes: expects at least one text, got none");
        if (data.labels.size() != data.size())
            gradus::throw_shape_error("naive bayes: expects one label for each of " + std::to_string(data.size()) +
                                      " texts, got " + to_string(data.labels.shape()));
        std::int32_t top = 0;
        for (std::int32_t c : data.labels) {
            if (c < 0) gradus::throw_value_error("naive bayes: expects labels of at least 0, got " + std::to_string(c));
            top = std::max(top, c);
        }
        classes_ = static_cast<std::size_t>(top) + 1;
        counts_.clear();
        std::vector<double> texts(classes_), words(classes_);
        for (std::size_t i = 0; i < data.texts.size(); ++i) {
            const auto c = static_cast<std::size_t>(data.labels[static_cast<gradus::Index>(i)]);
            ++texts[c];
            for (const std::string& word : features(data.texts[i])) {
                counts_.try_emplace(word, classes_).first->second[c] += 1;
                ++words[c];
            }
        }
        prior_.assign(classes_, 0);
        total_.assign(classes_, 0);
        for (std::size_t c = 0; c < classes_; ++c) {
            prior_[c] = std::log(texts[c] / static_cast<double>(data.texts.size()));
            total_[c] = std::log(words[c] + options_.smoothing * static_cast<double>(counts_.size()));
        }
    }

    /// The likeliest class; the first on ties, 0 before `fit`.
    std::int32_t predict(std::string_view text) const {
        std::vector<double> score = prior_;
        for (const std::string& word : features(text)) {
            const auto it = counts_.find(word);
            if (it == counts_.end()) continue;
            for (std::size_t c = 0; c < classes_; ++c)
                score[c] += std::log(it->second[c] + options_.smoothing) - total_[c];
        }
        std::size_t best = 0;
        for (std::size_t c = 1; c < classes_; ++c)
            if (score[c] > score[best]) best = c;
        return static_cast<std::int32_t>(best);
    }

    /// Share of texts whose class is right; 0 of none.
    double accuracy(const gradus::TextData& data) const {
        gradus::Index right = 0;
        for (gradus::Index i = 0; i < data.size(); ++i)
            right += predict(data.texts[static_cast<std::size_t>(i)]) == data.labels[i];
        return data.size() ? static_cast<double>(right) / static_cast<double>(data.size()) : 0;
    }

private:
    /// Distinct words in order of appearance, so that sums are the same everywhere.
    std::vector<std::string> features(std::string_view text) const {
        std::vector<std::string> found;
        std::unordered_set<std::string> seen;
        std::string previous;
        auto add = [&](std::string word) {
            if (seen.insert(word).second) found.push_back(std::move(word));
        };
        while (true) {
            const std::size_t begin = text.find_first_not_of(" \t\r\n");
            if (begin == std::string_view::npos) return found;
            text.remove_prefix(begin);
            const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
            std::string word(text.substr(0, end));
            text.remove_prefix(end);
            for (char& ch : word)
                if (ch >= 'A' && ch <= 'Z') ch = static_cast<char>(ch - 'A' + 'a');
            if (options_.bigrams && !previous.empty()) add(previous + ' ' + word);
            previous = word;
            add(std::move(word));
        }
    }

    NaiveBayesOptions options_;
    std::size_t classes_ = 0;
    std::unordered_map<std::string, std::vector<double>> counts_;
    std::vector<double> prior_, total_;
};

} // namespace examples

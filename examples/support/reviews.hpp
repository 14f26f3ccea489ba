/// A corpus of film and product reviews that a small grammar writes, so that the examples need no download.
///
/// Word order carries the meaning: "the plot was not dull , it was clever" and "the plot was not clever , it was dull"
/// hold the same words. About two thirds of the reviews are of that kind, with contrasts ("from stale into witty") and
/// negations ("hardly boring") of which every word is as frequent in praise as in blame; the others say plainly what
/// they mean. A model that sees a bag of words cannot do much better than 0.5 + 0.3 / 2.
#pragma once
#include <gradus/core/random.hpp>
#include <gradus/data/text.hpp>

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace examples {

struct ReviewsOptions {
    gradus::Index samples = 12000; ///< half of them positive
    std::uint64_t seed = 0;
};

namespace detail {

using Words = std::span<const std::string_view>;

inline constexpr std::string_view praise[] = {
    "good",       "great",     "brilliant", "charming",  "delightful", "superb",     "wonderful",   "clever",
    "beautiful",  "moving",    "excellent", "fantastic", "lovely",     "impressive", "enjoyable",   "perfect",
    "splendid",   "gripping",  "fresh",     "witty",     "elegant",    "remarkable", "outstanding", "pleasant",
    "satisfying", "memorable", "inspired",  "warm",      "reliable",   "thoughtful"};
inline constexpr std::string_view blame[] = {
    "bad",        "awful",       "boring",   "dull",          "terrible", "dreadful", "poor",  "clumsy",
    "ugly",       "tedious",     "horrible", "disappointing", "annoying", "weak",     "stale", "silly",
    "shallow",    "forgettable", "mediocre", "lifeless",      "painful",  "lazy",     "cheap", "messy",
    "unpleasant", "irritating",  "bland",    "pointless",     "useless",  "flimsy"};

inline constexpr std::string_view films[] = {"film",        "movie",  "thriller", "comedy",  "drama",
                                             "documentary", "sequel", "musical",  "western", "cartoon"};
inline constexpr std::string_view film_parts[] = {"acting",   "plot",          "script",      "soundtrack",
                                                  "dialogue", "ending",        "camera work", "pacing",
                                                  "cast",     "opening scene", "story",       "direction"};
inline constexpr std::string_view products[] = {"kettle", "lamp", "phone", "blender",  "keyboard",
                                                "jacket", "tent", "radio", "backpack", "headset"};
inline constexpr std::string_view product_parts[] = {"design", "finish",    "battery",       "handle",
                                                     "manual", "packaging", "build quality", "zip",
                                                     "sound",  "colour",    "fit",           "service"};
inline constexpr std::string_view people[] = {"my sister",   "my brother",   "a friend",    "my mother",
                                              "a colleague", "my neighbour", "our teacher", "my uncle",
                                              "a student",   "my wife",      "my husband",  "the whole family"};
inline constexpr std::string_view times[] = {
    "last week",      "on a rainy tuesday",  "in june",      "at christmas", "on sunday evening", "yesterday",
    "two months ago", "during the holidays", "on the train", "this morning", "in the autumn",     "after work"};

inline constexpr std::string_view film_asides[] = {"we watched it {when} with {who}",
                                                   "{who} saw it {when}",
                                                   "it runs for two hours",
                                                   "it was shot in an old harbour town",
                                                   "the {item} was made in sweden",
                                                   "i saw it {when} on a small screen",
                                                   "the {part} takes up the first half",
                                                   "it follows a teacher and her dog",
                                                   "there were nine people in the room",
                                                   "{who} and i talked about the {part}"};
inline constexpr std::string_view product_asides[] = {"i bought it {when} for {who}",
                                                      "{who} has the same one",
                                                      "it came {when} in a brown box",
                                                      "we use it every day",
                                                      "the {item} weighs about a kilo",
                                                      "i took it along {when}",
                                                      "the {part} comes in three versions",
                                                      "it stands on the kitchen shelf",
                                                      "{who} ordered it {when}",
                                                      "i compared the {part} with another one"};

// {+} agrees with the review, {-} contradicts it; every frame serves both classes.
inline constexpr std::string_view contrasts[] = {"the {part} was not {-} , it was {+}",
                                                 "the {part} was {+} , it was not {-}",
                                                 "i expected something {-} and got something {+}",
                                                 "i got something {+} where i expected something {-}",
                                                 "it was {-} at first but {+} in the end",
                                                 "in the end it is {+} however {-} it seems at first",
                                                 "it looks {-} yet it is actually {+}",
                                                 "critics called it {-} , i call it {+}",
                                                 "i call it {+} whatever critics found {-}",
                                                 "this is not a {-} {item} but a {+} one",
                                                 "it is a {+} {item} and not a {-} one",
                                                 "it is more {+} than {-}",
                                                 "it is less {-} than {+}",
                                                 "it is {+} rather than {-}",
                                                 "it went from {-} to {+}",
                                                 "it became {+} after having been {-}",
                                                 "the {part} may be {-} but the {item} as a whole is {+}",
                                                 "as a whole the {item} is {+} although the {part} is {-}",
                                                 "despite a {-} {part} it is a {+} {item}",
                                                 "it is a {+} {item} in spite of the {-} {part}",
                                                 "{who} said it would be {-} , in truth it is {+}",
                                                 "what could have been {-} is {+}",
                                                 "it is {+} where others are {-}",
                                                 "anything but {-} , simply {+}",
                                                 "it stopped being {-} and ended up {+}"};
// One adjective: {is} says "really {+}" as often as "not {-}".
inline constexpr std::string_view statements[] = {"the {part} is {is}",
                                                  "i found the {part} {is}",
                                                  "the {item} was {is} from start to finish",
                                                  "to me the {item} is {is}",
                                                  "all in all it is {is}",
                                                  "the {part} turned out to be {is}",
                                                  "{who} thought it was {is} and so do i",
                                                  "this {item} is {is}"};
inline constexpr std::string_view affirmations[] = {"really", "truly", "very", "simply", "so", "always"};
inline constexpr std::string_view negations[] = {"not", "never", "hardly", "far from", "anything but", "not at all"};

inline constexpr std::string_view praise_verdicts[] = {"i would recommend it to anyone",
                                                       "five stars from me",
                                                       "i enjoyed it very much",
                                                       "it was worth every penny",
                                                       "well done",
                                                       "i loved it",
                                                       "thanks to everyone who made it",
                                                       "i am glad that i found it"};
inline constexpr std::string_view blame_verdicts[] = {"i want my money back",
                                                      "one star from me",
                                                      "i regret it very much",
                                                      "it was a waste of time",
                                                      "avoid it",
                                                      "i hated it",
                                                      "shame on everyone who made it",
                                                      "i am sorry that i found it"};

/// Draws for one review: element after element of one row.
class Draw {
public:
    Draw(std::uint64_t seed, gradus::Index row) : random_(seed, 0, gradus::Purpose::sample), row_(row) {}
    gradus::Index below(gradus::Index n) { return random_.below(row_, element_++, n); }
    bool chance(gradus::Index percent) { return below(100) < percent; }
    std::string_view one_of(Words words) {
        return words[static_cast<std::size_t>(below(static_cast<gradus::Index>(words.size())))];
    }

private:
    gradus::Random random_;
    gradus::Index row_, element_ = 0;
};

/// One review of a given class.
class Review {
public:
    Review(Draw& draw, bool positive) : draw_(draw), positive_(positive), film_(draw.chance(60)) {
        item_ = draw_.one_of(film_ ? Words(films) : Words(products));
    }

    std::string write() {
        const Words asides = film_ ? Words(film_asides) : Words(product_asides);
        std::vector<std::string_view> frames;
        if (draw_.chance(30)) {
            plain_ = true;
            frames.push_back(draw_.one_of(statements));
            frames.push_back(draw_.one_of(positive_ ? Words(praise_verdicts) : Words(blame_verdicts)));
        } else {
            frames.push_back(draw_.one_of(draw_.chance(65) ? Words(contrasts) : Words(statements)));
            if (draw_.chance(35))
                frames.push_back(draw_.one_of(draw_.chance(65) ? Words(contrasts) : Words(statements)));
        }
        for (gradus::Index n = draw_.below(3); n > 0; --n) {
            const auto at = static_cast<std::ptrdiff_t>(draw_.below(static_cast<gradus::Index>(frames.size()) + 1));
            frames.insert(frames.begin() + at, draw_.one_of(asides));
        }
        std::string text;
        for (std::string_view frame : frames) {
            expand(text, frame);
            text += draw_.chance(80) ? " . " : " ! ";
        }
        text.pop_back();
        for (std::size_t at = 0; (at = text.find(" a ", at)) != std::string::npos; at += 2)
            if (std::string_view("aeiou").find(text[at + 3]) != std::string_view::npos) text.insert(at + 2, "n");
        return text;
    }

private:
    void expand(std::string& text, std::string_view frame) {
        while (!frame.empty()) {
            const std::size_t open = frame.find('{');
            text += frame.substr(0, open);
            if (open == std::string_view::npos) return;
            const std::size_t close = frame.find('}');
            slot(text, frame.substr(open + 1, close - open - 1));
            frame.remove_prefix(close + 1);
        }
    }
    void slot(std::string& text, std::string_view name) {
        if (name == "+")
            text += adjective(positive_);
        else if (name == "-")
            text += adjective(!positive_);
        else if (name == "item")
            text += item_;
        else if (name == "part")
            text += draw_.one_of(film_ ? Words(film_parts) : Words(product_parts));
        else if (name == "who")
            text += draw_.one_of(people);
        else if (name == "when")
            text += draw_.one_of(times);
        else if (plain_ || draw_.chance(50))
            text.append(draw_.one_of(affirmations)).append(" ").append(adjective(positive_));
        else
            text.append(draw_.one_of(negations)).append(" ").append(adjective(!positive_));
    }
    std::string_view adjective(bool good) { return draw_.one_of(good ? Words(praise) : Words(blame)); }

    Draw& draw_;
    bool positive_, film_, plain_ = false;
    std::string_view item_;
};

inline gradus::Index count_words(std::string_view text) {
    gradus::Index n = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        n += text[i] >= 'a' && text[i] <= 'z' && (i == 0 || text[i - 1] == ' ');
    return n;
}

} // namespace detail

/// Reviews of 6 to 30 words, classes "negative" and "positive" in turn, no review twice: what is held out was never
/// seen. The same seed gives the same corpus everywhere, and a smaller one is the beginning of a larger one.
inline gradus::TextData make_reviews(const ReviewsOptions& options = {}) {
    if (options.samples < 1 || options.samples > 1000000)
        gradus::throw_value_error("make_reviews: expects 1 to 1000000 samples, got " + std::to_string(options.samples));
    gradus::TextData data;
    data.class_names = {"negative", "positive"};
    data.labels = gradus::Tensor<std::int32_t>(gradus::Shape{options.samples});
    std::unordered_set<std::string> seen;
    for (gradus::Index row = 0; data.size() < options.samples; ++row) {
        const auto label = static_cast<std::int32_t>(data.size() % 2);
        detail::Draw draw(options.seed, row);
        std::string text = detail::Review(draw, label == 1).write();
        const gradus::Index words = detail::count_words(text);
        if (words < 6 || words > 30 || !seen.insert(text).second) continue;
        data.labels[data.size()] = label;
        data.texts.push_back(std::move(text));
    }
    return data;
}

/// A sentence to classify after training, and what a reader makes of it.
struct LabelledSentence {
    std::string text;
    bool positive;
};

/// Sentences in the corpus's words that turn on their order; the first two hold the same words.
inline std::vector<LabelledSentence> sample_sentences() {
    return {
        {"the plot was not dull , it was brilliant .", true},
        {"the plot was not brilliant , it was dull .", false},
        {"i expected something wonderful and got something tedious . we watched it on sunday evening with my sister .",
         false}};
}

} // namespace examples

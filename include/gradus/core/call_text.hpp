/// Values that are text in saved files: a name, or a name with arguments, "random_uniform(-0.05, 0.05)".
#pragma once
#include <gradus/core/types.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// Such a text taken apart. Not `good`: it has another form.
struct CallText {
    std::string_view name;
    std::vector<std::string_view> arguments;
    bool good = true;

    explicit CallText(std::string_view text) {
        const std::size_t open = text.find('(');
        name = text.substr(0, open);
        if (open == std::string_view::npos) return;
        good = text.back() == ')' && text.size() > open + 2;
        text = text.substr(open + 1, good ? text.size() - open - 2 : 0);
        for (std::size_t comma = 0; comma != std::string_view::npos && good; text.remove_prefix(comma + 1)) {
            while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
            comma = text.find(',');
            arguments.push_back(text.substr(0, comma));
            if (comma == std::string_view::npos) break;
        }
    }
    /// Argument i as a number; not `good` where it is none.
    double number(std::size_t i) {
        double v = 0;
        const std::string_view a = i < arguments.size() ? arguments[i] : std::string_view();
        const auto [end, error] = std::from_chars(a.data(), a.data() + a.size(), v);
        if (error != std::errc() || end != a.data() + a.size()) good = false;
        return v;
    }
};

/// The shortest text that reads as the same number.
inline std::string number_text(double v) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, v).ptr};
}

} // namespace detail
GRADUS_END

/// Log and History: the numbers that training reports.
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/types.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// A named number of a batch or an epoch: "loss", "val_auc".
struct Log {
    std::string_view name;
    double value = 0;
};

/// What fit returns: one value per epoch for each name, in the order in which they were first reported.
class History {
public:
    /// All epochs' values; throws ValueError on a name that was not reported.
    const std::vector<double>& operator[](std::string_view name) const {
        std::string known;
        for (const auto& [n, values] : columns_) {
            if (n == name) return values;
            known += (known.empty() ? "" : ", ") + n;
        }
        throw_value_error("history: expects one of " + known + ", got \"" + std::string(name) + "\"");
    }
    bool contains(std::string_view name) const {
        for (const auto& [n, values] : columns_)
            if (n == name) return true;
        return false;
    }
    const std::vector<std::pair<std::string, std::vector<double>>>& columns() const { return columns_; }
    Index epochs() const { return columns_.empty() ? 0 : static_cast<Index>(columns_[0].second.size()); }

    void add(std::string_view name, double value) {
        for (auto& [n, values] : columns_)
            if (n == name) return values.push_back(value);
        columns_.push_back({std::string(name), {value}});
    }

private:
    std::vector<std::pair<std::string, std::vector<double>>> columns_;
};

/// What evaluate and train_on_batch return: "loss" and the metrics. Up to 16 values are held inline: making them
/// allocates nothing.
class Results {
public:
    static constexpr std::size_t inline_values = 16;
    struct Value {
        char name[48] = {};
        double value = 0;
    };

    /// Names are cut after 47 characters.
    void add(std::string_view name, double value) {
        Value v;
        name.copy(v.name, sizeof(v.name) - 1);
        v.value = value;
        if (size_ < inline_values) {
            values_[size_++] = v;
            return;
        }
        if (more_.empty()) more_.assign(values_.begin(), values_.end());
        more_.push_back(v);
    }
    /// Throws ValueError on an unknown name.
    double operator[](std::string_view name) const {
        for (const Value& v : *this)
            if (name == v.name) return v.value;
        std::string known;
        for (const Value& v : *this) known += (known.empty() ? "" : ", ") + std::string(v.name);
        throw_value_error("results: expects one of " + known + ", got \"" + std::string(name) + "\"");
    }
    double loss() const { return (*this)["loss"]; }
    const Value* begin() const { return more_.empty() ? values_.data() : more_.data(); }
    const Value* end() const { return begin() + (more_.empty() ? size_ : more_.size()); }

private:
    std::array<Value, inline_values> values_;
    std::size_t size_ = 0;
    std::vector<Value> more_; ///< all of them, where there are more
};

GRADUS_END

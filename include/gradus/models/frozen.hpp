/// Names of layers, scopes and parameters: what they cover, and which parameters are frozen.
#pragma once
#include <gradus/graph/parameters.hpp>

#include <algorithm>
#include <string>
#include <vector>

GRADUS_BEGIN
namespace detail {

/// "encoder" covers "encoder", "encoder.lstm.kernel", not "encoder_1.kernel".
inline bool covers(const std::string& prefix, const std::string& name) {
    return name.compare(0, prefix.size(), prefix) == 0 && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

/// Which parameters and state variables of the table these names cover. Throws ValueError where one covers none.
inline std::vector<bool> covered(const ParameterTable& table, const std::vector<std::string>& names, const char* who) {
    std::vector<bool> flags(table.list().size(), false);
    for (const std::string& name : names) {
        bool found = false;
        for (std::size_t i = 0; i < flags.size(); ++i)
            if (covers(name, table.list()[i].name)) flags[i] = found = true;
        if (found) continue;
        std::string known;
        for (const Parameter& p : table.list()) known += (known.empty() ? "" : ", ") + p.name;
        throw_value_error(std::string(who) + " expects names of layers, scopes or parameters (" + known + "), got \"" +
                          name + "\"");
    }
    return flags;
}

/// Names that cover exactly these: a layer's where all of it is covered.
inline std::vector<std::string> names_of(const ParameterTable& table, const std::vector<bool>& flags) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < flags.size(); ++i) {
        const Parameter& p = table.list()[i];
        if (!flags[i] || std::any_of(names.begin(), names.end(), [&](const auto& n) { return covers(n, p.name); }))
            continue;
        const std::string layer = p.name.substr(0, p.name.size() - std::min(p.name.size(), p.local.size() + 1));
        bool whole = !layer.empty();
        for (std::size_t k = 0; k < flags.size(); ++k)
            whole = whole && (flags[k] || !covers(layer, table.list()[k].name));
        names.push_back(whole ? layer : p.name);
    }
    return names;
}

/// The layers that use their state and do not change it: all of it is frozen.
inline std::vector<const Identity*> frozen_layers(const ParameterTable& table, const std::vector<bool>& flags) {
    std::vector<const Identity*> layers;
    for (std::size_t i = 0; i < flags.size(); ++i) {
        const Parameter& p = table.list()[i];
        bool whole = !p.trained;
        for (std::size_t k = 0; whole && k < flags.size(); ++k)
            whole = flags[k] || table.list()[k].trained || table.list()[k].identity != p.identity;
        if (whole) layers.push_back(p.identity.get());
    }
    return layers;
}

} // namespace detail
GRADUS_END

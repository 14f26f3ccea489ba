/// Definitions of Model: freezing, and averages in place of parameters. Included by models/model.hpp.
#pragma once
#include <gradus/models/model.hpp>

GRADUS_BEGIN

/// By parameter of the model's table, perhaps of what only losses need after it.
template <class T> std::vector<bool> Model<T>::frozen_flags() const {
    std::vector<std::string> names = frozen_;
    if (const CompileOptions<T>* o = compile_options()) names.insert(names.end(), o->frozen.begin(), o->frozen.end());
    return detail::covered(compiled_ ? compiled_->table : *table(), names, "freeze");
}

/// Takes both lists of names, or throws and changes nothing.
template <class T> void Model<T>::set_frozen(std::vector<std::string> model, std::vector<std::string> compiled) {
    if (compiled_) {
        compiled_->require_parameters("freeze");
        std::swap(compiled_->options().frozen, compiled);
        try {
            compiled_->freeze(model);
        } catch (...) {
            std::swap(compiled_->options().frozen, compiled);
            throw;
        }
    } else if (table_) {
        (void)detail::covered(*table_, model, "freeze");
    }
    if (pending_) pending_->frozen = compiled;
    frozen_ = std::move(model);
    uncompiled_training_.reset();
    phase_ = Phase::none;
}

template <class T> void Model<T>::freeze(const std::string& name) {
    std::vector<std::string> names = frozen_;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    const ParameterTable* table = compiled_ ? &compiled_->table : table_.get();
    if (table) names = detail::names_of(*table, detail::covered(*table, names, "freeze"));
    const CompileOptions<T>* o = compile_options();
    set_frozen(std::move(names), o ? o->frozen : std::vector<std::string>());
}

template <class T> void Model<T>::unfreeze(const std::string& name) {
    const ParameterTable* table = compiled_ ? &compiled_->table : table_.get();
    const CompileOptions<T>* o = compile_options();
    std::vector<std::string> model = frozen_, compiled = o ? o->frozen : std::vector<std::string>();
    for (std::vector<std::string>* names : {&model, &compiled}) {
        if (!table) {
            std::erase(*names, name);
            continue;
        }
        std::vector<bool> flags = detail::covered(*table, *names, "unfreeze");
        const std::vector<bool> freed = detail::covered(*table, {name}, "unfreeze");
        for (std::size_t i = 0; i < flags.size(); ++i) {
            if (freed[i] && !table->list()[i].options.trainable)
                throw_value_error("unfreeze: expects parameters that their layer trains, got " + table->list()[i].name +
                                  " (trainable = false)");
            flags[i] = flags[i] && !freed[i];
        }
        *names = detail::names_of(*table, flags);
    }
    set_frozen(std::move(model), std::move(compiled));
}

template <class T> void Model<T>::swap_averaged() {
    detail::Compiled<T>& c = compiled("swap_averaged");
    if (!c.has_averages()) throw_value_error("model: swap_averaged expects a model compiled with .ema");
    c.swap_averages();
}

GRADUS_END

/// The option --precision.
#pragma once
#include <gradus/kernels/bfloat16.hpp>

#include <CLI/CLI.hpp>

#include <string>

namespace examples {

/// --precision: what the operands of products are rounded to.
inline void add_precision(CLI::App& app, gradus::ProductPrecision& precision) {
    app.add_option_function<std::string>(
           "--precision",
           [&precision](const std::string& name) {
               precision = name == "bfloat16" ? gradus::ProductPrecision(gradus::bfloat16) : gradus::ProductPrecision();
           },
           "of the operands of products: float32 or bfloat16")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->default_str("float32");
}

} // namespace examples

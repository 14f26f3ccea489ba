// What an error says.
#pragma once
#include <gradus/core/error.hpp>

#include <string>

/// The text of the E that f throws.
template <class E = gradus::Error, class F> std::string message(const F& f) {
    try {
        f();
    } catch (const E& e) { return e.what(); }
    return "nothing was thrown";
}

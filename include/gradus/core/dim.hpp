/// Dim: a size that is a number or an expression on named symbols (batch, time, a user's own).
#pragma once
#include <gradus/core/error.hpp>
#include <gradus/core/shape.hpp>

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

GRADUS_BEGIN

/// The values of a graph's symbols. Looking up and changing a known symbol allocates nothing.
class Extents {
public:
    /// The value of a symbol, -1 where it has none.
    Index find(std::string_view symbol) const {
        for (const auto& [name, value] : values_)
            if (name == symbol) return value;
        return -1;
    }
    /// True where the value changed.
    bool set(std::string_view symbol, Index value) {
        for (auto& [name, old] : values_)
            if (name == symbol) return std::exchange(old, value) != value;
        values_.emplace_back(symbol, value);
        return true;
    }
    const std::vector<std::pair<std::string, Index>>& values() const { return values_; }

private:
    std::vector<std::pair<std::string, Index>> values_;
};

/// A polynomial with integer coefficients in symbols and floor divisions, kept in canonical form, so that equality of
/// two sizes is decided while a graph is built wherever it can be. Cold: used in `build`, evaluated when a symbol's
/// value changes.
class Dim {
public:
    Dim() : Dim(Index{0}) {}
    Dim(Index value) : constant_(value) {}
    Dim(int value) : constant_(value) {}
    explicit Dim(std::string_view symbol) {
        add({{std::make_shared<const Atom>(Atom{std::string(symbol), {}, {}})}, 1});
    }

    bool is_constant() const { return terms_.empty(); }
    /// The number; throws ShapeError where the size is symbolic.
    Index constant() const {
        if (!is_constant()) throw_shape_error("expects a size known when the model is built, got " + to_string());
        return constant_;
    }

    /// The symbol's name where the size is just that; else empty.
    std::string_view symbol() const {
        if (constant_ != 0 || terms_.size() != 1) return {};
        const auto& [atoms, n] = terms_.front();
        return n == 1 && atoms.size() == 1 && !atoms[0]->numerator ? std::string_view(atoms[0]->name)
                                                                   : std::string_view();
    }

    /// The value under the symbols' values; throws ShapeError on a symbol without a value or an overflow.
    Index evaluate(const Extents& extents) const {
        Index sum = constant_;
        for (const auto& [atoms, coefficient] : terms_) {
            Index term = coefficient;
            for (const auto& atom : atoms) term = product(term, atom->evaluate(extents));
            sum = total(sum, term);
        }
        return sum;
    }

    friend Dim operator+(const Dim& a, const Dim& b) { return a.plus(b, 1); }
    friend Dim operator-(const Dim& a, const Dim& b) { return a.plus(b, -1); }
    friend Dim operator*(const Dim& a, const Dim& b) {
        Dim r(product(a.constant_, b.constant_));
        for (const auto& [x, n] : a.terms_) r.add({x, product(n, b.constant_)});
        for (const auto& [y, m] : b.terms_) r.add({y, product(m, a.constant_)});
        for (const auto& [x, n] : a.terms_)
            for (const auto& [y, m] : b.terms_) {
                Atoms z = x;
                for (const auto& atom : y) {
                    auto at = z.begin();
                    while (at != z.end() && (*at)->name <= atom->name) ++at;
                    z.insert(at, atom);
                }
                r.add({z, product(n, m)});
            }
        return r;
    }
    /// Rounds towards minus infinity; throws ShapeError on division by the number zero.
    friend Dim floor_div(const Dim& a, const Dim& b) {
        if (b.is_constant() && b.constant_ == 0) throw_shape_error("floor_div: division by zero");
        if (b.is_constant() && b.constant_ == 1) return a;
        if (a.is_constant() && b.is_constant()) return Dim(floor_quotient(a.constant_, b.constant_));
        Dim r;
        r.add({{std::make_shared<const Atom>(Atom{"(" + a.to_string() + ")/(" + b.to_string() + ")",
                                                  std::make_shared<const Dim>(a), std::make_shared<const Dim>(b)})},
               1});
        return r;
    }

    /// Equal for every value of the symbols.
    friend bool operator==(const Dim& a, const Dim& b) {
        const Dim d = a - b;
        return d.is_constant() && d.constant_ == 0;
    }
    /// Different for every value of the symbols, as far as the form tells.
    static bool never_equal(const Dim& a, const Dim& b) {
        const Dim d = a - b;
        return d.is_constant() && d.constant_ != 0;
    }

    /// "batch", "2*time+1", "(time+1)/(2)".
    std::string to_string() const {
        std::string s;
        for (const auto& [atoms, n] : terms_) {
            if (!s.empty() && n > 0) s += "+";
            if (n == -1) s += "-";
            if (n != 1 && n != -1) s += std::to_string(n) + "*";
            for (std::size_t i = 0; i < atoms.size(); ++i) s += (i ? "*" : "") + atoms[i]->name;
        }
        if (s.empty()) return std::to_string(constant_);
        if (constant_ > 0) s += "+";
        if (constant_ != 0) s += std::to_string(constant_);
        return s;
    }

    /// Appends the names of the symbols this size depends on.
    void symbols(std::vector<std::string>& out) const {
        for (const auto& [atoms, n] : terms_)
            for (const auto& atom : atoms) {
                if (!atom->numerator) out.push_back(atom->name);
                if (atom->numerator) atom->numerator->symbols(out);
                if (atom->denominator) atom->denominator->symbols(out);
            }
    }

private:
    struct Atom {
        std::string name;
        std::shared_ptr<const Dim> numerator, denominator;

        Index evaluate(const Extents& extents) const {
            if (!numerator) {
                const Index value = extents.find(name);
                if (value < 0) throw_shape_error("symbol " + name + " has no value");
                return value;
            }
            const Index d = denominator->evaluate(extents);
            if (d == 0) throw_shape_error("division by zero in " + name);
            return floor_quotient(numerator->evaluate(extents), d);
        }
    };
    using Atoms = std::vector<std::shared_ptr<const Atom>>;
    struct Term {
        Atoms atoms; // by name
        Index coefficient;
    };
    static int compare(const Atoms& a, const Atoms& b) {
        for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
            if (const int c = a[i]->name.compare(b[i]->name)) return c;
        return static_cast<int>(a.size()) - static_cast<int>(b.size());
    }

    using Limits = std::numeric_limits<Index>;
    static Index product(Index a, Index b) {
        const auto size = [](Index n) {
            return n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
        };
        if (b != 0 && size(a) > size(Limits::max()) / size(b)) throw_shape_error("size overflows");
        return a * b;
    }
    static Index total(Index a, Index b) {
        if (b < 0 ? a < Limits::min() - b : a > Limits::max() - b) throw_shape_error("size overflows");
        return a + b;
    }
    static Index floor_quotient(Index a, Index b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

    void add(const Term& term) {
        if (term.coefficient == 0) return;
        auto it = terms_.begin();
        int order = 1;
        while (it != terms_.end() && (order = compare(it->atoms, term.atoms)) < 0) ++it;
        if (it == terms_.end() || order != 0)
            terms_.insert(it, term);
        else if ((it->coefficient = total(it->coefficient, term.coefficient)) == 0)
            terms_.erase(it);
    }
    Dim plus(const Dim& b, Index sign) const {
        Dim r = *this;
        r.constant_ = total(r.constant_, product(sign, b.constant_));
        for (const auto& [atoms, n] : b.terms_) r.add({atoms, product(sign, n)});
        return r;
    }

    Index constant_ = 0;
    std::vector<Term> terms_; // canonical: by atoms, no coefficient of zero
};

/// Sizes of a tensor while a graph is built. Cold.
using SymbolicShape = std::vector<Dim>;

/// "[batch, time, 50]"
inline std::string to_string(const SymbolicShape& shape) {
    std::string s = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? ", " : "") + shape[i].to_string();
    return s + "]";
}

/// The concrete shape under the symbols' values. Allocates nothing.
inline Shape evaluate(const SymbolicShape& shape, const Extents& extents) {
    Shape s;
    for (const Dim& d : shape) s.push_back(d.evaluate(extents));
    return s;
}

inline SymbolicShape symbolic(const Shape& shape) { return SymbolicShape(shape.begin(), shape.end()); }

/// The symbols that models know by themselves. (A `gradus::time` would break users' `time(nullptr)`.)
namespace dim {
inline Dim batch() { return Dim("batch"); }
inline Dim time() { return Dim("time"); }
} // namespace dim

GRADUS_END

/// Initializer: how a parameter gets its first values. The initialisers of Keras, by its names and with its numbers.
#pragma once
#include <gradus/core/call_text.hpp>
#include <gradus/core/view.hpp>
#include <gradus/kernels/initialize.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

GRADUS_BEGIN

namespace initializers {
/// Which number of connections a variance is divided by: into an output, out of an input, or the mean of both.
enum class Mode : std::uint8_t { fan_in, fan_out, fan_avg };
/// Of a given variance; the truncated one is drawn again beyond two standard deviations of the untruncated.
enum class Distribution : std::uint8_t { truncated_normal, untruncated_normal, uniform };
} // namespace initializers

/// A small value: a kind and at most two numbers. `initializers::` makes them; text is their form in saved files.
///
/// Values depend on the random stream, shape and kind alone: the same bits on every build, instruction set and number
/// of threads, and a float weight is the double one, rounded. (Keras draws other numbers from the same distributions.)
class Initializer {
public:
    enum class Kind : std::uint8_t {
        zeros,
        ones,
        constant,
        random_uniform,
        random_normal,
        truncated_normal,
        glorot_uniform,
        glorot_normal,
        he_uniform,
        he_normal,
        lecun_uniform,
        lecun_normal,
        orthogonal,
        identity,
        variance_scaling
    };

    /// The kind zeros.
    Initializer() = default;
    /// Throws ValueError where a number is not finite, a range is reversed or a deviation negative.
    explicit Initializer(Kind kind, double first = 0, double second = 0) : kind_(kind), numbers_{first, second} {
        check();
    }
    /// variance_scaling. Throws ValueError where the scale is not above zero and finite.
    Initializer(double scale, initializers::Mode mode, initializers::Distribution distribution)
        : kind_(Kind::variance_scaling), numbers_{scale, 0}, mode_(mode), distribution_(distribution) {
        check();
    }

    Kind kind() const { return kind_; }
    std::string_view name() const { return names[static_cast<std::size_t>(kind_)]; }
    /// The numbers that the kind has: constant(v), random_uniform(low, high), the normals (mean, sd), orthogonal(gain),
    /// identity(gain), variance_scaling(scale).
    std::span<const double> numbers() const { return {numbers_.data(), count(kind_)}; }
    friend bool operator==(const Initializer&, const Initializer&) = default;

    /// Fills `out`. The shape tells the fans: [n] both n; [in, out]; [..., in, out] each times the receptive field.
    /// orthogonal takes all axes but the last as rows and throws ShapeError below two axes; it allocates. identity
    /// throws it unless there are two.
    void operator()(View<float> out, Random random) const { fill(out, random); }
    void operator()(View<double> out, Random random) const { fill(out, random); }

    /// "glorot_uniform", "random_uniform(-0.05, 0.05)", "orthogonal(1)", "variance_scaling(2, fan_out, uniform)"
    std::string to_string() const {
        std::string s(name());
        for (std::size_t i = 0; i < count(kind_); ++i) s += (i ? ", " : "(") + detail::number_text(numbers_[i]);
        if (kind_ == Kind::variance_scaling) {
            s += ", " + std::string(modes[static_cast<std::size_t>(mode_)]);
            s += ", " + std::string(distributions[static_cast<std::size_t>(distribution_)]);
        }
        return count(kind_) ? s + ")" : s;
    }

    /// The reverse, exact; numbers may be left out together and are then Keras's defaults. Throws ValueError.
    static Initializer parse(std::string_view text);

private:
    static constexpr std::array<std::string_view, 15> names{
        "zeros",          "ones",          "constant",        "random_uniform", "random_normal", "truncated_normal",
        "glorot_uniform", "glorot_normal", "he_uniform",      "he_normal",      "lecun_uniform", "lecun_normal",
        "orthogonal",     "identity",      "variance_scaling"};
    static constexpr std::array<std::string_view, 3> modes{"fan_in", "fan_out", "fan_avg"};
    static constexpr std::array<std::string_view, 3> distributions{"truncated_normal", "untruncated_normal", "uniform"};

    static constexpr std::size_t count(Kind kind) {
        if (kind == Kind::constant || kind >= Kind::orthogonal) return 1;
        return kind == Kind::random_uniform || kind == Kind::random_normal || kind == Kind::truncated_normal ? 2 : 0;
    }

    void check() const {
        for (double v : numbers_)
            if (!(v - v == 0)) throw_value_error("initializer " + std::string(name()) + ": expects finite numbers");
        if (kind_ == Kind::random_uniform && numbers_[1] < numbers_[0])
            throw_value_error("initializer " + to_string() + ": expects low <= high");
        if ((kind_ == Kind::random_normal || kind_ == Kind::truncated_normal) && numbers_[1] < 0)
            throw_value_error("initializer " + to_string() + ": expects a standard deviation of at least 0");
        if (kind_ == Kind::variance_scaling && !(numbers_[0] > 0))
            throw_value_error("initializer " + to_string() + ": expects a scale above 0");
    }

    /// What the scaled kinds are short for.
    struct Scaling {
        double scale;
        initializers::Mode mode;
        initializers::Distribution distribution;
    };
    Scaling scaling() const {
        using initializers::Distribution;
        using initializers::Mode;
        if (kind_ == Kind::variance_scaling) return {numbers_[0], mode_, distribution_};
        const bool uniform = kind_ == Kind::glorot_uniform || kind_ == Kind::he_uniform || kind_ == Kind::lecun_uniform;
        const bool glorot = kind_ == Kind::glorot_uniform || kind_ == Kind::glorot_normal;
        const bool he = kind_ == Kind::he_uniform || kind_ == Kind::he_normal;
        return {he ? 2.0 : 1.0, glorot ? Mode::fan_avg : Mode::fan_in,
                uniform ? Distribution::uniform : Distribution::truncated_normal};
    }
    /// scale / n, n the fan, at least 1.
    static double variance(const Scaling& s, const Shape& shape) {
        const Index rank = shape.rank();
        double in = 1, out = 1;
        if (rank == 1) in = out = static_cast<double>(shape[0]);
        if (rank >= 2) {
            const auto field = static_cast<double>(shape.product(0, rank - 2));
            in = static_cast<double>(shape[-2]) * field;
            out = static_cast<double>(shape[-1]) * field;
        }
        const double n = s.mode == initializers::Mode::fan_in    ? in
                         : s.mode == initializers::Mode::fan_out ? out
                                                                 : (in + out) / 2;
        return s.scale / (n < 1 ? 1 : n);
    }
    template <class T> void fill_scaled(View<T> out, Random random) const {
        using initializers::Distribution;
        const Scaling s = scaling();
        const double v = variance(s, out.shape());
        if (s.distribution == Distribution::uniform) {
            const double limit = kernels::scalar::sqrt(3 * v);
            return kernels::fill_uniform(out.data(), random, -limit, limit, out.size());
        }
        const double sd = kernels::scalar::sqrt(v);
        if (s.distribution == Distribution::untruncated_normal)
            return kernels::fill_normal(out.data(), random, 0, sd, out.size());
        const double deviation_of_truncated = 0.87962566103423978;
        kernels::fill_truncated_normal(out.data(), random, 0, sd / deviation_of_truncated, out.size());
    }

    template <class T> void fill(View<T> out, Random random) const {
        const Index n = out.size();
        if (n == 0) return;
        switch (kind_) {
        case Kind::zeros: return set(out, 0);
        case Kind::ones: return set(out, 1);
        case Kind::constant: return set(out, numbers_[0]);
        case Kind::random_uniform: return kernels::fill_uniform(out.data(), random, numbers_[0], numbers_[1], n);
        case Kind::random_normal: return kernels::fill_normal(out.data(), random, numbers_[0], numbers_[1], n);
        case Kind::truncated_normal:
            return kernels::fill_truncated_normal(out.data(), random, numbers_[0], numbers_[1], n);
        case Kind::glorot_uniform:
        case Kind::glorot_normal:
        case Kind::he_uniform:
        case Kind::he_normal:
        case Kind::lecun_uniform:
        case Kind::lecun_normal:
        case Kind::variance_scaling: return fill_scaled(out, random);
        case Kind::identity: {
            if (out.rank() != 2)
                throw_shape_error("initializer identity: expects two axes, got " + gradus::to_string(out.shape()));
            set(out, 0);
            const Index cols = out.shape()[1];
            for (Index i = 0; i < cols && i < out.shape()[0]; ++i) out[i * cols + i] = static_cast<T>(numbers_[0]);
            return;
        }
        case Kind::orthogonal: {
            if (out.rank() < 2)
                throw_shape_error("initializer orthogonal: expects at least two axes, got " +
                                  gradus::to_string(out.shape()));
            const Index cols = out.shape()[-1], rows = n / cols;
            std::vector<double> workspace(static_cast<std::size_t>(kernels::orthogonal_workspace(rows, cols)));
            return kernels::orthogonal(out.data(), random, numbers_[0], rows, cols, workspace.data());
        }
        }
    }

    template <class T> static void set(View<T> out, double value) {
        for (T& v : out) v = static_cast<T>(value);
    }

    Kind kind_ = Kind::zeros;
    std::array<double, 2> numbers_{};
    initializers::Mode mode_ = initializers::Mode::fan_in;
    initializers::Distribution distribution_ = initializers::Distribution::truncated_normal;
};

namespace initializers {

inline Initializer zeros() { return Initializer(Initializer::Kind::zeros); }
inline Initializer ones() { return Initializer(Initializer::Kind::ones); }
inline Initializer constant(double value) { return Initializer(Initializer::Kind::constant, value); }
/// Uniform between low and high.
inline Initializer random_uniform(double low = -0.05, double high = 0.05) {
    return Initializer(Initializer::Kind::random_uniform, low, high);
}
inline Initializer random_normal(double mean = 0, double sd = 0.05) {
    return Initializer(Initializer::Kind::random_normal, mean, sd);
}
/// Normal, drawn again beyond two standard deviations; so its own deviation is 0.88 sd.
inline Initializer truncated_normal(double mean = 0, double sd = 0.05) {
    return Initializer(Initializer::Kind::truncated_normal, mean, sd);
}
/// Variance 2 / (in + out). Glorot and Bengio, AISTATS 2010.
inline Initializer glorot_uniform() { return Initializer(Initializer::Kind::glorot_uniform); }
inline Initializer glorot_normal() { return Initializer(Initializer::Kind::glorot_normal); }
/// Variance 2 / in. He et al., ICCV 2015.
inline Initializer he_uniform() { return Initializer(Initializer::Kind::he_uniform); }
inline Initializer he_normal() { return Initializer(Initializer::Kind::he_normal); }
/// Variance 1 / in. LeCun et al., 1998.
inline Initializer lecun_uniform() { return Initializer(Initializer::Kind::lecun_uniform); }
inline Initializer lecun_normal() { return Initializer(Initializer::Kind::lecun_normal); }
/// Orthonormal columns or rows, whichever are fewer, times gain. Saxe et al., ICLR 2014.
inline Initializer orthogonal(double gain = 1) { return Initializer(Initializer::Kind::orthogonal, gain); }
/// Gain on the diagonal, zero elsewhere.
inline Initializer identity(double gain = 1) { return Initializer(Initializer::Kind::identity, gain); }
/// Variance scale / fan. The six above are such.
inline Initializer variance_scaling(double scale = 1, Mode mode = Mode::fan_in,
                                    Distribution distribution = Distribution::truncated_normal) {
    return Initializer(scale, mode, distribution);
}

} // namespace initializers

inline Initializer Initializer::parse(std::string_view text) {
    const auto fail = [&] {
        std::string known;
        for (std::string_view n : names) known += (known.empty() ? "" : ", ") + std::string(n);
        throw_value_error("initializer: expects one of " + known + ", with its numbers in parentheses, got \"" +
                          std::string(text.substr(0, 80)) + "\"");
    };
    const auto position = [&](const auto& list, std::string_view wanted) {
        std::size_t i = 0;
        while (i < list.size() && list[i] != wanted) ++i;
        if (i == list.size()) fail();
        return i;
    };
    detail::CallText call(text);
    const Kind kind = static_cast<Kind>(position(names, call.name));
    if (call.good && call.arguments.empty()) {
        switch (kind) {
        case Kind::constant: return initializers::constant(0);
        case Kind::random_uniform: return initializers::random_uniform();
        case Kind::random_normal: return initializers::random_normal();
        case Kind::truncated_normal: return initializers::truncated_normal();
        case Kind::orthogonal: return initializers::orthogonal();
        case Kind::identity: return initializers::identity();
        case Kind::variance_scaling: return initializers::variance_scaling();
        default: return Initializer(kind);
        }
    }
    const std::size_t words = kind == Kind::variance_scaling ? 2 : 0;
    if (!call.good || count(kind) == 0 || call.arguments.size() != count(kind) + words) fail();
    const double first = call.number(0), second = count(kind) > 1 ? call.number(1) : 0;
    if (!call.good) fail();
    if (!words) return Initializer(kind, first, second);
    return Initializer(first, static_cast<initializers::Mode>(position(modes, call.arguments[1])),
                       static_cast<initializers::Distribution>(position(distributions, call.arguments[2])));
}

GRADUS_END

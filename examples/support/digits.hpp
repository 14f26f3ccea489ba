/// Pictures of digits: MNIST or Fashion-MNIST from a folder, or digits that a small font and random distortions draw,
/// so that the examples need no download.
#pragma once
#include <gradus/core/parallel.hpp>
#include <gradus/core/random.hpp>
#include <gradus/data/idx.hpp>
#include <gradus/io/gzip.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// Pictures [N, 28, 28] from 0 to 1, labels [N] from 0 to 9.
struct Digits {
    gradus::Tensor<float> x_train, x_test;
    gradus::Tensor<std::int32_t> y_train, y_test;
    std::vector<std::string> class_names;
};

namespace detail {

/// Five columns and seven rows for each digit.
inline constexpr std::string_view font[10] = {
    ".###.#...##..###.#.###..##...#.###.", "..#...##....#....#....#....#...###.", ".###.#...#....#...#...#...#...#####",
    "#####...#...#.....#.....##...#.###.", "...#...##..#.#.#..#.#####...#....#.", "######....####.....#....##...#.###.",
    "..##..#...#....####.#...##...#.###.", "#####....#...#...#...#....#....#...", ".###.#...##...#.###.#...##...#.###.",
    ".###.#...##...#.####....#...#..##..",
};

/// Ink of a digit at (u, v), columns and rows of the font: bilinear between the centres of its cells.
inline float ink(std::string_view glyph, float u, float v) {
    const auto cell = [&](int c, int r) {
        return c >= 0 && c < 5 && r >= 0 && r < 7 && glyph[static_cast<std::size_t>(r * 5 + c)] == '#' ? 1.0f : 0.0f;
    };
    const float fu = std::floor(u), fv = std::floor(v);
    const int c = static_cast<int>(fu), r = static_cast<int>(fv);
    const float a = u - fu, b = v - fv;
    return (cell(c, r) * (1 - a) + cell(c + 1, r) * a) * (1 - b) +
           (cell(c, r + 1) * (1 - a) + cell(c + 1, r + 1) * a) * b;
}

/// One picture: the digit scaled, slanted and moved, with a random pen width and noise.
inline void draw_digit(float* picture, int digit, const gradus::Random& random, gradus::Index row) {
    int next = 0;
    const auto uniform = [&](double low, double high) {
        return static_cast<float>(low + (high - low) * random.uniform(row, next++));
    };
    const float width = uniform(2.2, 3.8), height = uniform(2.2, 3.4), slant = uniform(-0.45, 0.45),
                tilt = uniform(-0.25, 0.25);
    const float x0 = uniform(-3, 3), y0 = uniform(-3, 3), pen = uniform(0.25, 0.6), noise = uniform(0, 0.25);
    for (int y = 0; y < 28; ++y)
        for (int x = 0; x < 28; ++x) {
            const float px = (static_cast<float>(x) - 13.5f - x0), py = (static_cast<float>(y) - 13.5f - y0);
            const float u = 2 + (px + slant * py) / width, v = 3 + (py + tilt * px) / height;
            const float value = std::min(1.0f, ink(font[digit], u, v) / pen) + noise * uniform(-1, 1);
            picture[y * 28 + x] = std::clamp(value, 0.0f, 1.0f);
        }
}

inline void draw_digits(gradus::Tensor<float>& x, gradus::Tensor<std::int32_t>& y, gradus::Index n,
                        std::uint64_t seed) {
    x = gradus::Tensor<float>({n, 28, 28});
    y = gradus::Tensor<std::int32_t>(gradus::Shape{n});
    const gradus::Random random(seed, 0, gradus::Purpose::sample);
    for (gradus::Index i = 0; i < n; ++i) {
        y[i] = static_cast<std::int32_t>(i % 10);
        draw_digit(x.data() + i * 28 * 28, static_cast<int>(i % 10), random, i);
    }
}

} // namespace detail

/// Digits that this file draws: n to train on, n / 5 to test.
inline Digits draw_digits(gradus::Index n = 10000) {
    Digits d;
    detail::draw_digits(d.x_train, d.y_train, n, 1);
    detail::draw_digits(d.x_test, d.y_test, n / 5, 2);
    for (int i = 0; i < 10; ++i) d.class_names.push_back(std::to_string(i));
    return d;
}

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k- companions, plain or with .gz. Throws IoError
/// where one is missing or malformed, ShapeError where pictures and labels are not as many.
inline Digits load_digits(const std::filesystem::path& folder) {
    const auto open = [&](const std::string& name, auto read) {
        const auto plain = folder / name, zipped = folder / (name + ".gz");
        if (std::filesystem::exists(plain)) return read(gradus::FileSource(plain.string()));
        return read(gradus::GzipFile(zipped.string()));
    };
    const auto pictures = [&](const std::string& name) {
        const auto bytes = open(name, [](auto&& file) { return gradus::load_idx<std::uint8_t>(file, 3); });
        gradus::Tensor<float> x(bytes.shape());
        for (gradus::Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(bytes[i]) / 255;
        return x;
    };
    const auto labels = [&](const std::string& name) {
        return open(name, [](auto&& file) { return gradus::load_idx<std::int32_t>(file, 1); });
    };
    Digits d{pictures("train-images-idx3-ubyte"),
             pictures("t10k-images-idx3-ubyte"),
             labels("train-labels-idx1-ubyte"),
             labels("t10k-labels-idx1-ubyte"),
             {}};
    for (const auto& [x, y] : {std::pair{&d.x_train, &d.y_train}, std::pair{&d.x_test, &d.y_test}})
        if (x->shape()[0] != y->shape()[0])
            gradus::throw_shape_error(folder.string() + ": expects a label for each picture, got " +
                                      to_string(x->shape()) + " and " + to_string(y->shape()));
    if (folder.filename().string().find("fashion") != std::string::npos)
        d.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                         "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    else
        for (int i = 0; i < 10; ++i) d.class_names.push_back(std::to_string(i));
    return d;
}

/// A picture as text, two characters a pixel.
inline std::string show_digit(gradus::View<const float> picture) {
    static constexpr std::string_view shades = " .:-=+*#%@";
    std::string s;
    for (gradus::Index y = 0; y < 28; ++y, s += '\n')
        for (gradus::Index x = 0; x < 28; ++x)
            s.append(2, shades[static_cast<std::size_t>(std::min(9.0f, std::max(0.0f, picture[y * 28 + x]) * 10))]);
    return s;
}

} // namespace examples

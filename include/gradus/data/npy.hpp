/// load_npy: one array of numpy. Archives of several, and writing, are in gradus/io.hpp: NpzFile, save_npy, save_npz.
///
/// "\x93NUMPY", version, the header's size (two bytes, from version 2 on four), a header that is a Python dict literal
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, then the elements. numpy.org/doc/stable,
/// numpy.lib.format.
#pragma once
#include <gradus/data/detail/elements.hpp>

#include <charconv>
#include <string_view>

GRADUS_BEGIN

namespace detail {

/// What the header of an array says.
struct NpyHeader {
    std::string descr; ///< numpy's name of the element type: "<f4"
    StoredType type;
    Shape shape;
};

/// Parses the dict literal of an .npy header; no other Python is understood.
class NpyHeaderParser {
public:
    NpyHeaderParser(std::string_view text, const ByteSource& source) : text_(text), source_(source) {}

    NpyHeader parse() {
        NpyHeader h;
        bool descr = false, order = false, shape = false;
        expect('{');
        while (!take('}')) {
            const std::string_view key = quoted();
            expect(':');
            if (key == "descr" && !std::exchange(descr, true)) {
                skip();
                if (at_ < text_.size() && text_[at_] == '[')
                    source_.fail("holds records (a structured dtype), which is not supported");
                h.descr = quoted();
            } else if (key == "fortran_order" && !std::exchange(order, true)) {
                if (take_word("True"))
                    source_.fail("is in Fortran order, which is not supported; save numpy.ascontiguousarray(x)");
                if (!take_word("False")) fail("True or False");
            } else if (key == "shape" && !std::exchange(shape, true)) {
                h.shape = tuple();
            } else {
                source_.fail("header: expects descr, fortran_order and shape, each once, got \"" +
                             std::string(key.substr(0, 40)) + "\"");
            }
            if (!take(',')) {
                expect('}');
                break;
            }
        }
        skip();
        if (at_ != text_.size()) fail("its end");
        if (!descr || !order || !shape) source_.fail("header: expects descr, fortran_order and shape, got fewer");
        h.type = stored_type(h.descr);
        return h;
    }

private:
    [[noreturn]] GRADUS_COLD void fail(const char* expected) const {
        source_.fail("header, character " + std::to_string(at_) + ": expects " + expected);
    }
    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || (text_[at_] >= '\t' && text_[at_] <= '\r'))) ++at_;
    }
    bool take(char c) {
        skip();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        const char what[] = {'\'', c, '\'', 0};
        if (!take(c)) fail(what);
    }
    bool take_word(std::string_view word) {
        skip();
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    std::string_view quoted() {
        skip();
        const char quote = at_ < text_.size() ? text_[at_] : '\0';
        if (quote != '\'' && quote != '"') fail("a quoted text");
        const std::size_t begin = ++at_, end = text_.find(quote, begin);
        if (end == std::string_view::npos) fail("a quoted text that ends");
        at_ = end + 1;
        return text_.substr(begin, end - begin);
    }
    Shape tuple() {
        Shape shape;
        expect('(');
        while (!take(')')) {
            skip();
            Index n = 0;
            const char* const begin = text_.data() + at_;
            const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), n);
            if (error != std::errc() || n < 0) fail("a size from 0 to 2^63 - 1");
            at_ += static_cast<std::size_t>(end - begin);
            if (shape.rank() == Shape::max_rank) source_.fail("header: expects at most 8 axes, got more");
            shape.push_back(n);
            if (!take(',')) {
                expect(')');
                break;
            }
        }
        return shape;
    }
    StoredType stored_type(const std::string& descr) const {
        const std::string_view d = descr;
        if (d.find('O') != std::string_view::npos)
            source_.fail("holds Python objects (dtype \"" + descr.substr(0, 40) +
                         "\"), which are programs and are not read; save numbers");
        const bool ordered = d.size() == 3 && (d[0] == '<' || d[0] == '>' || d[0] == '|' || d[0] == '=');
        const int bytes = ordered ? d[2] - '0' : 0;
        const char kind = ordered ? d[1] : '?';
        const bool known = kind == 'b' ? bytes == 1
                           : kind == 'f'
                               ? bytes == 2 || bytes == 4 || bytes == 8
                               : (kind == 'i' || kind == 'u') && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
        if (!known || (d[0] == '|' && bytes > 1))
            source_.fail("expects numbers of dtype b1, i1 to i8, u1 to u8 or f2 to f8, got \"" + descr.substr(0, 40) +
                         "\"");
        const bool native_big = std::endian::native == std::endian::big;
        return {kind == 'f'   ? StoredType::floating
                : kind == 'i' ? StoredType::signed_integer
                              : StoredType::unsigned_integer,
                bytes, d[0] == '>' || (d[0] == '=' && native_big)};
    }

    std::string_view text_;
    const ByteSource& source_;
    std::size_t at_ = 0;
};

/// Leaves the source at the first element.
inline NpyHeader read_npy_header(ByteSource& source) {
    constexpr Index limit = 1 << 20;
    std::uint8_t begin[8], size[4] = {};
    source.read(begin, 8, "an .npy header");
    if (std::memcmp(begin, "\x93NUMPY", 6) != 0)
        source.fail("is no .npy file: expects the bytes 93 NUMPY at its begin");
    if (begin[6] < 1 || begin[6] > 3)
        source.fail("byte 6: expects version 1, 2 or 3 of the .npy format, got " + std::to_string(begin[6]));
    source.read(size, begin[6] == 1 ? 2 : 4, "an .npy header");
    const Index n = Index{size[0]} | Index{size[1]} << 8 | Index{size[2]} << 16 | Index{size[3]} << 24;
    if (n > limit) source.fail("byte 8: expects a header of at most 1048576 bytes, got " + std::to_string(n));
    if (n > source.bound()) source.fail("byte 8: a header of " + std::to_string(n) + " bytes ends beyond the file");
    std::string text(static_cast<std::size_t>(n), '\0');
    source.read(text.data(), n, "an .npy header");
    return NpyHeaderParser(text, source).parse();
}

/// Magic and header of an array, as numpy writes them: its size is a multiple of 64.
inline std::string npy_header(Dtype dtype, const Shape& shape) {
    static constexpr const char* names[] = {"<f4", "<f8", "<i4", "|u1"};
    std::string text =
        std::string("{'descr': '") + names[static_cast<int>(dtype)] + "', 'fortran_order': False, 'shape': (";
    for (Index i = 0; i < shape.rank(); ++i)
        text += (i ? " " : "") + std::to_string(shape[i]) + (i + 1 < shape.rank() || i == 0 ? "," : "");
    text += "), }";
    text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
    text += '\n';
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() & 255) +
           static_cast<char>(text.size() >> 8) + text;
}

/// An array from where the source stands to its end.
template <class T> Tensor<T> read_npy(ByteSource& source) {
    const NpyHeader h = read_npy_header(source);
    Tensor<T> out = read_elements<T>(source, h.type, h.shape);
    source.expect_end();
    return out;
}

} // namespace detail

/// Reads a file that numpy.save wrote (versions 1 to 3) as a tensor of T. bool, whole and floating numbers of any width
/// and byte order are read; they become T where T can hold them: int64 becomes std::int32_t where every value fits,
/// whole numbers become float, floating ones never whole ones.
///
///     auto x = load_npy("x.npy");  // Tensor<float>
///     auto y = load_npy<std::int32_t>("y.npy");
///
/// Throws IoError that names the file where it is missing or no .npy file, holds objects, records, text or Fortran
/// order, is cut short or too long, or its elements do not become T.
template <Element T = float> Tensor<T> load_npy(ByteSource& source) { return detail::read_npy<T>(source); }
template <Element T = float> Tensor<T> load_npy(ByteSource&& source) { return detail::read_npy<T>(source); }
template <Element T = float> Tensor<T> load_npy(const std::string& path) { return load_npy<T>(FileSource(path)); }

GRADUS_END

#include "../catch.hpp"
#include "../io/temporary_folder.hpp"

#include <gradus/data/idx.hpp>

using namespace gradus;

namespace {

std::string big_endian(std::uint64_t value, int bytes) {
    std::string s;
    for (int i = bytes - 1; i >= 0; --i) s += static_cast<char>(value >> (8 * i));
    return s;
}

std::string idx(int type, const std::vector<std::uint32_t>& sizes, const std::string& data) {
    std::string s{'\0', '\0', static_cast<char>(type), static_cast<char>(sizes.size())};
    for (const auto n : sizes) s += big_endian(n, 4);
    return s + data;
}

template <class T = std::uint8_t> Tensor<T> load(const std::string& bytes, Index rank = 0) {
    return load_idx<T>(MemorySource(std::as_bytes(std::span(bytes.data(), bytes.size())), "x.idx"), rank);
}

template <class T = std::uint8_t>
void check_refused(const std::string& bytes, const std::string& what, Index rank = 0) {
    INFO(what);
    try {
        load<T>(bytes, rank);
        FAIL("accepted");
    } catch (const IoError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring("x.idx: "));
        CHECK_THAT(std::string(e.what()), ContainsSubstring(what));
    }
}

} // namespace

TEST_CASE("load_idx reads every element type") {
    const auto bytes = load(idx(0x08, {2, 3}, std::string("\x00\x01\x02\x7f\x80\xff", 6)));
    CHECK(bytes.shape() == Shape{2, 3});
    CHECK(std::vector<std::uint8_t>(bytes.begin(), bytes.end()) == std::vector<std::uint8_t>{0, 1, 2, 127, 128, 255});
    const auto small = load<std::int32_t>(idx(0x09, {2}, "\x80\x7f"));
    CHECK((small[0] == -128 && small[1] == 127));
    const auto half = load<std::int32_t>(idx(0x0b, {2}, big_endian(0x8000, 2) + big_endian(258, 2)));
    CHECK((half[0] == -32768 && half[1] == 258));
    const auto whole = load<double>(idx(0x0c, {1, 1}, big_endian(0xfffffffe, 4)));
    CHECK(whole[0] == -2);
    const auto single = load<float>(idx(0x0d, {1}, big_endian(std::bit_cast<std::uint32_t>(1.5f), 4)));
    CHECK(single[0] == 1.5f);
    const auto wide = load<double>(idx(0x0e, {1}, big_endian(std::bit_cast<std::uint64_t>(-1e300), 8)));
    CHECK(wide[0] == -1e300);
    CHECK(load<float>(idx(0x08, {1}, "\xff"))[0] == 255);
    CHECK(load<std::int32_t>(idx(0x08, {1}, "\xff"))[0] == 255);
    CHECK(load<std::uint8_t>(idx(0x0c, {1}, big_endian(200, 4)))[0] == 200);
    CHECK(load(idx(0x08, {0, 28, 28}, "")).shape() == Shape{0, 28, 28});
    // More elements than one chunk.
    std::string many;
    for (int i = 0; i < 20000; ++i) many += big_endian(static_cast<std::uint64_t>(i), 4);
    const auto counted = load<std::int32_t>(idx(0x0c, {20000}, many));
    for (Index i = 0; i < 20000; ++i) REQUIRE(counted[i] == i);
}

TEST_CASE("load_idx reads files") {
    const TemporaryFolder folder;
    write_bytes(folder / "x", idx(0x08, {3}, "abc"));
    CHECK(load_idx(folder / "x", 1)[2] == 'c');
    CHECK_THROWS_AS(load_idx(folder / "none"), IoError);
    CHECK_THROWS_AS(load_idx(folder / "."), IoError);
}

TEST_CASE("load_idx refuses malformed files") {
    const std::string good = idx(0x08, {2, 2}, "abcd");
    CHECK_NOTHROW(load(good, 2));
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_THROWS_AS(load(good.substr(0, n)), IoError);
    check_refused(good.substr(0, 3), "byte 0: expects 4 bytes of an IDX header, got 3; the file is cut short");
    check_refused(good.substr(0, 15), "byte 12: expects uint8 [2, 2] as its header says, got at most 3 bytes");
    check_refused(good + "x", "expects its end at byte 16, got more bytes");
    check_refused(good, "byte 3: expects 3 axes, got 2", 3);
    check_refused("\x01" + good.substr(1), "is no IDX file: expects bytes 00 00, an element type");
    check_refused(idx(0x0a, {1}, "a"), "got 00 00 0a 01");
    check_refused(idx(0x08, {}, ""), "byte 3: expects 1 to 8 axes, got 0");
    check_refused(idx(0x08, std::vector<std::uint32_t>(9, 1), "a"), "byte 3: expects 1 to 8 axes, got 9");
    check_refused("\x1f\x8b\x08" + std::string(20, '\0'),
                  "is compressed with gzip: GzipFile of gradus/io.hpp reads it");
    check_refused("P5 28 28 255 ...", "is no IDX file");
    // Sizes that lie, and sizes whose product overflows: refused before memory is taken.
    check_refused(idx(0x0e, {0xffffffff, 2}, "abcd"),
                  "expects float64 [4294967295, 2] as its header says, got at most 4 bytes");
    check_refused(idx(0x08, std::vector<std::uint32_t>(8, 0xffffffff), "abcd"), "more elements than 2^63 - 1");
    check_refused(idx(0x0e, {1u << 31, 1u << 31, 2}, ""), "more elements than 2^63 - 1");
    // Elements that the wanted type does not hold.
    check_refused<std::int32_t>(idx(0x0d, {1}, "abcd"),
                                "holds float32, which does not become int32; read it as float or double");
    check_refused(idx(0x0c, {2}, big_endian(1, 4) + big_endian(256, 4)), "element 1: expects uint8, got 256");
    check_refused(idx(0x09, {1}, "\xff"), "element 0: expects uint8, got -1");
}

#include "../catch.hpp"
#include "../io/temporary_folder.hpp"

#include <gradus/data/npy.hpp>

#include <cmath>
#include <cstring>

using namespace gradus;

namespace {

std::string npy(const std::string& header, const std::string& data = "", int version = 1) {
    std::string s = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i) s += static_cast<char>(header.size() >> (8 * i));
    return s + header + data;
}
std::string typed(const std::string& descr, const std::string& shape, const std::string& data) {
    return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n", data);
}
template <class T> std::string bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <class T = float> Tensor<T> load(const std::string& bytes) {
    return load_npy<T>(MemorySource(std::as_bytes(std::span(bytes.data(), bytes.size())), "x.npy"));
}

template <class T = float> void check_refused(const std::string& bytes, const std::string& what) {
    INFO(what);
    try {
        load<T>(bytes);
        FAIL("accepted");
    } catch (const IoError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring("x.npy: "));
        CHECK_THAT(std::string(e.what()), ContainsSubstring(what));
    }
}

const std::string floats = bytes_of<float>({1.5f, -2, 3, 4, 5, 6});

} // namespace

TEST_CASE("load_npy reads what numpy writes") {
    const auto x = load(typed("<f4", "(2, 3)", floats));
    CHECK(x.shape() == Shape{2, 3});
    CHECK((x(0, 0) == 1.5f && x(1, 2) == 6));
    CHECK(load(typed("<f4", "(6,)", floats)).shape() == Shape{6});
    CHECK(load(typed("<f4", "()", floats.substr(0, 4))).shape() == Shape{});
    CHECK(load(typed("<f4", "(0, 7)", "")).shape() == Shape{0, 7});
    for (int version : {1, 2, 3})
        CHECK(load(npy("{\"shape\":(6),\"fortran_order\":False,\"descr\":\"<f4\"}", floats, version))[5] == 6);

    CHECK(load<double>(typed("<f8", "(1,)", bytes_of<double>({1e300})))[0] == 1e300);
    CHECK(load<double>(typed("<f4", "(6,)", floats))[0] == 1.5);
    CHECK(load<float>(typed("<f8", "(1,)", bytes_of<double>({0.1})))[0] == 0.1f);
    CHECK(load<std::int32_t>(typed("<i4", "(2,)", bytes_of<std::int32_t>({-5, 7})))[0] == -5);
    CHECK(load<std::int32_t>(typed("<i8", "(2,)", bytes_of<std::int64_t>({-2147483648LL, 2147483647})))[0] ==
          -2147483647 - 1);
    CHECK(load<std::uint8_t>(typed("|u1", "(3,)", "\x01\x02\xff"))[2] == 255);
    CHECK(load<std::uint8_t>(typed("|b1", "(2,)", std::string("\x00\x01", 2)))[1] == 1);
    CHECK(load<std::int32_t>(typed("<u2", "(1,)", "\xff\xff"))[0] == 65535);
    CHECK(load<float>(typed("|i1", "(1,)", "\xff"))[0] == -1);
    CHECK(load<float>(typed("<i8", "(1,)", bytes_of<std::int64_t>({1LL << 40})))[0] == 0x1p40f);
    CHECK(load<float>(typed(">f4", "(1,)", std::string("\x3f\xc0\x00\x00", 4)))[0] == 1.5f);
    const auto halves =
        load<float>(typed("<f2", "(6,)", bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x8000, 0x7c00, 0x7bff})));
    CHECK((halves[0] == 1 && halves[1] == -2 && halves[2] == 0x1p-24f && halves[4] == INFINITY && halves[5] == 65504));
    CHECK((halves[3] == 0 && std::signbit(halves[3])));
    CHECK(std::isnan(load<float>(typed("<f2", "(1,)", "\x01\x7e"))[0]));
}

TEST_CASE("npy headers equal numpy's") {
    // numpy.save of float32 zeros((2, 3)), int32 zeros((5,)), uint8 zeros(()).
    const std::string a = detail::npy_header(Dtype::f32, {2, 3});
    CHECK(a.size() == 128);
    CHECK(a.substr(0, 10) == std::string("\x93NUMPY\x01\x00v\x00", 10));
    CHECK(a.substr(10, 60) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
    CHECK(a.back() == '\n');
    CHECK_THAT(detail::npy_header(Dtype::i32, {5}),
               ContainsSubstring("{'descr': '<i4', 'fortran_order': False, 'shape': (5,), }"));
    CHECK_THAT(detail::npy_header(Dtype::u8, {}),
               ContainsSubstring("{'descr': '|u1', 'fortran_order': False, 'shape': (), }"));
    CHECK(detail::npy_header(Dtype::f64, {1, 2, 3, 4, 5, 6, 7, 8}).size() % 64 == 0);
    CHECK(load<double>(detail::npy_header(Dtype::f64, {0})).size() == 0);
}

TEST_CASE("load_npy refuses malformed files") {
    const std::string good = typed("<f4", "(2, 3)", floats);
    CHECK_NOTHROW(load(good));
    for (std::size_t n = 0; n < good.size(); ++n) CHECK_THROWS_AS(load(good.substr(0, n)), IoError);
    check_refused(good + "x", "expects its end at byte");
    check_refused("PK\x03\x04" + good, "is no .npy file");
    check_refused(npy("{}", "", 4), "byte 6: expects version 1, 2 or 3 of the .npy format, got 4");
    check_refused(npy("{}", "", 0), "byte 6: expects version 1, 2 or 3");
    check_refused(std::string("\x93NUMPY\x02\x00\xff\xff\xff\x7f{}", 14),
                  "byte 8: expects a header of at most 1048576 bytes, got 2147483647");
    check_refused(std::string("\x93NUMPY\x01\x00\xff\x7f{}", 12),
                  "byte 8: a header of 32767 bytes ends beyond the file");

    check_refused(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "abcd"),
                  "holds Python objects (dtype \"|O\")");
    check_refused(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", floats),
                  "is in Fortran order, which is not supported; save numpy.ascontiguousarray(x)");
    check_refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"), "holds records");
    for (const char* type : {"<U3", "|S4", "<c8", "<f3", "<f16", "<i3", "|i4", "<M8[ns]", "f4", "", "<b2"})
        check_refused(typed(type, "(1,)", "abcd"), "expects numbers of dtype");

    // Sizes that lie or overflow are refused before memory is taken.
    check_refused(typed("<f8", "(1000000000, 1000000000)", floats),
                  "expects float64 [1000000000, 1000000000] as its header says, got at most 24 bytes");
    check_refused(typed("<f4", "(4294967296, 4294967296)", floats), "more elements than 2^63 - 1");
    check_refused(typed("<f4", "(9223372036854775808,)", floats), "expects a size from 0 to 2^63 - 1");
    check_refused(typed("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", floats), "expects at most 8 axes");
    check_refused(typed("<f4", "(-6,)", floats), "expects a size");
    check_refused(typed("<f4", "(6.0,)", floats), "expects ')'");
    check_refused(typed("<f4", "6", floats), "expects '('");

    for (const char* header :
         {"", "{", "}", "[]", "{'descr'", "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "{'descr': <f4}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "{'descr': '<f4' 'fortran_order': False}",
          "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (6,", "{'more': '<f4'}", "__import__('os')"})
        CHECK_THROWS_AS(load(npy(header, floats)), IoError);
    check_refused(npy("{'evil': 1}"), "expects descr, fortran_order and shape, each once, got \"evil\"");

    check_refused<std::int32_t>(typed("<i8", "(2,)", bytes_of<std::int64_t>({1, 1LL << 31})),
                                "element 1: expects int32, got 2147483648");
    check_refused<std::uint8_t>(typed("<i4", "(1,)", bytes_of<std::int32_t>({-1})), "element 0: expects uint8, got -1");
    check_refused<std::int32_t>(typed("<f4", "(6,)", floats), "holds float32, which does not become int32");
}

TEST_CASE("load_npy reads files") {
    const TemporaryFolder folder;
    write_bytes(folder / "x.npy", typed("<f4", "(2, 3)", floats));
    CHECK(load_npy(folder / "x.npy")(1, 0) == 4);
    CHECK_THROWS_AS(load_npy(folder / "none.npy"), IoError);
}

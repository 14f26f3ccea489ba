#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/core/random.hpp>
#include <gradus/io/safetensors.hpp>

#include <cmath>
#include <cstring>
#include <limits>

using namespace gradus;

namespace {

std::string file_of(const std::string& header, std::size_t data_bytes, std::uint64_t size) {
    std::string s(8, '\0');
    std::memcpy(s.data(), &size, 8);
    return s + header + std::string(data_bytes, 'd');
}
std::string file_of(const std::string& header, std::size_t data_bytes = 0) {
    return file_of(header, data_bytes, header.size());
}

SafetensorsFile parse(const std::string& bytes) {
    return SafetensorsFile::parse(std::as_bytes(std::span(bytes.data(), bytes.size())), "x.safetensors");
}

std::string tensor_json(const std::string& name, const std::string& type, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

// Expects an IoError that names the file and says `what`.
void check_refused(const std::string& bytes, const std::string& what) {
    INFO(what);
    try {
        parse(bytes);
        FAIL("accepted");
    } catch (const IoError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring("x.safetensors: not a valid safetensors file: "));
        CHECK_THAT(std::string(e.what()), ContainsSubstring(what));
    }
}

// Accepted or refused with an IoError; whatever is accepted can be read through.
void check_survives(const std::string& bytes) {
    try {
        const SafetensorsFile f = parse(bytes);
        unsigned sum = 0;
        for (const TensorEntry& e : f.entries())
            for (std::byte b : f.bytes(e)) sum += static_cast<unsigned>(b);
        REQUIRE(sum < std::numeric_limits<unsigned>::max());
    } catch (const IoError&) {}
}

} // namespace

TEST_CASE("safetensors round trip") {
    const TemporaryFolder folder;
    const auto bytes = tensor<std::uint8_t>({1, 2, 3});
    const auto ids = tensor<std::int32_t>({{-1, 7}, {2147483647, -2147483647 - 1}});
    auto weights = tensor<float>({{1.5f, -0.0f, 3}, {4, 5, 6}});
    weights[4] = std::numeric_limits<float>::quiet_NaN();
    weights[5] = -std::numeric_limits<float>::infinity();
    const auto wide = tensor<double>({1e300});
    const Tensor<float> none(Shape{0, 4}), scalar(Shape{}, 2.5f);
    const SafetensorsMetadata metadata{{"format", "pt"}, {"quote\"\n", "h\xC3\xA9"}};
    write_safetensors(folder / "a",
                      {{"bytes", bytes.view()},
                       {"ids", ids.view()},
                       {"weights", weights.view()},
                       {"wide", wide.view()},
                       {"none", none.view()},
                       {"scalar", scalar.view()}},
                      metadata);
    CHECK(folder.files() == 1);

    const SafetensorsFile f = SafetensorsFile::read(folder / "a");
    CHECK(f.metadata() == metadata);
    REQUIRE(f.entries().size() == 6);
    CHECK(f.entries()[0].name == "bytes");
    CHECK(f.entries()[3].name == "wide");
    CHECK(f.entries()[3].dtype == Dtype::f64);
    for (const TensorEntry& e : f.entries()) CHECK(e.begin % size_of(*e.dtype) == 0);
    CHECK(f.tensor<std::uint8_t>("bytes")[2] == 3);
    CHECK(f.tensor<std::int32_t>("ids")(1, 1) == -2147483647 - 1);
    const Tensor<float> back = f.tensor<float>("weights");
    CHECK(back.shape() == weights.shape());
    CHECK(std::memcmp(back.data(), weights.data(), 24) == 0);
    CHECK(f.tensor<double>("wide")[0] == 1e300);
    CHECK(f.tensor<float>("none").shape() == Shape{0, 4});
    CHECK(f.tensor<float>("scalar").rank() == 0);
    CHECK(f.tensor<float>("scalar")[0] == 2.5f);
    CHECK(f.tensor<double>("scalar")[0] == 2.5);
    CHECK(std::isinf(f.tensor<float>("wide")[0]));

    std::uint64_t header = 0;
    std::memcpy(&header, read_bytes(folder / "a").data(), 8);
    CHECK(header % 8 == 0);
}

TEST_CASE("safetensors without tensors or metadata") {
    const TemporaryFolder folder;
    write_safetensors(folder / "a", std::vector<NamedView>());
    CHECK(SafetensorsFile::read(folder / "a").entries().empty());
    CHECK(parse(file_of("{}")).entries().empty());
    CHECK(parse(file_of("{ \n}   ")).entries().empty());
}

TEST_CASE("safetensors of another writer: any order, unaligned, foreign types, unknown keys") {
    const std::string header = "{" + tensor_json("b", "F32", "[1]", "[3,7]") + "," +
                               "\"a\":{\"x\":{\"y\":[[{}],null,1.5,\"s\",true]},\"data_offsets\":[0,3],\"shape\":[3],"
                               "\"dtype\":\"U8\",\"z\":[]}," +
                               tensor_json("c", "BF16", "[2]", "[7,11]") + "," +
                               tensor_json("d", "F4", "[2]", "[11,12]") + "} ";
    std::string bytes = file_of(header, 12);
    const float value = 1.25f;
    std::memcpy(bytes.data() + 8 + header.size() + 3, &value, 4);
    const SafetensorsFile f = parse(bytes);
    CHECK(f.tensor<float>("b")[0] == 1.25f);
    CHECK(f.tensor<std::uint8_t>("a")[1] == 'd');
    CHECK(f.at("c").type == "BF16");
    CHECK_FALSE(f.at("c").dtype.has_value());
    CHECK(f.bytes(f.at("c")).size() == 4);
    CHECK_THROWS_WITH(f.tensor<float>("c"), ContainsSubstring("tensor \"c\": expects F32, got BF16"));
    CHECK_THROWS_WITH(f.tensor<float>("a"), ContainsSubstring("expects F32, got U8"));
    CHECK_THROWS_WITH(f.tensor<float>("q"), ContainsSubstring("\"q\""));
    CHECK(f.find("q") == nullptr);
    Tensor<float> wrong(Shape{1, 1});
    CHECK_THROWS_WITH(f.copy_to(f.at("b"), wrong.view()), ContainsSubstring("expects shape [1, 1], got [1]"));
}

TEST_CASE("safetensors refuses broken sizes and headers") {
    check_refused("", "at least 8 bytes");
    check_refused("1234567", "at least 8 bytes");
    const auto check_other = [](const std::string& bytes, const char* what) {
        CHECK_THROWS_WITH(parse(bytes),
                          ContainsSubstring("x.safetensors: is no safetensors file") && ContainsSubstring(what));
    };
    check_other(file_of("{}", 0, 100000001),
                ": bytes 0 to 7: expects a header of at most 100000000 bytes, got 100000001");
    check_other(file_of("{}", 0, ~std::uint64_t{0}), "at most 100000000");
    check_other("hello world, this is no model", ": bytes 0 to 7");
    check_other("PK\x03\x04 and more", " but a zip archive, as PyTorch and Keras write: bytes 0 to 7");
    check_other("\x89HDF\r\n\x1a\n and more", " but an HDF5 file, as Keras wrote: bytes 0 to 7");
    check_refused(file_of("{}", 0, 3), "a header of 3 bytes ends beyond the file's 10");
    check_refused(file_of(""), "byte 8: expects '{'");
    check_refused(file_of(" {}"), "byte 8: expects '{'");
    check_refused(file_of("[]"), "byte 8: expects '{'");
    check_refused(file_of("{}x"), "byte 11");
    check_refused(file_of("{\"a\":"), "unexpected end of input");
    check_refused(file_of("{\"\xFF\":{}}"), "ill-formed UTF-8");
    check_refused(file_of(std::string("{}\0\0", 4)), "byte 10: expects JSON, got a zero byte");
    check_refused(file_of("{\"a\":{}}"), "lacks \"dtype\"");
    check_refused(file_of("{\"a\":1}"), "\"a\" expects an object, got the number 1");
    check_refused(file_of("{\"a\":[]}"), "\"a\" expects an object, got a list");
    check_refused(file_of("{\"a\":null}"), "got null");
    check_refused(file_of("{\"__metadata__\":{\"k\":1}}"), "\"k\" expects a string, got the number 1");
    check_refused(file_of("{\"__metadata__\":{\"k\":{}}}"), "\"k\" expects a string, got an object");
    check_refused(file_of("{\"__metadata__\":[]}"), "expects an object");
    check_refused(file_of("{\"a\":{\"dtype\":4}}"), "dtype expects a string, got the number 4");
    check_refused(file_of("{\"a\":{\"dtype\":{}}}"), "dtype expects a string, got an object");
    check_refused(file_of("{" + tensor_json("a", "F32", "[-1]", "[0,4]") + "}", 4), "got the number -1");
    check_refused(file_of("{" + tensor_json("a", "F32", "[1.0]", "[0,4]") + "}", 4), "got the number 1.0");
    check_refused(file_of("{" + tensor_json("a", "F32", "[99999999999999999999]", "[0,4]") + "}", 4), "got the number");
    check_refused(file_of("{" + tensor_json("a", "F32", "[9223372036854775808]", "[0,4]") + "}", 4), "below 2^63");
    check_refused(file_of("{" + tensor_json("a", "F32", "[[1]]", "[0,4]") + "}", 4), "got a list");
    check_refused(file_of("{" + tensor_json("a", "F32", "4", "[0,4]") + "}", 4), "got the number 4");
    check_refused(file_of("{" + tensor_json("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4), "at most 8 axes");
    check_refused(file_of("{" + tensor_json("a", "F32", "[1]", "[0]") + "}", 4), "two offsets, got 1");
    check_refused(file_of("{" + tensor_json("a", "F32", "[1]", "[0,4,4]") + "}", 4), "two offsets");
}

TEST_CASE("safetensors refuses duplicates") {
    const std::string a = tensor_json("a", "U8", "[1]", "[0,1]");
    check_refused(file_of("{" + a + "," + a + "}", 1), "the name \"a\" stands twice");
    check_refused(file_of("{\"__metadata__\":{},\"__metadata__\":{}}"), "stands twice");
    check_refused(file_of("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "\"k\" twice");
    check_refused(file_of("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1),
                  "\"dtype\" twice");
    std::string many = "{\"a\":{";
    for (int i = 0; i < 40; ++i) many += "\"k" + std::to_string(i) + "\":0,";
    check_refused(file_of(many + "\"dtype\":\"U8\"}}"), "at most 32 keys");
}

TEST_CASE("safetensors refuses offsets that lie") {
    auto one = [](const std::string& type, const std::string& shape, const std::string& offsets, std::size_t data) {
        return file_of("{" + tensor_json("a", type, shape, offsets) + "}", data);
    };
    check_refused(one("F128", "[1]", "[0,16]", 16), "unknown dtype \"F128\"");
    check_refused(one("F32", "[1]", "[4,0]", 4), "begin <= end, got [4, 0]");
    check_refused(one("F32", "[2]", "[0,4]", 4), "[2] of F32 expects 8 bytes, data_offsets spans 4");
    check_refused(one("F4", "[1]", "[0,1]", 1), "expects 4 bits");
    check_refused(one("F32", "[4294967296,4294967296]", "[0,0]", 0), "2^63 - 1");
    check_refused(one("F64", "[2305843009213693952]", "[0,0]", 0), "2^63 - 1 bits");
    check_refused(one("U8", "[4]", "[0,4]", 3), "the tensors fill 4 bytes, the file holds 3");
    check_refused(one("U8", "[4]", "[0,4]", 5), "the tensors fill 4 bytes, the file holds 5");
    check_refused(one("U8", "[4]", "[1,5]", 5), "expects to begin at byte 0 of the data, got 1 (a hole before it)");
    check_refused(one("U8", "[0]", "[9,9]", 0), "a hole");
    const std::string a = tensor_json("a", "U8", "[4]", "[0,4]");
    check_refused(file_of("{" + a + "," + tensor_json("b", "U8", "[4]", "[3,7]") + "}", 7),
                  "tensor \"b\": expects to begin at byte 4 of the data, got 3 (it overlaps another)");
    check_refused(file_of("{" + a + "," + tensor_json("b", "U8", "[4]", "[0,4]") + "}", 4), "overlaps");
    check_refused(file_of("{" + a + "," + tensor_json("b", "U8", "[1]", "[5,6]") + "}", 6), "a hole");
    check_refused(file_of("{}", 1), "the tensors fill 0 bytes, the file holds 1");
}

TEST_CASE("safetensors is not hurt by nesting") {
    const std::string deep(1000000, '[');
    check_survives(file_of("{\"a\":{\"x\":" + deep));
    check_survives(file_of("{\"a\":{\"x\":" + deep + std::string(1000000, ']') + "}}"));
    check_survives(file_of("{\"a\":" + deep));
    std::string objects;
    for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
    check_survives(file_of(objects));
}

TEST_CASE("safetensors survives truncation and flipped bytes") {
    const TemporaryFolder folder;
    const auto w = tensor<float>({{1, 2}, {3, 4}});
    const auto b = tensor<std::uint8_t>({1, 2, 3});
    write_safetensors(folder / "a", {{"w", w.view()}, {"b", b.view()}}, {{"format", "pt"}});
    const std::string good = read_bytes(folder / "a");
    for (std::size_t n = 0; n < good.size(); ++n) {
        INFO(n);
        CHECK_THROWS_AS(parse(good.substr(0, n)), IoError);
    }
    CHECK_THROWS_AS(parse(good + "x"), IoError);
    for (std::size_t i = 0; i < good.size(); ++i)
        for (int bit = 0; bit < 8; ++bit) {
            std::string bad = good;
            bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
            check_survives(bad);
        }
    const Random random(1, 1, Purpose::sample);
    static const char interesting[] = {'{', '}', '[', ']', '"',  ',',  ':',    '0',
                                       '9', '-', '.', 'e', '\\', '\0', '\x7f', '\xff'};
    for (Index round = 0; round < 20000; ++round) {
        std::string bad = good;
        const Index changes = 1 + random.below(round, 0, 4);
        for (Index c = 0; c < changes; ++c) {
            const auto at = static_cast<std::size_t>(random.below(round, 3 * c + 1, static_cast<Index>(bad.size())));
            switch (random.below(round, 3 * c + 2, 3)) {
            case 0: bad[at] = interesting[random.below(round, 3 * c + 3, sizeof interesting)]; break;
            case 1: bad.erase(at, 1); break;
            default: bad.insert(at, 1, interesting[random.below(round, 3 * c + 3, sizeof interesting)]); break;
            }
        }
        check_survives(bad);
    }
}

TEST_CASE("safetensors that cannot be read or written") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(SafetensorsFile::read(folder / "none"), ContainsSubstring("none: cannot be opened"));
    CHECK_THROWS_AS(SafetensorsFile::read(folder / "."), IoError);
    const auto t = tensor<float>({1, 2});
    write_bytes(folder / "a", "old");
    CHECK_THROWS_AS(write_safetensors(folder / "a", {{"x", t.view()}, {"x", t.view()}}), ValueError);
    CHECK_THROWS_AS(write_safetensors(folder / "a", {{"__metadata__", t.view()}}), ValueError);
    CHECK_THROWS_AS(write_safetensors(folder / "a", {{"\xFF", t.view()}}), ValueError);
    CHECK_THROWS_AS(write_safetensors(folder / "a", {{"x", t.view()}}, {{"k", "\xFF"}}), ValueError);
    CHECK_THROWS_AS(write_safetensors(folder / "a", {{"x", AnyView()}}), ValueError);
    CHECK_THROWS_AS(write_safetensors(folder / "none/a", {{"x", t.view()}}), IoError);
    CHECK(read_bytes(folder / "a") == "old");
    CHECK(folder.files() == 1);
    write_safetensors(folder / "a", {{"x", t.view()}});
    CHECK(SafetensorsFile::read(folder / "a").tensor<float>("x")[1] == 2);
    write_bytes(folder / "cut", read_bytes(folder / "a").substr(0, 50));
    CHECK_THROWS_WITH(SafetensorsFile::read(folder / "cut"), ContainsSubstring("cut: not a valid safetensors file"));
}

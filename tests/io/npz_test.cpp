#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/core/random.hpp>
#include <gradus/io/npz.hpp>

#include <algorithm>

using namespace gradus;

namespace {

/// Members with any content, as ZipWriter writes them.
std::string zip(const TemporaryFolder& folder, const std::vector<std::pair<std::string, std::string>>& members,
                bool compress = false) {
    AtomicFile file(folder / "zip");
    detail::ZipWriter writer(file);
    for (const auto& [name, content] : members) {
        const std::span<const std::byte> parts[] = {std::as_bytes(std::span(content.data(), content.size()))};
        writer.add(name, parts, compress);
    }
    writer.finish();
    file.commit();
    return read_bytes(folder / "zip");
}
std::string number(std::uint64_t n, int width) {
    std::string s;
    for (int i = 0; i < width; ++i) s += static_cast<char>(n >> (8 * i));
    return s;
}
/// Overwrites bytes at `offset` behind a record's signature, the nth of its kind.
std::string patch(std::string bytes, const std::string& record, std::size_t offset, const std::string& with,
                  int nth = 0) {
    std::size_t at = bytes.find(record);
    for (int i = 0; i < nth; ++i) at = bytes.find(record, at + 1);
    REQUIRE(at != std::string::npos);
    return bytes.replace(at + offset, with.size(), with);
}
std::string array(const Shape& shape, const std::string& data) { return detail::npy_header(Dtype::u8, shape) + data; }

const std::string local = "PK\3\4", directory = "PK\1\2", end_record = "PK\5\6";

} // namespace

TEST_CASE("save_npz and NpzFile: round trip") {
    const TemporaryFolder folder;
    auto x = Tensor<float>(Shape{300, 70});
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(mix(static_cast<std::uint64_t>(i) / 7) >> 40);
    const auto ids = tensor<std::int32_t>({{-1, 7}, {2147483647, -2147483647 - 1}});
    const auto wide = tensor<double>({1e300});
    const auto bytes = tensor<std::uint8_t>({1, 2, 3});
    const Tensor<float> none(Shape{0, 4}), scalar(Shape{}, 2.5f);
    for (bool compress : {true, false}) {
        save_npz(folder / "a.npz",
                 {{"x", x.view()},
                  {"layer/ids", ids.view()},
                  {"wide", wide.view()},
                  {"h\xC3\xA9", bytes.view()},
                  {"none", none.view()},
                  {"scalar", scalar.view()}},
                 {.compress = compress});
        NpzFile file(folder / "a.npz");
        REQUIRE(file.entries().size() == 6);
        CHECK(file.entries()[0].name == "x");
        CHECK(file.entries()[0].dtype == "<f4");
        CHECK(file.entries()[1].shape == Shape{2, 2});
        CHECK(file.find("h\xC3\xA9") == &file.entries()[3]);
        CHECK(file.find("y") == nullptr);
        const auto back = file.tensor("x");
        CHECK(back.shape() == x.shape());
        CHECK(std::equal(x.begin(), x.end(), back.begin()));
        CHECK(file.tensor<std::int32_t>("layer/ids")[3] == -2147483647 - 1);
        CHECK(file.tensor<double>("wide")[0] == 1e300);
        CHECK(file.tensor<double>("x")[5] == x[5]);
        CHECK(file.tensor<std::uint8_t>("h\xC3\xA9")[2] == 3);
        CHECK(file.tensor("none").shape() == Shape{0, 4});
        CHECK(file.tensor("scalar").shape() == Shape{});
        CHECK_THROWS_WITH(file.tensor("y"), ContainsSubstring("a.npz: expects one of x, layer/ids, wide, "));
        CHECK_THROWS_WITH(file.tensor<std::int32_t>("x"),
                          ContainsSubstring("a.npz: x.npy: holds float32, which does not become int32"));
        const std::string first = read_bytes(folder / "a.npz");
        CHECK((first.size() < static_cast<std::size_t>(x.size()) * 4) == compress);
    }
    save_npz(folder / "empty.npz", std::vector<NamedView>());
    CHECK(NpzFile(folder / "empty.npz").entries().empty());
    // Members that are no arrays are passed over.
    write_bytes(folder / "b.npz", zip(folder, {{"README", "text"}, {"a.npy", array({2}, "ab")}, {"d/", ""}}));
    NpzFile b(folder / "b.npz");
    CHECK(b.entries().size() == 1);
    CHECK(b.tensor<std::uint8_t>("a")[1] == 'b');
    // A comment behind the archive.
    write_bytes(folder / "c.npz", patch(read_bytes(folder / "b.npz"), end_record, 20, number(7, 2)) + "PK\5\6...");
    CHECK(NpzFile(folder / "c.npz").tensor<std::uint8_t>("a")[0] == 'a');
}

TEST_CASE("save_npy: round trip") {
    const TemporaryFolder folder;
    const auto x = tensor<float>({{1, 2}, {3, 4}});
    save_npy(folder / "x.npy", x);
    CHECK(load_npy(folder / "x.npy")(1, 0) == 3);
    save_npy(folder / "x.npy", x.view().rows(1, 2));
    CHECK(load_npy(folder / "x.npy").shape() == Shape{1, 2});
    CHECK_THROWS_AS(save_npy(folder / "none/x.npy", x), IoError);
    CHECK_THROWS_AS(save_npy(folder / "y.npy", AnyView(nullptr, Shape{2}, Dtype::f32)), ValueError);
    CHECK(folder.files() == 1);
}

TEST_CASE("save_npz refuses what it cannot write") {
    const TemporaryFolder folder;
    const auto x = tensor<float>({1, 2});
    CHECK_THROWS_AS(save_npz(folder / "a.npz", {{"x", x.view()}, {"x", x.view()}}), ValueError);
    CHECK_THROWS_AS(save_npz(folder / "a.npz", {{"", x.view()}}), ValueError);
    CHECK_THROWS_AS(save_npz(folder / "a.npz", {{std::string("a\0b", 3), x.view()}}), ValueError);
    CHECK_THROWS_AS(save_npz(folder / "a.npz", {{"x", AnyView(nullptr, Shape{2}, Dtype::f32)}}), ValueError);
    CHECK_THROWS_AS(save_npz(folder / "none/a.npz", {{"x", x.view()}}), IoError);
    CHECK(folder.files() == 0);
}

TEST_CASE("NpzFile refuses malformed archives") {
    const TemporaryFolder folder;
    const auto open = [&](const std::string& bytes, const NpzOptions& options = {}) {
        write_bytes(folder / "x.npz", bytes);
        NpzFile file(folder / "x.npz", options);
        for (const NpzEntry& e : file.entries()) (void)file.tensor<std::uint8_t>(e.name);
    };
    const auto check_refused = [&](const std::string& bytes, const std::string& what, const NpzOptions& options = {}) {
        INFO(what);
        try {
            open(bytes, options);
            FAIL("accepted");
        } catch (const IoError& e) {
            CHECK_THAT(std::string(e.what()), ContainsSubstring("x.npz: "));
            CHECK_THAT(std::string(e.what()), ContainsSubstring(what));
        }
    };
    const std::string content(1000, 'z');
    for (bool compress : {false, true}) {
        const std::string good =
            zip(folder, {{"a.npy", array({1000}, content)}, {"b.npy", array({3}, "abc")}}, compress);
        CHECK_NOTHROW(open(good));
        for (std::size_t n = 0; n < good.size(); n += 3) CHECK_THROWS_AS(open(good.substr(0, n)), IoError);
        // Every byte of it changed: refused, or it was one that says nothing (dates, versions).
        for (std::size_t i = 0; i < good.size(); ++i) {
            std::string bad = good;
            bad[i] ^= 0x41;
            try {
                open(bad);
            } catch (const IoError&) {}
        }
    }
    const std::string good = zip(folder, {{"a.npy", array({1000}, content)}, {"b.npy", array({3}, "abc")}});
    check_refused("", "lacks the record that ends one");
    check_refused("PK\3\4 and no end of it, though it is long enough", "lacks the record that ends one");
    check_refused(good + "x", "lacks the record that ends one");
    check_refused(patch(good, directory, 8, number(1, 2)), "\"a.npy\" is encrypted");
    check_refused(patch(good, directory, 10, number(12, 2)),
                  "\"a.npy\" expects to be stored or deflated, got method 12");
    check_refused(patch(good, directory, 16, number(1, 4)), "x.npz: a.npy: is damaged: its checksum differs");
    check_refused(patch(good, directory, 42, number(5, 4)), "\"a.npy\": expects its header at byte 5");
    check_refused(patch(good, directory, 42, number(0xfffffffe, 4)), "the file is cut short");
    check_refused(patch(patch(good, directory, 20, number(2000000, 4)), directory, 24, number(2000000, 4)),
                  "end beyond the members");
    check_refused(patch(good, directory, 24, number(1, 4)), "1128 bytes cannot hold 1");
    check_refused(patch(good, local, 30, "c.npy"), "\"a.npy\" has another name at its place");
    check_refused(patch(patch(good, directory, 46, "b.npy"), local, 30, "b.npy"), "\"b.npy\" stands twice");
    check_refused(patch(good, directory, 0, "XX", 1), "the directory is damaged at its byte 51");
    check_refused(patch(good, end_record, 10, number(3, 2)), "46 for each member, got 3 members");
    check_refused(patch(good, end_record, 10, number(1, 2)), "the directory holds more than its 1 members");
    check_refused(patch(good, end_record, 10, number(60000, 2)), "46 for each member, got 60000 members");
    check_refused(patch(good, end_record, 12, number(1, 4)), "does not end at byte");
    check_refused(patch(good, end_record, 16, number(0xffffffff, 4)), "lacks the 64-bit record that it refers to");
    check_refused(patch(good, end_record, 4, number(1, 2)), "part of an archive on several disks");
    check_refused(patch(good, directory, 24, number(0xffffffff, 4)), "1128 bytes cannot hold 4294967295");

    // Two members that share bytes: the bomb of D. Fifield.
    std::string overlap = zip(folder, {{"a.npy", array({1000}, content)}, {"a.npx", "abc"}});
    overlap =
        patch(patch(patch(overlap, directory, 46, "a.npy", 1), directory, 42, number(0, 4), 1), directory, 46, "a.npz");
    CHECK_THROWS_AS(open(overlap), IoError);
    const std::string inner = zip(folder, {{"in.npy", "abc"}});
    const std::string start = inner.substr(0, 30 + 6 + 3);
    std::string nested = zip(folder, {{"out.npy", start}, {"in.npy", "abc"}});
    nested = patch(nested, directory, 42, number(30 + 7, 4), 1);
    check_refused(nested, "members overlap at byte 37");

    // Bombs: an archive that lies about sizes, one that does not, and an array that is not what its header says.
    const std::string zeros = zip(folder, {{"a.npy", array({10 << 20}, std::string(10 << 20, '\0'))}}, true);
    CHECK(zeros.size() < 20000);
    CHECK_NOTHROW(open(zeros));
    check_refused(zeros, "expects at most 1048576 bytes unpacked (max_bytes), got more", {.max_bytes = 1 << 20});
    check_refused(patch(zeros, directory, 24, number(0xfffffff0, 4)), "bytes cannot hold 4294967280");
    check_refused(patch(zeros, directory, 24, number((10 << 20) + 129, 4)), "as its header says, got 10485761 bytes");
    check_refused(zip(folder, {{"a.npy", array({2000}, content)}}),
                  "a.npy: expects uint8 [2000] as its header says, got 1000 bytes");
    check_refused(zip(folder, {{"a.npy", array({999}, content)}}),
                  "a.npy: expects uint8 [999] as its header says, got 1000 bytes");
    check_refused(zip(folder, {{"a.npy", array({1000000000000, 100000}, content)}}),
                  "as its header says, got 1000 bytes");
    check_refused(zip(folder, {{"a.npy", array({1000}, content)}, {"b.npy", "no array"}}),
                  "x.npz: b.npy: is no .npy file");
    // What is packed is longer or shorter than the directory says.
    std::string shorter = zip(folder, {{"a.npy", array({1000}, content)}}, true);
    const std::string longer = zip(folder, {{"a.npy", array({1000}, content + content)}}, true);
    check_refused(patch(longer, directory, 24, number(1128, 4)),
                  "unpacks to more than the 1128 bytes that the archive says");
    shorter =
        patch(zip(folder, {{"a.npy", array({1000}, std::string(900, 'z'))}}, true), directory, 24, number(1128, 4));
    CHECK_THROWS_AS(open(shorter), IoError);
    CHECK_THROWS_AS(NpzFile(folder / "none.npz"), IoError);
}

TEST_CASE("NpzFile reads 64-bit records") {
    const TemporaryFolder folder;
    std::string small = zip(folder, {{"a.npy", array({2}, "ab")}});
    // The same archive with a 64-bit end record and 64-bit sizes in its directory, as numpy writes large ones.
    const std::size_t at = small.find(directory), end = small.find(end_record);
    std::string entry = small.substr(at, end - at);
    const std::string packed = entry.substr(20, 4), size = entry.substr(24, 4), place = entry.substr(42, 4),
                      zero(4, '\0'), ones(4, '\xff');
    entry.replace(20, 8, ones + ones);
    entry.replace(30, 2, number(28, 2));
    entry.replace(42, 4, ones);
    entry += number(1, 2) + number(24, 2) + size + zero + packed + zero + place + zero;
    const auto archive = [&](std::uint64_t count, std::uint64_t begin) {
        return small.substr(0, at) + entry + "PK\6\6" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) +
               number(1, 8) + number(count, 8) + number(entry.size(), 8) + number(begin, 8) + "PK\6\7" + number(0, 4) +
               number(at + entry.size(), 8) + number(1, 4) + end_record + number(0, 4) + number(0xffff, 2) +
               number(0xffff, 2) + ones + ones + number(0, 2);
    };
    write_bytes(folder / "x.npz", archive(1, at));
    CHECK(NpzFile(folder / "x.npz").tensor<std::uint8_t>("a")[1] == 'b');
    for (const std::string& bad :
         {archive(1ull << 63, at), archive(2, at), archive(1, at + 1), archive(1, ~0ull), archive(0, at)}) {
        write_bytes(folder / "x.npz", bad);
        CHECK_THROWS_AS(NpzFile(folder / "x.npz"), IoError);
    }
}

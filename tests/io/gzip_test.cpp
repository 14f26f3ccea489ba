#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/core/random.hpp>
#include <gradus/data/idx.hpp>
#include <gradus/io/gzip.hpp>

#include <algorithm>

using namespace gradus;

namespace {

std::string gzip(const std::string& content) {
    z_stream z = {};
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(content.size() + 1000, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    z.avail_in = static_cast<uInt>(content.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(out.size() - z.avail_out);
    deflateEnd(&z);
    return out;
}

std::string idx(std::uint32_t rows, std::size_t bytes) {
    std::string s{'\0', '\0', '\x08', '\x01'};
    for (int i = 3; i >= 0; --i) s += static_cast<char>(rows >> (8 * i));
    for (std::size_t i = 0; i < bytes; ++i) s += static_cast<char>(mix(i) & 255);
    return s;
}

} // namespace

TEST_CASE("GzipFile: packed files, plain files, several streams") {
    const TemporaryFolder folder;
    const std::string content = idx(100000, 100000);
    const auto check = [&](const std::string& bytes) {
        write_bytes(folder / "x", bytes);
        const auto t = load_idx(GzipFile(folder / "x"));
        REQUIRE(t.shape() == Shape{100000});
        CHECK(std::equal(t.begin(), t.end(), content.begin() + 8,
                         [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
    };
    check(gzip(content));
    check(content);
    check(gzip(content.substr(0, 3)) + gzip(content.substr(3, 50000)) + gzip("") + gzip(content.substr(50003)));
    write_bytes(folder / "empty", "");
    char c;
    CHECK(GzipFile(folder / "empty").read_some(&c, 1) == 0);
    write_bytes(folder / "x", gzip(""));
    CHECK(GzipFile(folder / "x").read_some(&c, 1) == 0);
    CHECK_THROWS_AS(GzipFile(folder / "none"), IoError);
}

TEST_CASE("GzipFile refuses damaged files and bombs") {
    const TemporaryFolder folder;
    const auto load = [&](const std::string& bytes, const GzipOptions& options = {}) {
        write_bytes(folder / "x.gz", bytes);
        return load_idx(GzipFile(folder / "x.gz", options));
    };
    const auto check_refused = [&](const std::string& bytes, const std::string& what, const GzipOptions& options = {}) {
        try {
            load(bytes, options);
            FAIL("accepted");
        } catch (const IoError& e) {
            CHECK_THAT(std::string(e.what()), ContainsSubstring("x.gz: "));
            CHECK_THAT(std::string(e.what()), ContainsSubstring(what));
        }
    };
    const std::string good = gzip(idx(1000, 1000));
    CHECK_NOTHROW(load(good));
    for (std::size_t n = 0; n < good.size(); n += 7) CHECK_THROWS_AS(load(good.substr(0, n)), IoError);
    check_refused(good.substr(0, good.size() / 2), "the file is cut short");
    check_refused(good.substr(0, good.size() - 1), "the file is cut short");
    check_refused(good + "x", "cannot be unpacked");
    check_refused(good + "more than the header of a stream", "cannot be unpacked: incorrect header check");
    std::string flipped = good;
    flipped[flipped.size() - 6] ^= 1;
    check_refused(flipped, "cannot be unpacked: incorrect data check");
    for (std::size_t i = 10; i < good.size(); i += 11) {
        flipped = good;
        flipped[i] ^= 0x55;
        CHECK_THROWS_AS(load(flipped), IoError);
    }
    // The header promises more than so many packed bytes can hold, more than there is, and more than the limit.
    check_refused(gzip(idx(0xffffffff, 10)), "expects uint8 [4294967295] as its header says, got at most");
    check_refused(gzip(idx(2000, 1000)), "expects 2000 bytes of data, got 1000; the file is cut short");
    check_refused(gzip(idx(1000, 1001)), "expects its end at byte 1008, got more bytes");
    std::string zeros = idx(10 << 20, 0) + std::string(10 << 20, '\0');
    CHECK(load(gzip(zeros)).size() == 10 << 20);
    check_refused(gzip(zeros), "got at most 1048568 bytes", {.max_bytes = 1 << 20});
    GzipFile limited(folder / "x.gz", {.max_bytes = 1 << 20});
    std::vector<char> buffer(2 << 20);
    CHECK_THROWS_WITH(limited.read_some(buffer.data(), 2 << 20),
                      ContainsSubstring("expects at most 1048576 bytes unpacked (max_bytes), got more"));
    CHECK_THROWS_AS(GzipFile(folder / "x.gz", {.max_bytes = 0}), ValueError);
}

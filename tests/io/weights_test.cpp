#include "../catch.hpp"
#include "temporary_folder.hpp"

#include <gradus/gradus.hpp>
#include <gradus/io.hpp>

using namespace gradus;

namespace {

Sequential<float> model_of(Index units) {
    Sequential model{Dense(units, relu).named("hidden"), Dense(1).named("head")};
    model.build({dim::batch(), 3});
    return model;
}

} // namespace

TEST_CASE("load_weights by name") {
    const TemporaryFolder folder;
    auto a = model_of(4), b = model_of(4), c = model_of(5);
    a.initialize(1);
    b.initialize(2);
    c.initialize(3);
    REQUIRE(a.fingerprint() != b.fingerprint());
    save(a, folder / "a");
    const WeightsReport report = load_weights(b, folder / "a");
    CHECK(b.fingerprint() == a.fingerprint());
    CHECK(report.loaded.size() == 4);
    CHECK(report.complete());
    CHECK(report.unexpected.empty());
    CHECK(report.to_string().empty());

    // Strict refuses before anything changes.
    const std::string before = c.fingerprint();
    try {
        load_weights(c, folder / "a");
        FAIL("accepted");
    } catch (const ValueError& e) {
        CHECK_THAT(std::string(e.what()), ContainsSubstring("hidden.kernel (expects F32 [3, 5], got F32 [3, 4])"));
    }
    CHECK(c.fingerprint() == before);
    const WeightsReport loose = load_weights(c, folder / "a", {.strict = false});
    CHECK(loose.loaded == std::vector<std::string>{"head.bias"});
    REQUIRE(loose.mismatched.size() == 3);
    CHECK(loose.mismatched[0].name == "hidden.kernel");
    CHECK(loose.mismatched[0].found == "F32 [3, 4]");
    CHECK_THROWS_AS(load_weights(c, folder / "none"), IoError);
}

TEST_CASE("load_weights refuses files of Gradus that are cut, changed or of another version") {
    const TemporaryFolder folder;
    auto model = model_of(4), other = model_of(4);
    model.initialize(1);
    other.initialize(2);
    save(model, folder / "good");
    const std::string good = read_bytes(folder / "good"), before = other.fingerprint();
    const auto message = [&](const std::string& bytes) {
        write_bytes(folder / "bad", bytes);
        try {
            load_weights(other, folder / "bad", {.strict = false});
        } catch (const IoError& e) { return std::string(e.what()); }
        return std::string("accepted");
    };
    std::string changed = good, newer = good;
    changed[changed.size() - 2] ^= 1;
    const auto at = newer.find("format_version");
    REQUIRE(at != std::string::npos);
    newer[newer.find('1', at)] = '2';
    CHECK_THAT(message(changed), ContainsSubstring("changed after saving"));
    CHECK_THAT(message(newer), ContainsSubstring("expects format version 1, got 2"));
    for (const std::size_t size : {std::size_t{4}, good.size() / 2, good.size() - 1})
        CHECK_THAT(message(good.substr(0, size)), ContainsSubstring("bad"));
    CHECK(other.fingerprint() == before);
}

TEST_CASE("load_weights from files of others") {
    const TemporaryFolder folder;
    auto model = model_of(2);
    model.initialize(1);
    const auto kernel = tensor<double>({{1, 2}, {3, 4}, {5, 0.1}});
    const auto bias = tensor<std::int32_t>({1, 2});
    const auto other = tensor<float>({1});
    write_safetensors(
        folder / "x",
        std::vector<NamedView>{{"hidden.kernel", kernel.view()}, {"hidden.bias", bias.view()}, {"foo", other.view()}});
    CHECK_THROWS_AS(load_weights(model, folder / "x"), ValueError);
    const WeightsReport report = load_weights(model, folder / "x", {.strict = false});
    CHECK(report.loaded == std::vector<std::string>{"hidden.kernel"});
    CHECK(report.missing == std::vector<std::string>{"head.kernel", "head.bias"});
    CHECK(report.unexpected == std::vector<std::string>{"foo"});
    CHECK(report.to_string() ==
          "missing: head.kernel, head.bias; does not fit: hidden.bias (expects F32 [2], got I32 [2]); unexpected: foo");
    CHECK(model.parameter("hidden.kernel")[5] == 0.1f);

    Sequential<double> wide{Dense(2, relu).named("hidden")};
    wide.build({dim::batch(), 3});
    save(model, folder / "f32");
    const WeightsReport narrow = load_weights(wide, folder / "f32");
    CHECK(narrow.unexpected.size() == 2);
    CHECK(wide.parameter("hidden.kernel")[5] == static_cast<double>(0.1f));
    Sequential<float> unbuilt{Dense(2)};
    CHECK_THROWS_AS(load_weights(unbuilt, folder / "f32"), ValueError);
}

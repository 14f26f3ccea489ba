#include "../catch.hpp"

#if __has_include(<CLI/CLI.hpp>)
#include "../../examples/support/options.hpp"
#include "../io/temporary_folder.hpp"

#include <cstdlib>
#include <initializer_list>
#include <vector>

using namespace gradus;

namespace {

std::optional<int> parse(examples::Options& o, std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"program"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return o.parse(static_cast<int>(argv.size()), argv.data());
}

} // namespace

TEST_CASE("options keep the program's defaults") {
    unsetenv("GRADUS_DATA_DIR");
    examples::Options o("A test", {.epochs = 7, .batch_size = 64});
    CHECK_FALSE(parse(o, {}));
    CHECK(o.data.empty());
    CHECK(o.epochs == 7);
    CHECK(o.batch_size == 64);
    CHECK(o.threads == 0);
    CHECK(o.seed == 0);
}

TEST_CASE("options are read from the command line and the environment") {
    examples::Options o("A test");
    std::string architecture = "lstm";
    o.app().add_option("--architecture", architecture);
    setenv("GRADUS_DATA_DIR", "/somewhere", 1);
    CHECK_FALSE(parse(o, {"--epochs", "3", "--batch-size=16", "--threads", "2", "--seed", "18446744073709551615",
                          "--architecture", "average"}));
    unsetenv("GRADUS_DATA_DIR");
    CHECK(o.data == "/somewhere");
    CHECK(o.epochs == 3);
    CHECK(o.batch_size == 16);
    CHECK(o.threads == 2);
    CHECK(o.seed == 18446744073709551615u);
    CHECK(architecture == "average");
    examples::Options p("A test");
    CHECK_FALSE(parse(p, {"--data", "/here"}));
    CHECK(p.data == "/here");
}

TEST_CASE("options that are wrong end the program") {
    for (const char* wrong :
         {"--epochs=0", "--batch-size=0", "--batch-size=x", "--threads=-1", "--seed=-1", "--bogus"}) {
        examples::Options o("A test");
        INFO(wrong);
        const auto code = parse(o, {wrong});
        REQUIRE(code);
        CHECK(*code != 0);
    }
    examples::Options o("A test");
    CHECK(parse(o, {"--help"}) == std::optional<int>(0));
}

TEST_CASE("options: a trace records until the options die") {
    const TemporaryFolder folder;
    {
        examples::Options o("A test");
        CHECK_FALSE(parse(o, {"--trace", (folder / "trace.json").c_str()}));
        CHECK(Trace::is_open());
    }
    CHECK_FALSE(Trace::is_open());
    CHECK(read_bytes(folder / "trace.json").find("traceEvents") != std::string::npos);
    examples::Options o("A test");
    CHECK(parse(o, {"--trace", (folder / "none/trace.json").c_str()}) == std::optional<int>(1));
}

TEST_CASE("exceptions end a program with 1") {
    CHECK(examples::guarded([] { return 0; }) == 0);
    CHECK(examples::guarded([]() -> int { throw_value_error("as intended by the test"); }) == 1);
}
#endif

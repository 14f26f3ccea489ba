#include "../catch.hpp"

#include <gradus/io/json.hpp>

#include <cmath>

using namespace gradus;

namespace {

Json parse(const std::string& text, std::size_t max = 1000) { return Json::parse(text, max); }
std::string refused(const std::string& text, std::size_t max = 1000) {
    try {
        parse(text, max);
    } catch (const ValueError& e) { return e.what(); }
    return "accepted";
}

} // namespace

TEST_CASE("json prints what it parses") {
    for (const char* text :
         {"null", "true", "[]", "{}", "[1,-2,9223372036854775807,-9223372036854775808]", "[0.1,-0.0,1e+300,5e-324,3.0]",
          "{\"b\":1,\"a\":{\"c\":[null,false,\"x\\\"\\\\\\n\\u0001\xc3\xa9\"]}}"})
        CHECK(parse(text).print() == text);
    CHECK(std::signbit(*parse("-0.0").get<double>()));
    const Json j = parse("{\"a\": [1, 2], \"b\": \"\\u00e9\"}");
    CHECK(j.find("a")->get<Json::List>()->size() == 2);
    CHECK(*j.find("b")->get<std::string>() == "\xc3\xa9");
    CHECK(j.find("c") == nullptr);
    CHECK(j.find("a")->find("b") == nullptr);
}

TEST_CASE("json refuses what it cannot hold") {
    CHECK_THAT(refused("{\"a\":1,\"a\":2}"), ContainsSubstring("\"a\" stands twice"));
    CHECK_THAT(refused("9223372036854775808"), ContainsSubstring("2^63"));
    CHECK_THAT(refused("1e999"), ContainsSubstring("range"));
    CHECK_THAT(refused("[1,2,3]", 3), ContainsSubstring("too many"));
    CHECK(refused("[1,2]", 3) == "accepted");
    CHECK_THAT(refused("[1,"), ContainsSubstring("byte 4"));
    CHECK_THAT(refused("[1] 2"), ContainsSubstring("byte"));
    CHECK_THAT(refused("\"\xff\""), ContainsSubstring("byte"));
    CHECK_THAT(refused(std::string("1\0", 2)), ContainsSubstring("zero byte"));
    CHECK(refused("") != "accepted");
    CHECK(refused(std::string(64, '[') + std::string(64, ']')) == "accepted");
    CHECK_THAT(refused(std::string(65, '[') + std::string(65, ']')), ContainsSubstring("64 levels"));
    CHECK_THAT(refused(std::string(10000000, '[')), ContainsSubstring("64 levels"));
}

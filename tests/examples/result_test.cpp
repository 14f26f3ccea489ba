#include "../../examples/support/result.hpp"
#include "../catch.hpp"

#include <limits>
#include <sstream>

using examples::Result;

TEST_CASE("the result is one line of JSON") {
    CHECK(Result().json() == "{}");
    Result r;
    r.add("test_accuracy", 0.98125)
        .add("seconds", 31.5)
        .add("epochs", 3)
        .add("rows", std::int64_t{1} << 40)
        .add("name", "a\"b\\\n");
    CHECK(r.json() == "{\"test_accuracy\": 0.98125, \"seconds\": 31.5, \"epochs\": 3, \"rows\": 1099511627776, "
                      "\"name\": \"a\\\"b\\\\\\u000a\"}");
    std::ostringstream out;
    r.print(out);
    CHECK(out.str() == "result: " + r.json() + "\n");
}

TEST_CASE("the result's numbers are valid JSON") {
    const double infinity = std::numeric_limits<double>::infinity();
    CHECK(Result().add("x", infinity - infinity).json() == "{\"x\": null}");
    CHECK(Result().add("x", -infinity).json() == "{\"x\": null}");
    CHECK(Result().add("x", 1.0 / 3).json() == "{\"x\": 0.333333}");
    CHECK(Result().add("x", 0.0).json() == "{\"x\": 0}");
    CHECK(Result().add("x", 1e-9).json() == "{\"x\": 1e-09}");
    CHECK(Result().add("x", 1234567.0).json() == "{\"x\": 1.23457e+06}");
}

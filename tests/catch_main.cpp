// The main of Catch2 2.13, compiled once for all tests.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

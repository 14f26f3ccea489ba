// gradus::compiled, the part for double.
#define GRADUS_COMPILED_SCALAR double
#include <gradus/compiled.hpp>

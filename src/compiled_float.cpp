// gradus::compiled, the part for float.
#define GRADUS_COMPILED_SCALAR float
#include <gradus/compiled.hpp>

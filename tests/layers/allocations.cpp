// The counting operator new of this room's binary.
#include <gradus/testing/allocation_guard.hpp>

GRADUS_DEFINE_ALLOCATION_COUNTER;

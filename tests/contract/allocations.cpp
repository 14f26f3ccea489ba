#include <gradus/testing/allocation_guard.hpp>

GRADUS_DEFINE_ALLOCATION_COUNTER;

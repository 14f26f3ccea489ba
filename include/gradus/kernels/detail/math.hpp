/// The vector functions of math_region.hpp, once per instruction set, for other regions; kernels/math.hpp has the
/// public ones.
#pragma once
#include <gradus/kernels/detail/simd.hpp>

#define GRADUS_REGION_FILE <gradus/kernels/detail/math_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

/// Vector types and helpers of the kernels, once per instruction set; see dispatch.hpp.
#pragma once
#include <gradus/kernels/detail/dispatch.hpp>

#define GRADUS_REGION_FILE <gradus/kernels/detail/simd_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

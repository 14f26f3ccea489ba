/// The products of recurrent_region.hpp, once per instruction set, for the regions of recurrent kernels.
#pragma once
#include <gradus/kernels/detail/simd.hpp>

#define GRADUS_REGION_FILE <gradus/kernels/detail/recurrent_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

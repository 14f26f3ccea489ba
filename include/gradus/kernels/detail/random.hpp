/// random_words of random_region.hpp, once per instruction set, for other regions.
#pragma once
#include <gradus/core/random.hpp>
#include <gradus/kernels/detail/simd.hpp>

#define GRADUS_REGION_FILE <gradus/kernels/detail/random_region.hpp>
#include <gradus/kernels/detail/each_isa.hpp>

/// Includes GRADUS_REGION_FILE once per instruction set, each time in a namespace of its own; see dispatch.hpp.
#ifdef GRADUS_REGION_FILE
#if !GRADUS_EIGEN_KERNELS

#define GRADUS_REGION avx512
#define GRADUS_REGION_BYTES 64
#include <gradus/kernels/detail/region_begin.hpp>
#include GRADUS_REGION_FILE
#include <gradus/kernels/detail/region_end.hpp>

#define GRADUS_REGION avx2
#define GRADUS_REGION_BYTES 32
#include <gradus/kernels/detail/region_begin.hpp>
#include GRADUS_REGION_FILE
#include <gradus/kernels/detail/region_end.hpp>

#define GRADUS_REGION baseline
#define GRADUS_REGION_BYTES 16
#include <gradus/kernels/detail/region_begin.hpp>
#include GRADUS_REGION_FILE
#include <gradus/kernels/detail/region_end.hpp>

#endif
#undef GRADUS_REGION_FILE
#endif

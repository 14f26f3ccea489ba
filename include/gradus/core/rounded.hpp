/// rounded: a product that enters a sum outside the kernels.
#pragma once
#include <gradus/core/config.hpp>

GRADUS_BEGIN

/// x, rounded to double. Compilers may fuse a product with the addition that follows, as GCC does wherever the machine
/// can (-march=native), and so change the last bit: `sum += rounded(a * b)` has the same bits from every build.
inline double rounded(double x) {
    volatile double y = x;
    return y;
}

GRADUS_END

// The worst of several differences.
#pragma once

/// The larger one. NaN counts as the largest: std::max would lose it.
inline double worse(double a, double b) { return a != a || b <= a ? a : b; }

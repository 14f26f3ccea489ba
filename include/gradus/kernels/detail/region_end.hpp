/// Closes the region that region_begin.hpp opened.
#ifdef GRADUS_REGION
} // namespace kernels::detail::GRADUS_REGION
GRADUS_END

#undef GRADUS_REGION_INLINE
#undef GRADUS_REGION
#undef GRADUS_REGION_BYTES
#if defined(__clang__)
#pragma clang attribute pop
#pragma float_control(pop)
#else
#pragma GCC pop_options
#endif
#endif

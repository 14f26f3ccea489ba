// gradus::compiled, the part for float.
#define GRADUS_COMPILED_SCALAR float
#include <gradus/compiled.hpp>

GRADUS_BEGIN
template const kernels::detail::GemmTable<float>* kernels::detail::bfloat16_kernels<float>();
template const kernels::detail::RecurrentFormat<float>* kernels::detail::bfloat16_recurrent<float>();
GRADUS_END

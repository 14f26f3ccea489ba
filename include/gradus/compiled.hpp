/// What gradus::compiled holds: kernels and common layers, instantiated once in a static library.
///
/// gradus.hpp ends with this file. With GRADUS_COMPILED (set by the target gradus::compiled) each entry becomes an
/// `extern template` declaration, so a program compiles faster; the library's sources define GRADUS_COMPILED_SCALAR and turn the
/// entries into definitions; otherwise the file declares nothing. Add an entry for a class or function template on the scalar
/// alone, by one line in its list. Functions are those that are neither inline nor overloaded.
#pragma once
#include <gradus/gradus.hpp>

#if defined(GRADUS_COMPILED) || defined(GRADUS_COMPILED_SCALAR)

#define GRADUS_COMPILED_FUNCTIONS(entry, T)

#define GRADUS_COMPILED_CLASSES(entry, T)

#define GRADUS_COMPILED_EXTERN_FUNCTION(name, T) extern template decltype(name<T>) name<T>;
#define GRADUS_COMPILED_EXTERN_CLASS(name, T) extern template class name<T>;
#define GRADUS_COMPILED_FUNCTION(name, T) template decltype(name<T>) name<T>;
#define GRADUS_COMPILED_CLASS(name, T) template class name<T>;

GRADUS_BEGIN
#if defined(GRADUS_COMPILED_SCALAR)
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_FUNCTION, GRADUS_COMPILED_SCALAR)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_CLASS, GRADUS_COMPILED_SCALAR)
#else
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_EXTERN_FUNCTION, float)
GRADUS_COMPILED_FUNCTIONS(GRADUS_COMPILED_EXTERN_FUNCTION, double)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_EXTERN_CLASS, float)
GRADUS_COMPILED_CLASSES(GRADUS_COMPILED_EXTERN_CLASS, double)
#endif
GRADUS_END

#endif

# Settings of Gradus's own build; somebody else's build that adds Gradus keeps its own.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT multi_config)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(GRADUS_CCACHE ccache)
mark_as_advanced(GRADUS_CCACHE)
if(GRADUS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${GRADUS_CCACHE})
endif()

# Warnings belong to targets that are built here, not to users: gradus_warnings is linked privately.
add_library(gradus_warnings INTERFACE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(gradus_warnings INTERFACE -Wno-restrict)  # false in GCC 12 where strings are added (its bug 105651)
    if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
        target_compile_options(gradus_warnings INTERFACE -Wno-maybe-uninitialized)  # false in <regex> between sanitizers' checks
    endif()
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    target_compile_options(gradus_warnings INTERFACE -Wall -Wextra -Wshadow $<$<BOOL:${GRADUS_WERROR}>:-Werror>)
endif()

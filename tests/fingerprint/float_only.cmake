# A program that uses only float instantiates no kernel for double.
if(NOT COMPILER)
    message("skipped: this machine lacks the compiler")
    return()
endif()
execute_process(COMMAND nm -C ${OBJECT} COMMAND grep -E "kernels::.*<double" OUTPUT_VARIABLE out)
if(out)
    message(FATAL_ERROR "kernels for double in a program of float:\n${out}")
endif()

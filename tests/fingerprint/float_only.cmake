# A program that uses only float instantiates no kernel for double, but for initial weights: an Initializer fills either scalar.
if(NOT COMPILER)
    message("skipped: this machine lacks the compiler")
    return()
endif()
execute_process(COMMAND nm -C ${OBJECT} COMMAND grep -E "kernels::[a-z0-9_:]*<double"
                COMMAND grep -vE "orthogonal|fill_|initial_|MathConstants" OUTPUT_VARIABLE out)
if(out)
    message(FATAL_ERROR "kernels for double in a program of float:\n${out}")
endif()

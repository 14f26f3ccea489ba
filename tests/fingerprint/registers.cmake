# No AVX-512 in the AVX2 kernels and no AVX in the baseline, whatever flags the user compiled with: looks for zmm registers,
# registers 16-31 and mask registers, and for ymm registers, in the disassembly.
if(NOT COMPILER)
    message("skipped: this machine lacks the compiler")
    return()
endif()
find_program(OBJDUMP objdump)
if(NOT OBJDUMP)
    message("skipped: this machine lacks objdump")
    return()
endif()

# Clang 19 lets no function leave AVX10 where -march=native names it.
get_filename_component(directory ${OBJECT} DIRECTORY)
execute_process(COMMAND ${COMPILER} -march=native -dM -E ${directory}/probe.cpp OUTPUT_VARIABLE macros ERROR_QUIET)
if(macros MATCHES "__clang_major__ ([0-9]+)" AND CMAKE_MATCH_1 LESS 20 AND macros MATCHES "#define __AVX10_1__ 1")
    message("skipped: this Clang takes this machine for one with AVX10, which no function can leave")
    return()
endif()

# A function's label is its mangled name, where the set's namespace is one component: 4avx2.
set(program [=[
/^[0-9a-f]+ <.*>:$/ { name = $0; set = ""
    if (name ~ /7kernels6detail4avx2/) set = "avx2"; if (name ~ /7kernels6detail8baseline/) set = "baseline"
    if (name ~ /7kernels6detail6avx512/) set = "avx512"; if (set != "") functions[set]++; next }
set == "avx2" && /%zmm|%[xy]mm(1[6-9]|2[0-9]|3[01])|%k[0-7]/ { print "avx2: " name ": " $0; bad = 1 }
set == "baseline" && /%[yz]mm|%xmm(1[6-9]|2[0-9]|3[01])|%k[0-7]|[ \t]v[a-z0-9]+[ \t]/ { print "baseline: " name ": " $0; bad = 1 }
set == "avx512" && /%zmm/ { wide = 1 }
END { printf "functions: avx512 %d, avx2 %d, baseline %d\n", functions["avx512"], functions["avx2"], functions["baseline"]
    if (!functions["avx2"] || !functions["baseline"] || !wide) print "found no kernels to look at"; else if (!bad) print "clean" }
]=])
execute_process(COMMAND ${OBJDUMP} -d --no-show-raw-insn ${OBJECT} COMMAND awk "${program}" OUTPUT_VARIABLE out)
string(SUBSTRING "${out}" 0 4000 out)
message("${out}")
if(NOT out MATCHES "clean")
    message(FATAL_ERROR "${OBJECT}: instructions of another set")
endif()

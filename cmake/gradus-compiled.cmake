# Makes gradus::compiled from its sources, which an installed package holds, too: so it is compiled with the options of the
# project that uses it, and the package stays one for all machines.
function(gradus_add_compiled directory headers)
    add_library(gradus_compiled STATIC ${directory}/compiled_float.cpp ${directory}/compiled_double.cpp)
    add_library(gradus::compiled ALIAS gradus_compiled)
    target_link_libraries(gradus_compiled PUBLIC ${headers})
    target_compile_definitions(gradus_compiled INTERFACE GRADUS_COMPILED=1)
endfunction()

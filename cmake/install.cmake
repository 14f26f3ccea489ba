include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(gradus_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gradus)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/gradus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/ DESTINATION ${gradus_package_dir}/src)
install(TARGETS gradus EXPORT gradus-targets)
install(EXPORT gradus-targets NAMESPACE gradus:: DESTINATION ${gradus_package_dir})
if(TARGET gradus_io)
    install(TARGETS gradus_io EXPORT gradus-io-targets)
    install(EXPORT gradus-io-targets NAMESPACE gradus:: DESTINATION ${gradus_package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/gradus-config.cmake.in ${PROJECT_BINARY_DIR}/gradus-config.cmake
    INSTALL_DESTINATION ${gradus_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gradus-config-version.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/gradus-config.cmake ${PROJECT_BINARY_DIR}/gradus-config-version.cmake
    ${PROJECT_SOURCE_DIR}/cmake/gradus-compiled.cmake DESTINATION ${gradus_package_dir})

set(gradus_pc_flags "-DGRADUS_OPENMP=${gradus_openmp}")
set(gradus_pc_libs "${CMAKE_THREAD_LIBS_INIT}")
if(gradus_openmp)
    string(REPLACE ";" " " flags "${OpenMP_CXX_FLAGS}")
    string(APPEND gradus_pc_flags " ${flags}")
    string(APPEND gradus_pc_libs " ${flags}")
endif()
if(GRADUS_KERNELS STREQUAL "eigen")
    string(APPEND gradus_pc_flags " -DGRADUS_EIGEN_KERNELS=1")
endif()
foreach(name gradus gradus-io)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()

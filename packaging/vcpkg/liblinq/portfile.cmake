# The library is C for those who use it, and compiled by Rust: debug builds link the same one.
set(VCPKG_BUILD_TYPE release)
# linq-config.cmake finds the library from where it lies, lib/cmake/linq.
set(VCPKG_POLICY_SKIP_MISPLACED_CMAKE_FILES_CHECK enabled)
set(VCPKG_POLICY_SKIP_LIB_CMAKE_MERGE_CHECK enabled)

vcpkg_download_distfile(ARCHIVE
    URLS "@url@"
    FILENAME "liblinq-${VERSION}.tar.gz"
    SHA512 @sha512@
)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")

# Rust 1.88 or newer has to be there: vcpkg brings none.
find_program(CARGO cargo PATHS "$ENV{HOME}/.cargo/bin" REQUIRED)
get_filename_component(CARGO_DIRECTORY "${CARGO}" DIRECTORY)
vcpkg_add_to_path("${CARGO_DIRECTORY}")
vcpkg_execute_required_process(
    COMMAND "${CMAKE_COMMAND}" -E env "PREFIX=${CURRENT_PACKAGES_DIR}" "CARGO_TARGET_DIR=${CURRENT_BUILDTREES_DIR}/target"
        "${SOURCE_PATH}/scripts/install"
    WORKING_DIRECTORY "${SOURCE_PATH}"
    LOGNAME "install-${TARGET_TRIPLET}"
)

if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
    file(GLOB OTHERS "${CURRENT_PACKAGES_DIR}/lib/liblinq*.so*" "${CURRENT_PACKAGES_DIR}/lib/liblinq*.dylib")
    file(REMOVE ${OTHERS})
else()
    file(REMOVE "${CURRENT_PACKAGES_DIR}/lib/liblinq.a" "${CURRENT_PACKAGES_DIR}/lib/pkgconfig/linq-static.pc")
endif()
# vcpkg removes what it has installed.
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/linq")
vcpkg_fixup_pkgconfig()
vcpkg_copy_tools(TOOL_NAMES linq-upload AUTO_CLEAN)

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE" "${SOURCE_PATH}/THIRD-PARTY.txt")

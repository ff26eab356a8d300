# The extension module: a baseline part, and the kernels once per instruction set.
#
# src/native/*.cpp       compiled once, for the oldest processor the wheel runs on; chooses a table of kernels at run time
# src/native/isa/*.cpp   compiled once per instruction set, with MANYFIT_ISA=v2|v3|v4|neon; several files, to compile in parallel

file(GLOB manyfit_base CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cpp")
file(GLOB manyfit_kernels CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/isa/*.cpp")

# Sums keep their order and NaN stays visible: no -ffast-math. Products are fused only where the source says so, because
# a compiler that fuses as it likes gives other bits for the same equation in two places.
set(manyfit_flags -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-strict-aliasing -fvisibility=hidden -fvisibility-inlines-hidden
    -Wall -Wextra)
if(MANYFIT_SANITIZE)
  set(manyfit_sanitize -fsanitize=${MANYFIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  list(APPEND manyfit_flags -O1 ${manyfit_sanitize})
else()
  list(APPEND manyfit_flags $<$<CONFIG:Release>:-O3>)
endif()

set(manyfit_flags_v2 -march=x86-64-v2)
set(manyfit_flags_v3 -march=x86-64-v3)
set(manyfit_flags_v4 -march=x86-64-v4 -mprefer-vector-width=512)
set(manyfit_flags_neon "")
if(MANYFIT_ISAS)
  set(manyfit_isas ${MANYFIT_ISAS})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(manyfit_isas v2 v3 v4)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(manyfit_isas neon)
else()
  message(FATAL_ERROR "manyfit's core has no kernels for ${CMAKE_SYSTEM_PROCESSOR}")
endif()

nanobind_add_module(_native NB_STATIC NOMINSIZE ${manyfit_base})
set_target_properties(_native PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON)
target_compile_options(_native PRIVATE ${manyfit_flags})
target_compile_definitions(_native PRIVATE "MANYFIT_VERSION=\"${manyfit_version}\"")
target_link_libraries(_native PRIVATE Threads::Threads)
if(MANYFIT_SANITIZE)
  target_link_options(_native PRIVATE ${manyfit_sanitize})
endif()

# Lowest set first, after the baseline: where two of them hold the same inline function of the standard library, the
# linker keeps the first, which every processor can run.
foreach(isa IN LISTS manyfit_isas)
  if(manyfit_kernels)
    add_library(kernels_${isa} OBJECT ${manyfit_kernels})
    set_target_properties(kernels_${isa} PROPERTIES
      CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS ON POSITION_INDEPENDENT_CODE ON)
    target_compile_options(kernels_${isa} PRIVATE ${manyfit_flags} ${manyfit_flags_${isa}})
    target_compile_definitions(kernels_${isa} PRIVATE MANYFIT_ISA=${isa})
    target_sources(_native PRIVATE $<TARGET_OBJECTS:kernels_${isa}>)
  endif()
  string(TOUPPER ${isa} upper)
  target_compile_definitions(_native PRIVATE MANYFIT_HAS_${upper}=1)
endforeach()

set(manyfit_stub_folder "${PROJECT_BINARY_DIR}")
if(MANYFIT_INPLACE)
  set(manyfit_stub_folder "${PROJECT_SOURCE_DIR}/src/manyfit")
  set_target_properties(_native PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${manyfit_stub_folder}")
endif()

# What type checkers and editors read. A core with sanitizers can't be imported by a plain interpreter.
if(NOT MANYFIT_SANITIZE)
  nanobind_add_stub(native_stub MODULE _native OUTPUT "${manyfit_stub_folder}/_native.pyi"
    PYTHON_PATH "$<TARGET_FILE_DIR:_native>" DEPENDS _native)
  install(FILES "${manyfit_stub_folder}/_native.pyi" DESTINATION manyfit)
endif()

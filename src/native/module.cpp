// The extension module: what Python sees of the core.
#include <nanobind/nanobind.h>

NB_MODULE(_native, m) {
    m.def("version", [] { return MANYFIT_VERSION; }, "Version of the package this core was built for.");
}

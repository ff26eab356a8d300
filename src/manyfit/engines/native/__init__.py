"""The native engine: dense networks in the C++ core, a SIMD lane or a whole vector unit for each."""

from manyfit.engines.native.catalog import check_catalog as check_catalog
from manyfit.engines.native.catalog import supports as supports
from manyfit.engines.native.engine import Native as Native

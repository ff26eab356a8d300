"""Any torch module as the network of a recipe. Needs torch."""

from manyfit.networks.module.bound import Bound as Bound
from manyfit.networks.module.record import Module as Module

"""The stacked engine: all networks of one structure in one program, by torch.func, on a CPU or a GPU. Needs torch."""

from manyfit.engines.stacked.engine import Stacked as Stacked

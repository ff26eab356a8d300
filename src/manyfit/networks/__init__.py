"""What is trained: dense networks (the native family), their activations and initial weights."""

from manyfit.networks.activation import ACTIVATIONS as ACTIVATIONS
from manyfit.networks.dense import Dense as Dense
from manyfit.networks.init import INITS as INITS
from manyfit.networks.init import initial_parameters as initial_parameters

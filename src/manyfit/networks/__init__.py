"""What is trained: dense networks (the native family) and any torch module; their inputs, their numbers, their initial weights.

`manyfit.networks.module` is not imported here: it needs torch.
"""

from manyfit.networks.activation import ACTIVATIONS as ACTIVATIONS
from manyfit.networks.dense import Dense as Dense
from manyfit.networks.init import INITS as INITS
from manyfit.networks.init import initial_parameters as initial_parameters
from manyfit.networks.inputs import Input as Input
from manyfit.networks.inputs import Inputs as Inputs
from manyfit.networks.inputs import cut as cut
from manyfit.networks.inputs import flatten as flatten
from manyfit.networks.inputs import vector as vector
from manyfit.networks.layout import Layout as Layout
from manyfit.networks.layout import Leaf as Leaf
from manyfit.networks.network import Apply as Apply
from manyfit.networks.network import Drop as Drop
from manyfit.networks.network import Network as Network
from manyfit.networks.network import network_from as network_from
from manyfit.networks.norm import NORMS as NORMS

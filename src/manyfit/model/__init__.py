"""The trained model: predicts, knows its test rows, is kept on disk without a pickle."""

from manyfit.model.artefact import load_model as load_model
from manyfit.model.forward import forward as forward
from manyfit.model.forward import numpy_forward as numpy_forward
from manyfit.model.forward import tempered as tempered
from manyfit.model.forward import to_values as to_values
from manyfit.model.model import Calibration as Calibration
from manyfit.model.model import Model as Model
from manyfit.model.model import Network as Network
from manyfit.model.model import OpenedRows as OpenedRows

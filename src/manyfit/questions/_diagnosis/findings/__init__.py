"""What else may be wrong with a training, one file each: what shows it, which remedies are tried, how much evidence it takes."""

from manyfit.questions._diagnosis.findings._base import Found as Found
from manyfit.questions._diagnosis.findings._base import Records as Records
from manyfit.questions._diagnosis.findings._base import Seen as Seen
from manyfit.questions._diagnosis.findings._base import Sign as Sign
from manyfit.questions._diagnosis.findings._base import Tried as Tried
from manyfit.questions._diagnosis.findings._base import Twin as Twin
from manyfit.questions._diagnosis.findings._base import finding as finding
from manyfit.questions._diagnosis.findings._base import registry as registry
from manyfit.registry import discover

discover(__name__, __path__)

"""What trained populations leave behind: arrays with named axes, in memory and on disk."""

from manyfit.runs.folder import RunFolder as RunFolder
from manyfit.runs.ledger import Cursor as Cursor
from manyfit.runs.ledger import Fate as Fate
from manyfit.runs.ledger import Ledger as Ledger
from manyfit.runs.ledger import Sums as Sums
from manyfit.runs.recorder import Recorder as Recorder
from manyfit.runs.run import Run as Run

"""The main job: a table in; a model, and the truth about it, out."""

from manyfit.job.main import Job as Job
from manyfit.job.options import Options as Options
from manyfit.job.plan import Plan as Plan
from manyfit.job.start import train as train

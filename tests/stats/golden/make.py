"""Makes `others.json` beside it: what rliable and arch say of small tables of scores.

They bring plotting and econometrics along, so they are no dependency of the tests; run this where they are installed:

    pip install --no-deps --target DIR rliable==1.2.0 arch==8.0.0 absl-py==2.5.1    # the rest is there
    PYTHONPATH=DIR python tests/stats/golden/make.py
"""

import json
from importlib import metadata
from pathlib import Path

import arch.bootstrap
import numpy as np
import rliable.library
import rliable.metrics

REPS = 400


_init = arch.bootstrap.IIDBootstrap.__init__


def _without_random_state(self, *args, random_state=None, **kwargs):
    """rliable 1.2.0 hands its `random_state` (None) to arch, which takes no such thing since its version 6."""
    _init(self, *args, **kwargs)


arch.bootstrap.IIDBootstrap.__init__ = _without_random_state


def main() -> None:
    a = np.random.RandomState(0).normal(1.0, 0.5, size=(6, 4))
    b = np.random.RandomState(1).normal(1.2, 0.5, size=(9, 4))
    b[0, 0] = a[0, 0]  # a tie
    np.random.seed(2)  # rliable draws from NumPy's global generator
    estimates, intervals = rliable.library.get_interval_estimates(
        {"a": a}, lambda x: np.array([rliable.metrics.aggregate_iqm(x)]), reps=REPS
    )
    taus = np.linspace(0.0, 2.0, 9)
    # Scores are better when higher there: a profile of −scores above −τ is one of scores below τ, but for ties.
    profile = [float(rliable.library.run_score_deviation(-a, -tau)) for tau in taus]
    losses = np.random.RandomState(3).normal(size=(400, 6)) + np.array([0.0, 0.02, 0.1, 0.15, 0.3, 0.5])
    sets = arch.bootstrap.MCS(losses, size=0.05, reps=4000, block_size=1, method="R", bootstrap="mbb", seed=4)
    sets.compute()
    result = {
        "versions": {name: metadata.version(name) for name in ("rliable", "arch", "numpy", "scipy")},
        "reps": REPS,
        "iqm": float(estimates["a"][0]),
        "iqm_interval": intervals["a"][:, 0].tolist(),
        # b improves on a where it is lower; the higher score is the better one there
        "improvement_of_b": float(rliable.metrics.probability_of_improvement(-b, -a)),
        "taus": taus.tolist(),
        "profile": profile,
        "set_p_values": sets.pvalues["Pvalue"].sort_index().tolist(),
    }
    (Path(__file__).parent / "others.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Where significance is decided: intervals, paired differences, equivalence, and how many more replicates would tell.

Scores are losses here: lower is better, and a difference a − b below 0 means that a is better. Every interval names
its scope: what was drawn anew between the values it was made from (seeds, splits, test rows).
"""

from manyfit.stats.aggregate import improvement as improvement
from manyfit.stats.aggregate import interquartile_mean as interquartile_mean
from manyfit.stats.aggregate import profile as profile
from manyfit.stats.aggregate import stratified_draws as stratified_draws
from manyfit.stats.aggregate import stratified_interval as stratified_interval
from manyfit.stats.best import ConfidenceSet as ConfidenceSet
from manyfit.stats.best import confidence_set as confidence_set
from manyfit.stats.comparison import Comparison as Comparison
from manyfit.stats.crossed import Component as Component
from manyfit.stats.crossed import Components as Components
from manyfit.stats.crossed import components as components
from manyfit.stats.decompose import Terms as Terms
from manyfit.stats.decompose import cross_entropy as cross_entropy
from manyfit.stats.decompose import pure_error as pure_error
from manyfit.stats.decompose import squared_error as squared_error
from manyfit.stats.families import as_family as as_family
from manyfit.stats.families import benjamini_hochberg as benjamini_hochberg
from manyfit.stats.families import holm as holm
from manyfit.stats.finding import Finding as Finding
from manyfit.stats.finding import judge as judge
from manyfit.stats.interval import LEVEL as LEVEL
from manyfit.stats.interval import Interval as Interval
from manyfit.stats.looks import Looks as Looks
from manyfit.stats.looks import paired_look as paired_look
from manyfit.stats.margin import margin_of as margin_of
from manyfit.stats.means import BOOTSTRAP_FROM as BOOTSTRAP_FROM
from manyfit.stats.means import N_RESAMPLES as N_RESAMPLES
from manyfit.stats.means import above_zero as above_zero
from manyfit.stats.means import mean_interval as mean_interval
from manyfit.stats.means import mean_p as mean_p
from manyfit.stats.overlap import Overlap as Overlap
from manyfit.stats.overlap import pooled as pooled
from manyfit.stats.pairs import paired as paired
from manyfit.stats.pairs import paired_ratios as paired_ratios
from manyfit.stats.pairs import paired_shares as paired_shares
from manyfit.stats.planning import NEVER as NEVER
from manyfit.stats.planning import POWER as POWER
from manyfit.stats.planning import replicates_needed as replicates_needed
from manyfit.stats.planning import replicates_to_tell as replicates_to_tell
from manyfit.stats.proportions import divergence as divergence
from manyfit.stats.proportions import mcnemar_p as mcnemar_p
from manyfit.stats.proportions import proportion_interval as proportion_interval
from manyfit.stats.proportions import share_difference as share_difference
from manyfit.stats.ranked import Ranking as Ranking
from manyfit.stats.ranked import chances_of_best as chances_of_best
from manyfit.stats.ranked import ranking as ranking
from manyfit.stats.ranked import ranks as ranks
from manyfit.stats.ranked import ranks_within as ranks_within
from manyfit.stats.rows import bootstrap_rows as bootstrap_rows
from manyfit.stats.sequence import paired_sequence as paired_sequence
from manyfit.stats.sequence import sequence_interval as sequence_interval
from manyfit.stats.signed_ranks import signed_rank_interval as signed_rank_interval
from manyfit.stats.signed_ranks import signed_rank_p as signed_rank_p
from manyfit.stats.tuning import TuningCurve as TuningCurve
from manyfit.stats.tuning import expected_best as expected_best
from manyfit.stats.tuning import picks as picks
from manyfit.stats.tuning import tuned_scores as tuned_scores
from manyfit.stats.tuning import tuning_curve as tuning_curve
from manyfit.stats.tuning import winner_chances as winner_chances

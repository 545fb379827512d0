"""Which of several methods are shown to be better, on the same patients, and the ranks that follow.

All pairs of methods are tested at once: the largest |t| over all pairs, and over the signs that the
patients' differences may take, is what each pair's |t| has to reach. So a mark holds although there
are many pairs and although the best was chosen by the same data: where methods are alike, at most
one table in 20 has any mark. It assumes of a difference between equal methods that it is as likely
of one sign as of the other, and no normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtr

from .statistics import ROUNDING, common_patients, differences, standard_error

LEVEL = 0.05
LEAST_PATIENTS = 6  # 5 patients have 16 pairs of opposite signs: p is at least 1/16
EXACT_UP_TO = 14  # patients; 8,192 flips
SAMPLED_FLIPS = 10_000
FLIPS_SEED = 1
BETTER, WORSE, TIE, NOT_TESTED = "better", "worse", "tie", ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """All pairs of methods at one metric and number of views.

    patients : whom all the methods have. gaps : (methods, methods), mean of the row's method less
    the column's, positive where the row's is better. p : likewise, over all pairs at once; NaN
    where nothing was tested.
    """

    methods: Sequence[str]
    patients: int
    gaps: np.ndarray
    p: np.ndarray

    def mark(self, method: str, other: str) -> str:
        """Whether a method is shown to be better or worse than another one."""
        if not {method, other} <= {*self.methods}:
            return NOT_TESTED
        at = self.methods.index(method), self.methods.index(other)
        if np.isnan(self.p[at]):
            return NOT_TESTED
        return TIE if self.p[at] > LEVEL else BETTER if self.gaps[at] > 0 else WORSE

    def p_value(self, method: str, other: str) -> float:
        if not {method, other} <= {*self.methods}:
            return np.nan
        return float(self.p[self.methods.index(method), self.methods.index(other)])

    def ranks(self) -> pd.DataFrame:
        """By method: rank of the mean (1 is best, equal means share), and its bounds.

        The bounds are 1 + the methods shown to be better, and the number of methods less those
        shown to be worse; NaN where nothing was tested.
        """
        count = len(self.methods)
        equal = (self.gaps == 0).sum(axis=1) - 1
        shown = (self.p <= LEVEL) & (self.gaps < 0)
        bounds = [1 + shown.sum(axis=1), count - shown.sum(axis=0)]
        low, high = np.where(np.isnan(self.p).all(axis=1), np.nan, bounds)
        columns = {"rank": 1 + (self.gaps < 0).sum(axis=1) + equal / 2}
        return pd.DataFrame(columns | {"rank_low": low, "rank_high": high}, list(self.methods))


def compare(values: Mapping[str, pd.DataFrame], higher: bool) -> Comparison:
    """Test all pairs of the methods that have a value for every patient.

    Parameters
    ----------
    values : by method, a row per patient and a column per training seed (`statistics.by_seed`).
        A method without a value for a patient whom another one has is not compared.
    higher : whether higher values are better.

    With several seeds a pair's p is at least that of the crossed t over patients and seeds, times
    the number of pairs: the sign flips alone would speak of these trained networks only.
    """
    everyone = set().union(*(own.index for own in values.values()))
    names = [name for name, own in values.items() if len(own) == len(everyone)]
    pairs = combinations([values[name] for name in names], 2)
    sign = 1 if higher else -1
    apart = [sign * differences(*common_patients(*pair)) for pair in pairs]
    tested = len(everyone) >= LEAST_PATIENTS
    p = _p_values(apart) if apart and tested else np.full(len(apart), np.nan)
    return Comparison(
        methods=names,
        patients=len(everyone),
        gaps=_square(len(names), list(map(_mean, apart)), -1, 0),
        p=_square(len(names), p, 1, 1 if tested else np.nan),
    )


def _p_values(apart: Sequence[np.ndarray]) -> np.ndarray:
    """p of each pair, from its differences, (patients, seeds)."""
    by_patient = np.stack([part.mean(axis=1) for part in apart])
    over_seeds = np.minimum(1, len(apart) * np.array(list(map(_crossed_p, apart))))
    return np.maximum(largest_t_p_values(by_patient), over_seeds)


def largest_t_p_values(apart: np.ndarray) -> np.ndarray:
    """Two-sided p of each row's mean being 0, by sign flips of patients and the largest |t|.

    apart : (pairs, patients), paired differences. A row of zeros has p = 1.

    Each row's |t| is compared with the largest over all rows, for every choice of signs of the
    patients (all rows turn together, as one patient's values belong together). |t| grows with |sum|
    / sqrt(patients x sum of squares), which is what is compared: the sum of squares is the same for
    all signs.
    """
    patients = apart.shape[1]
    size = np.sqrt(patients * (apart**2).sum(axis=1))
    rows = np.divide(apart, size[:, None], out=np.zeros_like(apart), where=size[:, None] > 0)
    largest = np.abs(sign_flips(patients) @ rows.T).max(axis=1)
    observed = np.abs(rows.sum(axis=1))
    return (largest[:, None] >= observed - ROUNDING).mean(axis=0)


@cache
def sign_flips(patients: int) -> np.ndarray:
    """Signs of patients, (flips, patients) of 1 and -1; the first row is as observed.

    All 2^(patients - 1), for the opposite signs have the same |t|; above `EXACT_UP_TO` patients
    a sample, always the same.
    """
    if patients <= EXACT_UP_TO:
        bits = np.arange(2 ** (patients - 1))[:, None] >> np.arange(patients) & 1
    else:
        rng = np.random.default_rng(FLIPS_SEED)
        bits = rng.integers(0, 2, (SAMPLED_FLIPS, patients))
        bits[0] = 0
    return 1.0 - 2 * bits


def _crossed_p(apart: np.ndarray) -> float:
    """Two-sided p of a pair's crossed t over patients and seeds; 0, no bar, with one seed."""
    if apart.shape[1] == 1:
        return 0.0
    error, freedom = standard_error(apart)
    if not error > 0:
        return 0.0
    return float(2 * stdtr(freedom, -abs(apart.mean()) / error))


def _mean(apart: np.ndarray) -> float:
    """Mean difference; 0 where differences cancel up to rounding."""
    mean = float(apart.mean())
    return mean if abs(mean) > ROUNDING * np.abs(apart).max() else 0.0


def _square(methods: int, pairs: Sequence[float], opposite: int, same: float) -> np.ndarray:
    """A value of each pair as (methods, methods); `opposite` times it for the pair turned round."""
    square = np.diag(np.full(methods, float(same)))
    above = np.triu_indices(methods, 1)
    square[above] = pairs
    square.T[above] = opposite * np.asarray(pairs)
    return square

"""Comparing counts with the distribution they should come from, at a stated confidence."""

from collections.abc import Mapping

from scipy import stats

FALSE_ALARM = 1e-6
"""Probability that a right sample is called wrong; a few hundred such tests fail once in thousands of runs."""
SMALLEST_EXPECTED = 5.0
"""Pearson's rule: rarer outcomes are taken together."""


def assert_same_distribution(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> None:
    """Pearson's chi-square test; an outcome of probability 0 must never come."""
    shots = sum(counts.values())
    possible = {key: value for key, value in probabilities.items() if value > 1e-12}
    assert set(counts) <= set(possible), f"impossible outcomes {set(counts) - set(possible)}"
    observed, expected = [], []
    rare_observed = rare_expected = 0.0
    for key, probability in possible.items():
        if shots * probability < SMALLEST_EXPECTED:
            rare_observed += counts.get(key, 0)
            rare_expected += shots * probability
        else:
            observed.append(float(counts.get(key, 0)))
            expected.append(shots * probability)
    if rare_expected >= SMALLEST_EXPECTED:
        observed.append(rare_observed)
        expected.append(rare_expected)
    if len(observed) < 2:
        return
    statistic = sum((found - wanted) ** 2 / wanted for found, wanted in zip(observed, expected, strict=True))
    survival = stats.chi2.sf(statistic, len(observed) - 1)  # type: ignore[attr-defined]  # made on import
    assert survival > FALSE_ALARM, f"chi-square {statistic:.1f} of {len(observed)} bins"

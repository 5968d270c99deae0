"""Does a tensor look like independent draws of a distribution? With a proven bound on how often correct code fails.

Every test here bounds its false rejects for each number of elements, without tables or asymptotics, and the
probability asked for is shared evenly among the tests, so that together they keep it too:

* support: every element within the bounds (never a false reject);
* shape: Dvoretzky-Kiefer-Wolfowitz with Massart's constant, P(D > e) <= 2 exp(-2 n e^2) (Ann. Probab. 18, 1990);
* mean: Hoeffding for bounded families, the Gaussian tail for the normal one;
* variance of a normal: Laurent and Massart's chi-square tails (Ann. Statist. 28, 2000, lemma 1);
* variance of a truncated normal, and the share of its elements within one std of the middle: Bernstein's inequality
  (Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, corollary 2.11);
* tails of a normal: the share beyond three std is binomial; Chernoff's bound by relative entropy;
* ends of a bounded family: P(no element in the outermost share d of the mass) = (1 - d)^n;
* evenness: numbers that fill cells of equal mass more evenly than chance does, as stratified or quasi-random ones do, are
  told by McDiarmid's inequality on the sum of |count - n / cells|, whose mean is de Moivre's of the binomial;
* pile-up at a bound, as clamping leaves it, and repeated values: the union bound and McDiarmid's inequality;
* dependence of neighbours: Hoeffding over the even and the odd pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np

from autograder.comparing.arrays import Array
from autograder.records.observation import DistributedAs

__all__ = ["alike", "judge_distribution", "quantiles"]

# Bounds for the chance that two float32 draws coincide, and that one hits a bound of its family; true ones are smaller.
_COINCIDENCE = 2.0**-20
_HITS_BOUND = 1e-5
# From here on, rounding makes draws coincide by itself.
_COARSE = 2.0**-20
_QUANTILES = 129
# Into how many cells of equal mass numbers are counted: few show groups of many strata, many show those of few numbers.
_CELLS = (128, 1024)
# The table of the normal distribution function: how many standard deviations it reaches, and its knots in each.
_FAR, _KNOTS_PER_STD = 9, 3600


def judge_distribution(values: Array, judge: DistributedAs, *, epsilon: float) -> str:
    """What speaks against `values` being draws of the judge's distribution; "" if nothing does.

    Args:
        values: the elements, of any shape.
        judge: the family, its parameters and the probability of rejecting correct code.
        epsilon: the distance of 1.0 to the next number in the dtype that the values were drawn in.

    Returns:
        The end of a sentence about the thing ("…: its mean is 0.5; about 0 is expected"), or "".
    """
    try:
        family = _Family(judge.family, judge.parameters)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        return f"cannot be judged: the parameters of {judge.family} are wrong ({error})"
    drawn = values.astype(np.float64).ravel()
    if drawn.size == 0:
        return "has no elements"
    if not np.isfinite(drawn).all():
        return f"has {int((~np.isfinite(drawn)).sum())} elements that are NaN or infinite"
    return _objection(drawn, family, judge.false_reject / 10, epsilon)


def _objection(drawn: Array, family: _Family, alpha: float, epsilon: float) -> str:
    """The first of the tests that fails, each with false-reject probability `alpha`; those easiest to explain first."""
    count = drawn.size
    margin = 4 * epsilon * family.scale + 1e-6 * family.scale
    low, high, mean = float(drawn.min()), float(drawn.max()), float(drawn.mean())
    spread = float(drawn.std())
    if low == high and count > 1:
        return f"is {low:.4g} everywhere; it should be drawn from {family}"
    if low < family.low - margin or high > family.high + margin:
        worst = low if family.low - low > high - family.high else high
        return f"has an element {worst:.4g}; {family} has none beyond {family.low:.4g} and {family.high:.4g}"
    # Before the mean and spread, which tell nothing of few numbers that are repeated.
    if epsilon <= _COARSE and (repeats := _unlikely_repeats(drawn, family, alpha)):
        return repeats
    log = math.log(2 / alpha)
    if abs(mean - family.mean) > family.mean_tail(count, log) + margin:
        return f"has mean {mean:.4g}; about {family.mean:.4g} is expected of {family}"
    if family.name == "normal":
        excess = float(np.square(drawn / family.std - family.center / family.std).sum()) - count
        room = 2 * count * epsilon * 4
        if excess > 2 * math.sqrt(count * log) + 2 * log + room or -excess > 2 * math.sqrt(count * log) + room:
            return f"has standard deviation {spread:.4g}; about {family.std:.4g} is expected of {family}"
    shares_as_drawn = family.cdf(drawn)
    shares = np.sort(shares_as_drawn)
    steps = np.arange(1, count + 1) / count
    distance = max(float((steps - shares).max()), float((shares - steps + 1 / count).max()))
    if distance > math.sqrt(log / (2 * count)) + 4 * epsilon:
        return f"does not look drawn from {family}: {_compared(mean, spread, family)}"
    if family.bounded:
        empty = 1 - alpha ** (1 / count)
        if max(float(shares[0]), 1 - float(shares[-1])) > empty + 4 * epsilon:
            return f"lies between {low:.4g} and {high:.4g}; {family} reaches further"
    if family.name == "truncated_normal" and family.bounded and (uneven := _uneven_spread(drawn, family, log, margin)):
        return uneven
    if epsilon > _COARSE:
        return ""
    if family.name == "normal" and (tails := _uneven_tails(drawn, family, log)):
        return tails
    return _dependence(shares_as_drawn, alpha) or _evenness(shares, alpha)


def _uneven_tails(drawn: Array, family: _Family, log: float) -> str:
    """Whether too few or too many of a normal's elements lie beyond three standard deviations."""
    wanted = math.erfc(3 / math.sqrt(2))
    beyond = float((np.abs(drawn - family.center) > 3 * family.std).mean())
    if drawn.size * _relative_entropy(beyond, wanted) > log:
        return f"has {beyond:.3%} of its elements beyond 3 std; about {wanted:.3%} are expected of {family}"
    return ""


def _relative_entropy(seen: float, wanted: float) -> float:
    """Of a coin that shows heads in the share `seen`, with respect to one that does in the share `wanted`."""
    pairs = ((seen, wanted), (1 - seen, 1 - wanted))
    return sum(one * math.log(one / two) for one, two in pairs if one > 0)


def _evenness(shares: Array, alpha: float) -> str:
    """Whether the shares fill cells of equal mass more evenly than independent numbers do."""
    for cells in _CELLS:
        counts = np.bincount(np.minimum((shares * cells).astype(np.intp), cells - 1), minlength=cells)
        unevenness = float(np.abs(counts - shares.size / cells).sum())
        # One number that moves changes the sum by 2 at most.
        room = math.sqrt(2 * shares.size * math.log(len(_CELLS) / alpha))
        if unevenness < cells * _mean_deviation(shares.size, 1 / cells) - room:
            return "has elements that are spread more evenly than by chance; each should be drawn by itself"
    return ""


def _mean_deviation(count: int, share: float) -> float:
    """E|N - count * share| of a binomial N (Diaconis and Zabell, Stat. Science 6, 1991)."""
    above = math.floor(count * share) + 1
    chosen = math.lgamma(count + 1) - math.lgamma(above + 1) - math.lgamma(count - above + 1)
    return 2 * above * math.exp(chosen + above * math.log(share) + (count - above + 1) * math.log1p(-share))


def _uneven_spread(drawn: Array, family: _Family, log: float, margin: float) -> str:
    """Whether a truncated normal's second moment, or the share of it in the middle, is off."""
    scaled = (drawn - family.center) / family.std
    squares, most = np.square(scaled), max(abs(bound) for bound in family.scaled_bounds) ** 2
    second, fourth = family.scaled_moment(2), family.scaled_moment(4)
    off = float(squares.mean()) - second
    if abs(off) > _bernstein(fourth - second**2, most, drawn.size, log) + 4 * math.sqrt(most) * margin / family.std:
        spread, wanted = family.std * math.sqrt(second + off), family.std * math.sqrt(second)
        return f"has a spread of {spread:.4g} around {family.center:.4g}; about {wanted:.4g} is expected of {family}"
    inside, wanted = float((np.abs(scaled) < 1).mean()), family.middle()
    if abs(inside - wanted) > _bernstein(wanted * (1 - wanted), 1.0, drawn.size, log) + 4 * margin / family.std:
        return f"has {inside:.1%} of its elements within one std of the middle; about {wanted:.1%} are expected of {family}"
    return ""


def _bernstein(variance: float, most: float, count: int, log: float) -> float:
    """How far the mean of `count` draws, each at most `most` off, lies off with probability 2 exp(-log) at most."""
    linear = most * log / (3 * count)
    return linear + math.sqrt(linear**2 + 2 * max(variance, 0.0) * log / count)


def _unlikely_repeats(drawn: Array, family: _Family, alpha: float) -> str:
    count = drawn.size
    for bound in (family.low, family.high) if family.bounded else ():
        hits = int((np.abs(drawn - bound) <= 1e-6 * family.scale).sum())
        # P(at least k hits) <= (n p)^k / k!
        if hits and hits * math.log(count * _HITS_BOUND) - math.lgamma(hits + 1) < math.log(alpha / 2):
            return f"has {hits} elements right at the bound {bound:.4g}; draws of {family} do not pile up there"
    in_order = np.sort(drawn, axis=None)  # np.unique would import numpy.ma
    repeats = int((in_order[1:] == in_order[:-1]).sum())
    if repeats > count * count / 2 * _COINCIDENCE + math.sqrt(count * math.log(1 / alpha) / 2):
        return f"has {repeats} repeated elements of {count}; independent draws hardly ever coincide"
    return ""


def _dependence(shares: Array, alpha: float) -> str:
    centred = 2 * shares - 1
    products = centred[:-1] * centred[1:]
    for half in (products[::2], products[1::2]):
        if half.size and abs(float(half.mean())) > math.sqrt(2 * math.log(4 / alpha) / half.size):
            return "has elements that depend on their neighbours; each should be drawn by itself"
    return ""


def _compared(mean: float, spread: float, family: _Family) -> str:
    return (
        f"its mean is {mean:.4g} and its standard deviation {spread:.4g}; "
        f"{family.mean:.4g} and {family.deviation:.4g} are expected"
    )


class _Family:
    """A distribution: bounds, mean, deviation and distribution function."""

    def __init__(self, name: str, parameters: Mapping[str, float]) -> None:
        self.name = name
        self.low, self.high = -math.inf, math.inf
        self.center = self.std = 0.0
        if name == "uniform":
            self.low, self.high = parameters["a"], parameters["b"]
            if not self.low < self.high:
                raise ValueError(f"a is {self.low:g} and b is {self.high:g}")
            self.mean, self.deviation = (self.low + self.high) / 2, (self.high - self.low) / math.sqrt(12)
            self._text = f"uniform({self.low:.4g}, {self.high:.4g})"
        else:
            self.center, self.std = parameters["mean"], parameters["std"]
            if not self.std > 0:
                raise ValueError(f"std is {self.std:g}")
            self.mean, self.deviation = self.center, self.std
            self._text = f"normal(mean {self.center:.4g}, std {self.std:.4g})"
        self._below, self._mass = 0.0, 1.0
        if name == "truncated_normal":
            self._truncate(parameters["a"], parameters["b"])
        self.bounded = math.isfinite(self.low) and math.isfinite(self.high)
        self.scale = self.high - self.low if self.bounded else self.std

    def _truncate(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        left, right = (low - self.center) / self.std, (high - self.center) / self.std
        self._below, above = (float(x) for x in _normal_cdf(np.array([left, right])))
        self._mass = above - self._below
        if not self._mass > 0:
            raise ValueError(f"a is {low:g} and b is {high:g}")
        # Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1, section 13.10.
        pdf_left, pdf_right = (math.exp(-x * x / 2) / math.sqrt(2 * math.pi) for x in (left, right))
        shift = (pdf_left - pdf_right) / self._mass
        moment = sum(x * p for x, p in ((left, pdf_left), (-right, pdf_right)) if math.isfinite(x))
        self.mean = self.center + self.std * shift
        self.deviation = self.std * math.sqrt(max(0.0, 1 + moment / self._mass - shift * shift))
        self._text = f"normal(mean {self.center:.4g}, std {self.std:.4g}) cut to [{low:.4g}, {high:.4g}]"

    @property
    def scaled_bounds(self) -> tuple[float, float]:
        """The bounds in units of std around the center."""
        return (self.low - self.center) / self.std, (self.high - self.center) / self.std

    def scaled_moment(self, order: int) -> float:
        """E z^order of the scaled truncated normal z, by the recursion that partial integration gives."""
        left, right = self.scaled_bounds
        if order < 2:
            pdf_left, pdf_right = (math.exp(-x * x / 2) / math.sqrt(2 * math.pi) for x in (left, right))
            return (pdf_left - pdf_right) / self._mass if order else 1.0
        ends = (
            x ** (order - 1) * math.exp(-x * x / 2) / math.sqrt(2 * math.pi) if math.isfinite(x) else 0.0
            for x in (right, left)
        )
        upper, lower = ends
        return (order - 1) * self.scaled_moment(order - 2) - (upper - lower) / self._mass

    def middle(self) -> float:
        """The share of the distribution within one std of its center."""
        low, high = self.cdf(np.array([self.center - self.std, self.center + self.std]))
        return float(high - low)

    def cdf(self, x: Array) -> Array:
        if self.name == "uniform":
            return np.clip((x - self.low) / (self.high - self.low), 0, 1)
        below: Array = (_normal_cdf((x - self.center) / self.std) - self._below) / self._mass
        return np.clip(below, 0, 1)

    def mean_tail(self, count: int, log: float) -> float:
        """How far the mean of `count` draws lies off with probability 2 exp(-log) at most."""
        if self.name == "normal":
            return self.std * math.sqrt(2 * log / count)
        if not self.bounded:
            return math.inf
        return (self.high - self.low) * math.sqrt(log / (2 * count))

    def __str__(self) -> str:
        return self._text


def _normal_cdf(z: Array) -> Array:
    """The standard normal distribution function, to 3e-9: NumPy has no `erf`, and one number at a time takes long."""
    table = _normal_table()
    place = np.clip((z + _FAR) * _KNOTS_PER_STD, 0, len(table) - 2)
    left = place.astype(np.intp)
    shares: Array = table[left] + (place - left) * (table[left + 1] - table[left])
    return shares


@cache
def _normal_table() -> Array:
    """The function's values from -`_FAR` to `_FAR`; between two of them it is all but straight."""
    knots = np.arange(-_FAR * _KNOTS_PER_STD, _FAR * _KNOTS_PER_STD + 1) / _KNOTS_PER_STD
    return np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in knots.tolist()])


def quantiles(values: Array) -> Array:
    """What `alike` needs of an array: 129 of its elements, evenly spaced by rank, from the smallest to the largest."""
    in_order = np.sort(values.astype(np.float64), axis=None)
    if in_order.size == 0:
        return in_order.astype("<f4")
    ranks = np.linspace(0, in_order.size - 1, _QUANTILES).round().astype(np.int64)
    with np.errstate(over="ignore"):
        return in_order[ranks].astype("<f4")


def alike(left: Array, right: Array, count: int) -> bool:
    """Whether two arrays of `count` elements could be draws of one distribution, by their `quantiles`.

    Yes, if their distribution functions are as close as two independent samples' are but once in a million, and neither
    reaches further than the other or repeats numbers where the other does not. Loose: it tells kinds of mistakes apart;
    it is not a verdict.
    """
    if left.size == 0 or right.size == 0:
        return left.size == right.size
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return bool((np.isfinite(left) == np.isfinite(right)).all())
    if (left[0] == left[-1]) != (right[0] == right[-1]):
        return False
    # A few numbers, repeated, tell as much as those few.
    few = [distinct for each in (left, right) if (distinct := 1 + int((each[1:] != each[:-1]).sum())) <= _QUANTILES // 2]
    count = min([count, *few])
    for one, other in ((left, right), (right, left)):
        if _piles_up(one, other) or _begins_below(one, other, count) or _begins_below(-one[::-1], -other[::-1], count):
            return False
    points = np.concatenate([left, right])
    shares = [np.searchsorted(sample, points, side="right") / sample.size for sample in (left, right)]
    return float(np.abs(shares[0] - shares[1]).max()) <= math.sqrt(math.log(2 / 1e-6) / count) + 1 / _QUANTILES


def _piles_up(one: Array, other: Array) -> bool:
    """Whether equal numbers pile up somewhere in the first array, and nowhere in the second."""
    return bool((one[:-2] == one[2:]).any()) and not (other[:-1] == other[1:]).any()


def _begins_below(one: Array, other: Array, count: int) -> bool:
    """Whether too many of the first array's numbers lie below all of the second's, which has a probability of 2**-20."""
    beyond = math.ceil(20 * (_QUANTILES - 1) / count)
    return beyond < _QUANTILES and bool(one[beyond] < other[0])

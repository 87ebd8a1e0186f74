"""The priors of the models, and their reasons.

All priors are on numbers without units. The scores of a search are measured from the threshold,
in units of its *tail scale*, the distance from the threshold to the median of the scores beyond it.
The tail scale is robust on purpose: a scale taken from the best score would let the unbounded
likelihood at the optimum (gamma < 2) drag the posterior onto the sample minimum.
"""

import ast
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Prior:
    """One prior: the name of a PyMC distribution and its parameters.

    Parameters
    ----------
    distribution : str
        Name of a univariate continuous distribution of PyMC, such as ``"LogNormal"``.
    **params : float
        Its parameters by name, such as ``mu=0, sigma=1``.

    Examples
    --------
    >>> ll.Prior("LogNormal", mu=0, sigma=1)
    LogNormal(mu=0, sigma=1)
    """

    distribution: str
    params: Mapping[str, float] = field(default_factory=dict)

    def __init__(self, distribution: str, **params: float) -> None:
        if not isinstance(distribution, str):
            raise TypeError(
                f"Prior takes the name of a distribution, as in Prior('LogNormal', mu=0, sigma=1); "
                f"got {distribution!r}"
            )
        for name, value in params.items():
            if isinstance(value, bool) or not isinstance(value, Real) or value != value:
                raise TypeError(
                    f"Prior({distribution!r}, {name}=...) takes a number, got {value!r}"
                )
        object.__setattr__(self, "distribution", distribution)
        object.__setattr__(self, "params", MappingProxyType(dict(params)))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.distribution}({inside})"

    def __hash__(self) -> int:
        return hash((self.distribution, frozenset(self.params.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mappingproxy can be neither pickled nor copied.
        return _restore, (self.distribution, dict(self.params))

    def family(self) -> Any:
        """Return the class of PyMC that the prior names.

        A `ValueError` names an unknown continuous distribution, or an unknown parameter of it.
        """
        import pymc as pm

        family: Any = getattr(pm, self.distribution, None)
        continuous = isinstance(family, type) and issubclass(family, pm.Continuous)
        if not continuous:
            raise ValueError(
                f"Prior({self.distribution!r}): not a continuous distribution of PyMC; "
                "name one as in Prior('LogNormal', mu=0, sigma=1)"
            )
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        signature = inspect.signature(family.dist).parameters.values()
        known = [entry.name for entry in signature if entry.kind in kinds]
        for name in self.params:
            # PyMC itself would ignore it.
            if name not in known:
                raise ValueError(
                    f"Prior({self.distribution!r}, {name}=...): no such parameter; "
                    f"there are {', '.join(known)}"
                )
        return family

    def dist(self, **kwargs: Any) -> Any:
        """Return the prior as an unnamed PyMC variable; raises as `family`."""
        return self.family().dist(**self.arguments(), **kwargs)

    def variable(self, name: str, dims: str | None = None) -> Any:
        """Add a variable with this prior to the active `pm.Model` and return it."""
        return self.family()(name, dims=dims, **self.arguments())

    def arguments(self) -> dict[str, np.float64]:
        """Return the parameters as PyMC should get them.

        With a small integer for a parameter, PyTensor would compute in 32 bits.
        """
        return {name: np.float64(value) for name, value in self.params.items()}


def _restore(distribution: str, params: Mapping[str, float]) -> Prior:
    return Prior(distribution, **params)


@dataclass(frozen=True)
class Priors:
    """The priors of a search; override any of them by name.

    Parameters
    ----------
    effective_dim : Prior
        On ``effective_dim − 1``, truncated at ``max_effective_dim − 1``. At least one
        hyperparameter matters. Real searches have few that do; a smooth optimum has one per
        hyperparameter. An exponential with mean 1 pulled bowls of three dimensions to two
        (docs/theory.md). The weights of integer effective dimensions are its densities at the
        integers.
    max_effective_dim : float or None
        Upper bound of the effective dimension. None: the number of `param:*` columns of the
        search, or 10 when they are unknown; never below 2, so that the posterior can differ.
    gap : Prior
        On the scaled depth of the optimum (`leadline.models.likelihood`). Without noise this is
        ``|threshold − optimum| / tail scale``: 1.3 for one effective hyperparameter, 2 for two and
        7.7 for ten; noise makes it smaller. The median of 2 and the sd of 1 on the log scale leave
        all of these likely.
    noise_ratio : Prior
        On ``noise sd / noise scale``, the tail scale of the best fifth of all trials: the same
        noise whatever the threshold. Avoids 0, where the likelihood is unbounded for
        ``effective_dim < 2``. Scores that are all noise have 2.3; the median is 0.3, and the sd of
        1 on the log scale leaves 0.04 to 2.3.
    reach : Prior
        On the probability that a trial's expected score is beyond the edge, which is the threshold
        without noise.
        It sets how far the law reaches. Uniform, because the count of such trials determines it.
    pooled_effective_dim : Prior
        On ``pooled_effective_dim − 1``, truncated as `effective_dim`. The mean is that of
        `effective_dim`, but 0 is avoided, where all searches of a space would have exactly one
        effective dimension. Integer effective dimensions use neither this nor the scatters below.
    effective_dim_scatter, effective_dim_scatter_across_spaces : Prior
        On the sd of ``log(effective_dim − 1)`` between the searches of a space, and between
        spaces (`leadline.models.effective_dims` has the bound). It varies little within a space.
    pooled_noise_ratio : Prior
        On the median noise ratio of all searches. It avoids 0 more strongly than `noise_ratio`,
        because the spikes of all likelihoods line up there: see `leadline.models.hierarchical`.
    noise_ratio_scatter : Prior
        On the sd of the log noise ratios. With the same noise, noise scales still differ.
    pooled_gap, gap_scatter : Prior
        On the median of the gaps and the sd of their logarithms. The scatter is kept near 1, the
        sd of `gap`: a tail scale is measured from the same scores as the gap, and tight pooling in
        units of it would count these scores twice. On 17 tasks with 24 rows each, the root mean
        square error of the optima was 2.1 posterior sds with a free scatter of 0.13, and 1.0
        with 0.6.
    model_scatter : Prior
        On the sd of the effects of the models, in task scales.
    interaction_sd : Prior
        On the sd of the interactions of models and tasks, in task scales. It avoids 0, because no
        two models differ by the same amount on every task.
    law_middle : Prior
        On the scaling law at the middle size and data, measured from a typical optimum in the
        spread of good scores (`leadline.models.scaling`). The optima are about one spread apart,
        and the scores inform their middle well.
    law_part : Prior
        On the parts of the loss at the middle that size and data can still remove, in the same
        unit. What sizes change is of the order of one spread; a sd of 1 on the log scale leaves
        0.14 to 7.
    law_exponent : Prior
        On half of an exponent, which keeps exponents in (0, 2). Exponents of published laws are
        0.05 to 1, about a third in the middle; the middle 90 % here are 0.08 to 0.86, with a median
        of 0.36. Beta(2, 5), with a median of 0.53, predicted worse on published curves that were
        held out (`benchmarks/README.md`). Zero is avoided, where a size that changes nothing
        could stand for any irreducible loss.
    law_outer_exponent : Prior
        On the outer exponent of a law of size and data. 0.22 to 1.1 is likely: five published
        families have 0.33 to 1.1, Busbridge et al. (2025, arXiv:2502.08606) 0.45, and Kaplan et al.
        (2020, arXiv:2001.08361) 0.1.
    law_misfit : Prior
        On the sd of optima around the law, in the same unit. Published laws leave residuals of a
        few hundredths of the range that they explain, but parameters absorb most of a smooth
        misfit, which shows beyond the range. 0.02 to 0.9 is likely. It avoids 0: no law is exact,
        and the likelihoods of all searches would line up there.
    law_misfit_length : Prior
        On the distance, in sds of the logs of size and of data, over which misfits are alike. What
        is much shorter than the distance between searches, or longer than their range, cannot be
        told from the noise or from the law; 0.75 to 5.4 is likely.
    reported_trials : Prior
        On the unknown number of trials behind a reported best (`leadline.models.best_of_k`),
        truncated at 1. Most published searches have tens of trials; the median of 50 and the sd
        of 1 on the log scale leave 7 to 360.
    guided_dim : Prior
        On how closely guided trials gather (`leadline.models.guided`): twice the exponent of their
        excess. A sampler that draws at random has the effective dimension, one that has converged
        0.2. The median of 2 and the sd of 1 on the log scale leave 0.3 to 15.
    guided_root : Prior
        On the square root of the distance of all guided trials from the optimum, in units of their
        mean excess. The distance has much probability near 0, because a sampler may have found the
        optimum itself, and is 2.7 or more with probability 0.1. The root is the parameter, because
        its logarithm has a shorter tail.

    Examples
    --------
    >>> ll.Priors(noise_ratio=ll.Prior("LogNormal", mu=-2.3, sigma=0.5)).noise_ratio
    LogNormal(mu=-2.3, sigma=0.5)
    """

    effective_dim: Prior = Prior("Exponential", scale=2)
    max_effective_dim: float | None = None
    gap: Prior = Prior("LogNormal", mu=0.693, sigma=1)
    noise_ratio: Prior = Prior("LogNormal", mu=-1.2, sigma=1)
    reach: Prior = Prior("Beta", alpha=1, beta=1)
    pooled_effective_dim: Prior = Prior("Gamma", alpha=2, beta=1)
    effective_dim_scatter: Prior = Prior("HalfNormal", sigma=0.3)
    effective_dim_scatter_across_spaces: Prior = Prior("HalfNormal", sigma=0.5)
    pooled_noise_ratio: Prior = Prior("Gamma", alpha=2, beta=4)
    noise_ratio_scatter: Prior = Prior("LogNormal", mu=-0.8, sigma=0.3)
    pooled_gap: Prior = Prior("LogNormal", mu=0.693, sigma=1)
    gap_scatter: Prior = Prior("LogNormal", mu=0, sigma=0.2)
    model_scatter: Prior = Prior("HalfNormal", sigma=1)
    interaction_sd: Prior = Prior("LogNormal", mu=-1, sigma=0.5)
    law_middle: Prior = Prior("Normal", mu=0, sigma=2)
    law_part: Prior = Prior("LogNormal", mu=0, sigma=1)
    law_exponent: Prior = Prior("Beta", alpha=2, beta=8)
    law_outer_exponent: Prior = Prior("LogNormal", mu=-0.7, sigma=0.5)
    law_misfit: Prior = Prior("LogNormal", mu=-2, sigma=1)
    law_misfit_length: Prior = Prior("LogNormal", mu=0.7, sigma=0.5)
    reported_trials: Prior = Prior("LogNormal", mu=3.91, sigma=1)
    guided_dim: Prior = Prior("LogNormal", mu=0.693, sigma=1)
    guided_root: Prior = Prior("HalfNormal", sigma=1)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "max_effective_dim":
                if value is None:
                    continue
                if isinstance(value, bool) or not isinstance(value, Real):
                    raise TypeError(f"max_effective_dim must be a number or None, got {value!r}")
                if not 1 < float(value) < math.inf:
                    raise ValueError(f"max_effective_dim must be above 1, got {value!r}")
            elif not isinstance(value, Prior):
                raise TypeError(
                    f"Priors({entry.name}=...) takes a Prior, such as "
                    f"{entry.default!r} written Prior('LogNormal', mu=0, sigma=1); got {value!r}"
                )

    def __str__(self) -> str:
        width = 2 + max(len(entry.name) for entry in fields(self))
        return "\n".join(
            f"{entry.name:{width}}{getattr(self, entry.name)}" for entry in fields(self)
        )

    def to_dict(self) -> dict[str, str | float | None]:
        """Return the priors as plain text and numbers, for provenance."""
        return {
            entry.name: repr(value) if isinstance(value, Prior) else value
            for entry in fields(self)
            for value in [getattr(self, entry.name)]
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, str | float | None]) -> "Priors":
        """Return the priors that `to_dict` wrote."""
        return cls(
            **{
                name: _prior_of(value) if isinstance(value, str) else value  # type: ignore[arg-type]
                for name, value in record.items()
            }
        )


def _prior_of(text: str) -> Prior:
    """Return the prior with this text, such as "LogNormal(mu=0, sigma=1)"."""
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call):
        raise TypeError(f"not the text of a prior: {text!r}")
    texts = {str(own.arg): ast.unparse(own.value) for own in call.keywords}
    # Integers stay integers, so that the text comes out the same.
    params = {
        name: int(text) if text.removeprefix("-").isdigit() else float(text)
        for name, text in texts.items()
    }
    return Prior(ast.unparse(call.func), **params)

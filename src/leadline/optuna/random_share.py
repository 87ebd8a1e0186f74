"""`RandomShareSampler`: any Optuna sampler, with a share of trials drawn at random and marked.

The quadratic law is about random draws. A sampler that learns makes none after its start, so that
its study cannot say how low the loss goes. With a random share it can.
"""

import hashlib
import secrets
from collections.abc import Sequence
from numbers import Real
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from leadline.errors import LeadlineError, format_value
from leadline.inference.fit_options import validate_seed
from leadline.io.optuna import DRAWN_ATTRIBUTE


class RandomShareSampler(BaseSampler):
    """Draw a share of the trials at random, and the others with another sampler.

    Parameters
    ----------
    base_sampler : optuna.samplers.BaseSampler
        The sampler of the other trials. It learns from all trials that it can learn from:
        `CmaEsSampler` learns from its own only.
    share : float
        Probability that a trial is drawn at random from the declared space, in (0, 1].
    seed : int, optional
        Same seed, same choice of trials and same random draws. Default: a random one.

    Raises
    ------
    LeadlineError
        If the share is not in (0, 1], or the seed is not an integer of 0 or more.
    TypeError
        If `base_sampler` is no sampler.

    Notes
    -----
    Each trial has the user attribute ``leadline:drawn``, "random" or "guided", which
    `leadline.read_optuna` reads into the column `drawn`. A choice depends on the seed and the
    number of the trial alone, so that it is the same in any thread, in any process, and in a study
    that is resumed from its storage. Enqueued trials are not marked: nothing drew them.

    `leadline.fit` needs 20 random trials: about 100 trials with a share of 0.25, 50 with 0.5.

    Examples
    --------
    >>> import optuna
    >>> from leadline.optuna import RandomShareSampler
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> sampler = RandomShareSampler(optuna.samplers.TPESampler(seed=1), share=0.25, seed=1)
    >>> study = optuna.create_study(sampler=sampler)
    >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=40)
    >>> sum(trial.user_attrs["leadline:drawn"] == "random" for trial in study.trials)
    9
    """

    def __init__(
        self, base_sampler: BaseSampler, share: float = 0.25, seed: int | None = None
    ) -> None:
        if not isinstance(base_sampler, BaseSampler):
            raise TypeError(
                "base_sampler must be a sampler, such as optuna.samplers.TPESampler(), got "
                f"{format_value(base_sampler)}"
            )
        if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share <= 1:
            raise LeadlineError(
                f"share must be a probability in (0, 1], such as 0.25, got {format_value(share)}"
            )
        validate_seed(seed)
        self._base_sampler: BaseSampler = base_sampler
        self._share: float = float(share)
        self._seed: int = secrets.randbits(64) if seed is None else int(seed)

    def __str__(self) -> str:
        return f"RandomShareSampler({self._base_sampler}, share={self._share:g})"

    def reseed_rng(self) -> None:
        """Reseed the wrapped sampler. The random draws are keyed by trial, so need no new seed."""
        self._base_sampler.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Mark the trial, and prepare the wrapped sampler for its own trials."""
        # A retried trial is enqueued with the attributes of the attempt that failed.
        if "fixed_params" not in trial.system_attrs:
            drawn = "random" if self._is_random(trial) else "guided"
            study._storage.set_trial_user_attr(trial._trial_id, DRAWN_ATTRIBUTE, drawn)
        if not self._is_random(trial):
            self._base_sampler.before_trial(study, trial)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space that the wrapped sampler samples jointly; empty for a random trial."""
        if self._is_random(trial):
            return {}
        return self._base_sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters that the wrapped sampler samples jointly."""
        if self._is_random(trial):
            return {}
        return self._base_sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return one parameter, drawn from its distribution or by the wrapped sampler."""
        sampler = self._base_sampler
        if self._is_random(trial):
            sampler = RandomSampler(seed=self._key(trial.number, param_name))
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Give the wrapped sampler the result of any trial."""
        self._base_sampler.after_trial(study, trial, state, values)

    def _is_random(self, trial: FrozenTrial) -> bool:
        return self._key(trial.number) < self._share * 2**32

    def _key(self, *names: object) -> int:
        """Return an integer of 32 bits that depends on the seed and the names alone."""
        # `hash` of a string differs between processes.
        text = repr((self._seed, *names)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big")

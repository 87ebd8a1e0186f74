"""`StopWhenSettled`: an Optuna callback that stops a study when further gain is unlikely.

It replaces `optuna.terminator`, which Optuna 6.0 removes. Instead of patience or the bounds of a
Gaussian process it uses `leadline.forecast`. Optuna is not imported; the study comes from the user.
"""

import logging
import threading
from typing import Any

from leadline.errors import LeadlineError, format_value
from leadline.inference.fit_options import validate_counts
from leadline.stats.forecast import forecast
from leadline.stats.options import validate_amount, validate_probability
from leadline.stats.stopping import Advice, stopping_advice

_LOG = logging.getLogger("leadline")

# With fewer finished trials too few are beyond any threshold.
_FEWEST_TRIALS = 20

# Samplers whose draws do not depend on the scores, those of a share at least.
_RANDOM = (
    "RandomSampler",
    "RandomShareSampler",
    "QMCSampler",
    "GridSampler",
    "BruteForceSampler",
)


class StopWhenSettled:
    """Stop a study when further trials are unlikely to achieve a worthwhile gain.

    The law is fitted to trials of a random sampler, or of a random share. Where the sampler learns,
    as Optuna's default does, a surface is fitted (``leadline.fit(model="surface")``), and the study
    stops when a perfect search is unlikely to gain enough.

    Parameters
    ----------
    minimum_gain : float or None
        Gains of the expected score up to this, in units of the objective, are not worthwhile. None
        stands for the noise sd of one run.
    probability : float
        Stop when the next trials achieve a larger gain with less than this probability.
    check_every : int
        Number of finished trials between checks. A check is a fit, which takes some 20
        seconds of one core, and one to three minutes of two for a surface.
    trials : int
        Number of next trials that the forecast is about.
    assume_random : bool
        Fit the law also to trials of a sampler that learns. It is about random trials: with others
        the forecast is too pessimistic early and too optimistic late.
    **fit_options
        Passed to `leadline.fit`. Default: ``random_seed=0``, so that the same trials give the
        same advice, and no progress bar.

    Attributes
    ----------
    history : list of (int, Advice)
        Number of finished trials at each check, and the advice.

    Raises
    ------
    LeadlineError
        If an option is wrong; when the study starts, if it has several objectives. Later a failed
        check is logged instead, since an error would end the study.

    Examples
    --------
    >>> import optuna
    >>> from leadline.optuna import StopWhenSettled
    >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
    >>> settled = StopWhenSettled(minimum_gain=0.001, probability=0.05, check_every=50)
    >>> study.optimize(objective, n_trials=1000, callbacks=[settled])  # doctest: +SKIP
    """

    def __init__(
        self,
        minimum_gain: float | None,
        probability: float = 0.05,
        check_every: int = 25,
        *,
        trials: int = 50,
        assume_random: bool = False,
        **fit_options: Any,
    ) -> None:
        if minimum_gain is not None:
            validate_amount(minimum_gain, "minimum_gain")
        validate_probability(probability)
        validate_counts(check_every=check_every, trials=trials)
        self.minimum_gain = minimum_gain
        self.probability = float(probability)
        self.check_every = int(check_every)
        self.trials = int(trials)
        self.assume_random = assume_random
        self.fit_options = {"random_seed": 0, "progressbar": False} | fit_options
        self.history: list[tuple[int, Advice]] = []
        self._checked = 0
        # A study may run in several threads; one check at a time suffices.
        self._lock = threading.Lock()

    def __call__(self, study: Any, trial: Any) -> None:
        """Check the study if a check is due; Optuna calls this after each trial."""
        self._validate(study)
        finished = sum(past.state.is_finished() for past in study.get_trials(deepcopy=False))
        if finished < max(_FEWEST_TRIALS, self._checked + self.check_every):
            return
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._checked = finished
            advice = self.advice(study)
            self.history.append((finished, advice))
            # WARNING, so that the reason for a stop is visible by default.
            level = logging.WARNING if advice.stop else logging.INFO
            _LOG.log(level, "after %d trials: %s", finished, advice.sentence)
            if advice.stop:
                study.stop()
        except LeadlineError as error:
            _LOG.warning("no forecast after %d trials: %s", finished, error)
        finally:
            self._lock.release()

    def advice(self, study: Any) -> Advice:
        """Return the advice that follows from the trials of a study so far."""
        from leadline.inference.fit import fit
        from leadline.io.optuna import read_optuna

        learns = not self.assume_random and type(study.sampler).__name__ not in _RANDOM
        # A surface takes trials however they were chosen.
        trials = read_optuna(study, assume_random=self.assume_random or learns)
        model = {"model": "surface"} if learns else {"assume_random": self.assume_random}
        tree = fit(trials, **(model | self.fit_options))
        found = forecast(tree, [self.trials], minimum_gain=self.minimum_gain)
        return stopping_advice(tree, found, probability=self.probability)

    def _validate(self, study: Any) -> None:
        """Raise `LeadlineError` unless the study can be forecast."""
        if len(study.directions) > 1:
            raise LeadlineError(
                f"StopWhenSettled takes one objective, and study {format_value(study.study_name)} "
                f"has {len(study.directions)}"
            )

"""`StopWhenSettled`: an Optuna callback that ends a random search that can gain little more.

What `optuna.terminator`, which leaves Optuna in 6.0, did by patience and by bounds from a Gaussian
process, it does by the forecast of the law: a study ends when the next trials are unlikely to
gain what is worth having. Optuna is not imported; the study comes from the user.
"""

import logging
import threading
from numbers import Integral
from typing import Any

from leadline.errors import LeadlineError, format_value
from leadline.stats.stopping import Advice, stopping_advice

_LOG = logging.getLogger("leadline")

# With fewer finished trials there are not enough past any threshold.
_LEAST = 20

# What they draw does not depend on the scores.
_RANDOM = ("RandomSampler", "QMCSampler", "GridSampler", "BruteForceSampler")


class StopWhenSettled:
    """Stop a study when further trials are unlikely to gain what is worth having.

    Parameters
    ----------
    minimum_gain : float
        A gain up to this, in units of the objective, is not worth having.
    probability : float
        Stop when the next trials gain more with less than this probability.
    check_every : int
        Number of finished trials from one check to the next. A check is a fit, which takes ten
        to twenty seconds of one core.
    trials : int
        Number of next trials that the forecast is about.
    assume_random : bool
        Take a study all the same whose sampler learns from its trials. The law is about random
        ones: with others the forecast is too pessimistic early and too hopeful late.
    **fit_options
        Passed to `leadline.fit`. Default: ``random_seed=0``, so that the same trials give the
        same advice, and no progress bar.

    Attributes
    ----------
    history : list of (int, Advice)
        The number of finished trials at each check, and what was advised.

    Raises
    ------
    LeadlineError
        If an option is wrong; when the study starts, if it has several objectives or its sampler
        is not random. Later nothing is raised, as that would end the study: a check that cannot
        be made is logged.

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
        minimum_gain: float,
        probability: float = 0.05,
        check_every: int = 25,
        *,
        trials: int = 50,
        assume_random: bool = False,
        **fit_options: Any,
    ) -> None:
        from leadline.stats.options import validate_amount, validate_probability

        validate_amount(minimum_gain, "minimum_gain")
        validate_probability(probability)
        for name, value in (("check_every", check_every), ("trials", trials)):
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise LeadlineError(
                    f"{name} must be an integer of 1 or more, got {format_value(value)}"
                )
        self.minimum_gain = float(minimum_gain)
        self.probability = float(probability)
        self.check_every = int(check_every)
        self.trials = int(trials)
        self.assume_random = assume_random
        self.fit_options = {"random_seed": 0, "progressbar": False} | fit_options
        self.history: list[tuple[int, Advice]] = []
        self._checked = 0
        # Studies may run in several threads, one check at a time is enough.
        self._lock = threading.Lock()

    def __call__(self, study: Any, trial: Any) -> None:
        """Check the study when it is time; Optuna calls this after each trial."""
        self._validate(study)
        finished = sum(one.state.is_finished() for one in study.get_trials(deepcopy=False))
        if finished < max(_LEAST, self._checked + self.check_every):
            return
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._checked = finished
            try:
                advice = self.advice(study)
            except LeadlineError as error:
                _LOG.warning("no forecast after %d trials: %s", finished, error)
                return
            self.history.append((finished, advice))
            # Who wonders why a study ended is told without asking for logs.
            level = logging.WARNING if advice.stop else logging.INFO
            _LOG.log(level, "after %d trials: %s", finished, advice.sentence)
            if advice.stop:
                study.stop()
        finally:
            self._lock.release()

    def advice(self, study: Any) -> Advice:
        """Return what the trials of a study so far advise."""
        from leadline.inference.fit import fit
        from leadline.io.optuna import read_optuna
        from leadline.stats.forecast import forecast

        trials = read_optuna(study, assume_random=self.assume_random)
        options: dict[str, Any] = {"assume_random": self.assume_random} | self.fit_options
        tree = fit(trials, **options)
        found = forecast(tree, [self.trials], minimum_gain=self.minimum_gain)
        return stopping_advice(tree, found, probability=self.probability)

    def _validate(self, study: Any) -> None:
        """Raise `LeadlineError` unless the study can be forecast."""
        if len(study.directions) > 1:
            raise LeadlineError(
                f"StopWhenSettled takes one objective, and study {format_value(study.study_name)} has "
                f"{len(study.directions)}"
            )
        sampler = type(study.sampler).__name__
        if not self.assume_random and sampler not in _RANDOM:
            raise LeadlineError(
                f"study {format_value(study.study_name)} has the sampler {sampler}, which is not random: "
                "the forecast is about random trials. Use optuna.samplers.RandomSampler(), or "
                "StopWhenSettled(assume_random=True)"
            )

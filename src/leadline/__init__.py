"""How low can the loss go? Bayesian answers from the scores of a random search.

Public names load when they are first used, so that a script that only reads trials does not wait
for PyMC (SPEC 1 of scientific Python).
"""

import importlib.metadata

import lazy_loader

__version__ = importlib.metadata.version("leadline")

__all__ = [
    "BestScore",
    "LeadlineError",
    "NoisyQuadratic",
    "Prior",
    "Priors",
    "Quadratic",
    "Trials",
    "best_setting",
    "check",
    "check_random_search",
    "compare",
    "comparison_numbers",
    "comparison_sentences",
    "effective_dim_numbers",
    "fit",
    "forecast",
    "forecast_numbers",
    "from_scores",
    "load_dataset",
    "optimum_numbers",
    "plot_comparison",
    "plot_effective_dim",
    "plot_forecast",
    "plot_optimum",
    "plot_tail_fit",
    "plot_threshold",
    "plot_tuning_curve",
    "read_keras_tuner",
    "read_mlflow",
    "read_optuna",
    "read_ray",
    "read_sklearn",
    "read_table",
    "read_wandb",
    "read_wandb_csv",
    "report",
    "summary",
    "tail_fit_numbers",
    "threshold_numbers",
    "trials_needed",
    "tuning_curve",
    "tuning_curve_numbers",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checks.check": ["check"],
        "data.trials": ["Trials"],
        "datasets": ["load_dataset"],
        "distributions": ["BestScore", "NoisyQuadratic", "Quadratic"],
        "errors": ["LeadlineError"],
        "html_report.render": ["report"],
        "inference.fit": ["fit"],
        "io.keras_tuner": ["read_keras_tuner"],
        "io.mlflow": ["read_mlflow"],
        "io.optuna": ["read_optuna"],
        "io.ray": ["read_ray"],
        "io.scores": ["from_scores"],
        "io.sklearn": ["read_sklearn"],
        "io.table": ["read_table"],
        "io.wandb": ["read_wandb_csv"],
        "io.wandb_folder": ["read_wandb"],
        "models.priors": ["Prior", "Priors"],
        "plots.plot_comparison": ["comparison_numbers", "plot_comparison"],
        "plots.plot_effective_dim": ["effective_dim_numbers", "plot_effective_dim"],
        "plots.plot_forecast": ["forecast_numbers", "plot_forecast"],
        "plots.plot_optimum": ["optimum_numbers", "plot_optimum"],
        "plots.plot_tail_fit": ["plot_tail_fit", "tail_fit_numbers"],
        "plots.plot_threshold": ["plot_threshold", "threshold_numbers"],
        "plots.plot_tuning_curve": ["plot_tuning_curve", "tuning_curve_numbers"],
        "search_audit.random_search": ["check_random_search"],
        "stats.compare": ["compare"],
        "stats.comparison_sentences": ["comparison_sentences"],
        "stats.forecast": ["forecast"],
        "stats.summary": ["summary"],
        "stats.surface_summary": ["best_setting"],
        "stats.trials_needed": ["trials_needed"],
        "stats.tuning_curve": ["tuning_curve"],
    },
)

"""Parameters that trackers record beside hyperparameters are left out, with a note."""

import pytest

import leadline as ll
from leadline.io.recorded_params import select_params


def runs(count=12, **others):
    """Return recorded parameters as MLflow has them, as texts."""
    return [
        {"lr": str(0.1 * 0.9**k), "layers": f"[{k}, 2]"}
        | {name: str(value(k)) for name, value in others.items()}
        for k in range(count)
    ]


def chosen(recorded, **how):
    found, notes = select_params(recorded, None, "mlruns", **how)
    return sorted({name for own in found for name in own}), notes


@pytest.mark.parametrize(
    "name",
    [
        *("seed", "random_state", "opt/data_seed", "run_name", "output_dir", "hostname"),
        *("Timestamp", "cuda_visible_devices", "git-commit", "data.train_path"),
    ],
)
def test_what_is_about_the_run_by_its_name_is_left_out(name):
    kept, notes = chosen(runs(**{name: lambda k: k % 3}))
    assert kept == ["layers", "lr"]
    assert len(notes) == 1
    assert repr(name) in notes[0]
    assert "params" in notes[0]


@pytest.mark.parametrize(
    "value",
    [
        "runs/2026-03-01_{}".format,
        lambda k: f"happy-cloud-{k}",
        lambda k: f"https://example.org/{k}",
    ],
)
def test_texts_that_differ_in_every_run_are_names(value):
    assert chosen(runs(label=value))[0] == ["layers", "lr"]
    # With few runs, or where two runs share one, they may be choices.
    assert "label" in chosen(runs(5, label=value))[0]
    assert "label" in chosen(runs(label=lambda k: value(k // 2)))[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation", lambda k: ["relu", "tanh"][k % 2]),
        ("units", lambda k: 2**k),
        ("momentum", lambda k: k / 7),
        ("seed_length", lambda k: k),
        ("pathway", lambda k: k % 2),
        ("betas", lambda k: f"(0.9, {k / 20})"),
        ("devices", lambda k: k % 4),
    ],
)
def test_hyperparameters_are_kept(name, value):
    kept, notes = chosen(runs(**{name: value}))
    assert name in kept
    assert not notes


def test_constants_need_no_note_and_named_ones_are_taken():
    assert not chosen(runs(seed=lambda k: 7))[1]
    assert not chosen(runs(seed=lambda k: k), replicate="seed")[1]
    found, notes = select_params(runs(seed=lambda k: k), ["lr", "seed"], "mlruns")
    assert set(found[0]) == {"lr", "seed"}
    assert not notes
    with pytest.raises(ll.LeadlineError, match=r"'lrr'.*'lr'"):
        select_params(runs(), ["lrr"], "mlruns")


def test_folds_are_refused_with_the_ways_out():
    recorded = runs(fold=lambda k: k % 5)
    with pytest.raises(ll.LeadlineError, match=r"'fold'.*mean over the folds.*params=\['lr'\]"):
        select_params(recorded, None, "mlruns")
    assert not select_params(recorded, ["lr"], "mlruns")[1]

"""nutpie is imported without all of ArviZ, which stays importable."""

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from leadline.inference.import_nutpie import import_nutpie
nutpie = import_nutpie()
assert nutpie is sys.modules["nutpie"] is import_nutpie()
assert not {"arviz", "arviz_plots", "matplotlib"} & set(sys.modules)
# The functions that nutpie uses.
assert callable(nutpie.sample.__globals__["arviz"].from_dict)
assert callable(nutpie.sample.__globals__["arviz"].dict_to_dataset)
import arviz
assert arviz.plot_forest
"""


@pytest.mark.slow
def test_arviz_is_not_loaded_with_nutpie():
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

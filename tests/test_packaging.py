"""The package that is built holds every package that is written, and imports point one way."""

import os
import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_listed():
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "src").rglob("*.py")}
    folders |= {path.parent.relative_to(ROOT) for path in (ROOT / "models").rglob("*.py")}
    # models/ becomes leadline/models when the package is built.
    written = {".".join(folder.parts).removeprefix("src.") for folder in folders}
    written = {f"leadline.{name}" if name.startswith("models") else name for name in written}
    assert written == set(SETUPTOOLS["packages"])


def test_data_files_are_packaged():
    patterns = SETUPTOOLS["package-data"]
    for path in (ROOT / "src" / "leadline").rglob("*"):
        # The caches of Python and of numba are not part of the package.
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__":
            package = ".".join(path.parent.relative_to(ROOT / "src").parts)
            assert any(path.match(pattern) for pattern in patterns.get(package, [])), path


def test_imports_point_one_way():
    tools = pathlib.Path(sys.executable).parent
    checked = subprocess.run(
        [ROOT / ".ci" / "as-installed", "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_package_root_is_light():
    code = "import leadline, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {"pymc", "arviz", "matplotlib", "pandas"} & set(loaded.decode().split())


def test_every_public_name_loads():
    import leadline

    assert len(set(leadline.__all__)) == len(leadline.__all__)
    for name in leadline.__all__:
        assert callable(getattr(leadline, name)), name

"""The package that is built holds every package that is written, and imports point one way."""

import pathlib
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def source_files():
    source = ROOT / "src" / "leadline"
    for path in sorted(source.rglob("*.py")):
        yield path, path.relative_to(source).parts[0].removesuffix(".py")
    for path in sorted((ROOT / "models").rglob("*.py")):
        yield path, "models"


def test_every_package_is_listed():
    written = {"leadline"}
    for path, part in source_files():
        if part == "models":
            inside = path.parent.relative_to(ROOT / "models").parts
            written.add(".".join(["leadline", "models", *inside]))
        else:
            written.add(".".join(path.parent.relative_to(ROOT / "src").parts))
    assert written == set(SETUPTOOLS["packages"])


def test_data_files_are_packaged():
    patterns = SETUPTOOLS["package-data"]
    for path in (ROOT / "src" / "leadline").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            package = ".".join(path.parent.relative_to(ROOT / "src").parts)
            assert any(path.match(pattern) for pattern in patterns.get(package, [])), path


def test_the_package_root_is_light():
    code = "import leadline, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {"pymc", "arviz", "matplotlib", "pandas"} & set(loaded.decode().split())


def test_every_public_name_loads():
    import leadline

    assert len(set(leadline.__all__)) == len(leadline.__all__)
    for name in leadline.__all__:
        assert callable(getattr(leadline, name)), name

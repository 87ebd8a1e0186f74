"""Configuration of the site: `uv run --group docs sphinx-build -W docs docs/_build`."""

import importlib.metadata
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Leadline"
author = "the developers of Leadline"
version = release = importlib.metadata.version("leadline")
html_title = f"{project} {version}"

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "outside_pages",
    "self_contained",
]
# MyST-NB writes jupyter_execute beside the output.
exclude_patterns = ["_build", "_ext", "_templates", "jupyter_execute"]
templates_path = ["_templates"]

# Blocks without a language are commands and output.
highlight_language = "text"
# Options keep their two hyphens.
smartquotes = False

# Notebooks are executed by the tests.
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "deflist"]
# The anchors that GitHub gives to headings, which links in the repository use.
myst_heading_anchors = 4
html_math_renderer = "mathml"

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
# The sections "Examples" of two names may have equal labels otherwise.
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Pages without pages below have nothing to navigate.
html_sidebars = {"get_started": [], "glossary": [], "coming_from": []}
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "Leadline"},
    "navbar_end": ["theme-switcher"],
    "show_prev_next": True,
    "footer_end": [],
    # Its script asks a server for the list of versions.
    "check_switcher": False,
}


def setup(app: Sphinx) -> None:
    """Show Mermaid's diagrams as text: its script would be loaded from outside."""
    app.add_lexer("mermaid", TextLexer)

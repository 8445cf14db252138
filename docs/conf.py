"""Build the documentation: ``make docs`` writes it to build/docs."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

from from_code import filled

from peerrec import __version__

project = "peerrec"
release = version = __version__
project_copyright = "the authors of peerrec"
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples"]
nitpicky = False  # docstrings name types of numpy and of the standard library

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_attr_annotations = False
napoleon_use_ivar = True  # attributes once, in the words of the class
default_role = "code"

html_theme = "furo"
html_title = f"peerrec {__version__}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put what the code says into the places that a page keeps for it."""
    source[0] = filled(source[0])


def setup(app: Sphinx) -> None:
    """Join what is made from the code with what is written by hand."""
    app.connect("source-read", fill)

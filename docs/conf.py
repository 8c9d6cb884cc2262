"""How Sphinx builds the documentation; nothing is fetched while it does."""

from typing import Any

from sphinx.application import Sphinx

import voisin

project = "voisin"
author = "the voisin authors"
copyright = author
version = release = voisin.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # a page that no longer runs must not be built
nb_execution_timeout = 600  # seconds a cell: a busy machine takes ten times as long
nb_execution_raise_on_error = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_ipywidgets_js: dict[str, Any] = {}  # would be fetched by the reader's browser

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the docstrings say shapes too
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "voisin"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_show_sourcelink = False
html_sidebars = {"**": ["globaltoc.html"]}
html_theme_options = {
    "globaltoc_maxdepth": 1,
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

_FRENCH = ("tutorial/chapitre",)


def _say_language(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Let screen readers and hyphenation know that a page is in French."""
    if page in _FRENCH:
        context["language"] = "fr"


def setup(app: Sphinx) -> None:
    """Connect what the settings above cannot say."""
    app.connect("html-page-context", _say_language)

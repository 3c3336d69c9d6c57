"""The configuration of the site. `sphinx-build -W -j auto -c docs . build/site` builds it, and runs the lessons."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import site_pages  # noqa: E402

import minigrad  # noqa: E402

project = "minigrad"
author = copyright = "The minigrad authors"
release = version = minigrad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.autosummary", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["docs/**", "tutorials/*.py", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = ["docs/*.py", "docs/playground/*"]
default_role = "code"

suppress_warnings = ["ref.python"]  # two classes are called Dataset

nb_custom_formats = {".py": ["site_pages.lesson", {}]}
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
os.environ["PYTHONWARNINGS"] = "error:::__main__"  # of the lessons' kernels: what a cell warns of is an error
nb_merge_streams = True
nb_output_stderr = "remove"  # warnings, with the paths of temporary files; the lessons print what matters
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring, napoleon_numpy_docstring = True, False

html_theme = "furo"
html_title = "minigrad"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["redirect"]  # index.html at the root leads to docs/index.html
html_show_sourcelink = False
copybutton_prompt_text = ">>> |... |\\$ "
copybutton_prompt_is_regexp = True


def setup(app):
    """Generate pages before the sources are listed, and lead links to them."""
    site_pages.generate()
    app.connect("source-read", site_pages.link_sources)
    app.connect("autodoc-process-docstring", site_pages.escape, priority=400)  # before napoleon
    app.connect("build-finished", site_pages.add_playground)
    app.connect("build-finished", site_pages.check_links, priority=900)  # at the end

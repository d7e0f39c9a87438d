"""The site: the lesson, whose cells are run while it is built, and the other pages of docs/.

`nox -s lesson` builds it into docs/_build/html. What cannot be run or linked stops it.
"""

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

project = html_title = "Backproof"
release = metadata.version("backproof")

extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_show_tb = True  # a cell that fails is a warning, which -W makes an error
nb_execution_timeout = 300  # of one cell
nb_merge_streams = True
nb_code_prompt_show = "Show the code of the drawing"
nb_code_prompt_hide = "Hide the code of the drawing"

html_theme = "furo"
html_css_files = ["lesson.css"]
html_copy_source = html_show_copyright = False
# MathJax from the machine, so that the site can be read without a network.
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent
html_static_path = ["_static", str(MATHJAX / "static")]
mathjax_path = "mathjax/tex-chtml.js"

HERE = Path(__file__).parent
LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)[^)]*\)")


def without_links_out(app, docname, source):
    """Keep the words, not the link, where a page links to one that is not of the site."""

    def kept(link):
        target = (HERE / docname).parent / link[2]
        outside = HERE not in target.resolve().parents
        return link[1] if outside and (target.suffix == ".md" or target.is_dir()) else link[0]

    source[0] = LINK.sub(kept, source[0])


def setup(app):
    """What Sphinx calls."""
    app.connect("source-read", without_links_out)

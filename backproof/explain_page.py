"""The ledger as one page of HTML that needs nothing else: no network, no other file.

Above is the network to step through and to play with, below the whole ledger in tables, which is
there without a script too. The script and the style are files of ``page``, put together here; a
content security policy lets the browser run these and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from . import __version__
from .comparisons.ledger.explanation import Explanation
from .explain_live import page_data
from .explain_tables import sections

SCRIPTS = ("operations", "tape", "words", "dom", "heat", "walk", "graph", "table", "tiles", "panel",
           "knobs", "plot", "main")  # fmt: skip
STYLES = ("page", "ledger")
READABLE = 100_000  # characters of data that stand in the page as they are


def page(e: Explanation) -> str:
    """The whole document."""
    scripts = "\n".join(_file(f"{name}.js") for name in SCRIPTS)
    script = f'\n(() => {{\n"use strict";\n{scripts}}})();\n'
    style = "\n" + "\n".join(_file(f"{name}.css") for name in STYLES)
    parts = {
        "policy": f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}",
        "title": escape(f"{e.problem.name}: backpropagation step by step"),
        "version": __version__, "command": escape(e.problem.name),
        "name": escape(e.problem.name), "description": escape(e.problem.description),
        "notes": "\n".join(_notes(e)), "ledger": "".join(sections(e)),
        "style": style, "script": script, "data": _packed(page_data(e)),
    }  # fmt: skip
    document = _file("page.html")
    for name, text in parts.items():
        before, _, after = document.partition(f"<!-- {name} -->")
        document = before + text + after
    return document


def _file(name: str) -> str:
    return files("backproof").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy knows an inline script or style by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _packed(data: object) -> str:
    """JSON that cannot end the element that it stands in; much of it is compressed."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) > READABLE:
        return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def _notes(e: Explanation) -> Iterator[str]:
    for what, why in e.skipped.items():
        yield f'<p class="none">Skipped: {escape(what)}: {escape(why)}</p>'
    for line in e.wrong:
        yield f'<p class="bad">Wrong: {escape(line)}.</p>'

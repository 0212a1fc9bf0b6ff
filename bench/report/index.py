# SPDX-License-Identifier: GPL-2.0
"""The page that shows it all."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from . import about
from .rows import Row

STYLE = """body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; }
pre { background: #f4f4f4; padding: 1em; overflow-x: auto; font-size: 85%; }
img { max-width: 100%; }"""


@dataclass
class Section:
    """One experiment."""

    name: str
    about: str
    text: str
    pictures: list[str] = field(default_factory=list)


def _section(section: Section) -> str:
    images = "".join(f'<p><img src="{name}" alt="{escape(name)}"></p>\n'
                     for name in section.pictures)
    raw = (f'<p>Every sample: <a href="{section.name}.csv">CSV</a>, '
           f'<a href="{section.name}.json">JSON</a>; the tables as '
           f'<a href="{section.name}.txt">text</a>.</p>\n' if section.pictures else "")
    return (f'<h2 id="{section.name}">{escape(section.name)}</h2>\n'
            f"<p>{escape(section.about)}</p>\n<pre>{escape(section.text)}</pre>\n"
            f"{images}{raw}")


def write(out: Path, machine: Row, sections: list[Section]) -> None:
    """index.html in the folder of the results."""
    contents = " · ".join(f'<a href="#{s.name}">{escape(s.name)}</a>' for s in sections)
    page = (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f"<title>vpt: benchmarks</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f"<h1>vpt: benchmarks</h1>\n<pre>{escape(about.text(machine))}</pre>\n"
            f"<p>{contents}</p>\n" + "".join(map(_section, sections)) + "</body>\n</html>\n")
    (out / "index.html").write_text(page, encoding="utf-8")

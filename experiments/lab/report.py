"""Runs as one page of HTML that holds everything itself: figures, claims, settings, commands; no network, no script."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .html import Markup, element, markup
from .sections import Row, Section

TITLE = "Vanishing and exploding gradients: the published experiments, rerun"
INTRODUCTION = (
    "Each section is one run: the figure, what its source claims, what was obtained, and whether it holds at the tolerance. "
    "A claim that does not hold at this size is shown as such; a reported figure is not judged. "
    "The same command and seed give the same numbers."
)


def page(found: Sequence[Section]) -> str:
    """The whole page."""
    names = _anchors(found)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),
        element("title", TITLE),
        element("style", Markup(Path(__file__).with_name("report.css").read_text(encoding="utf-8"))),
    )
    header = element("header", element("h1", TITLE), element("p", INTRODUCTION), _count(found))
    body = element("main", _overview(found, names), [_section(s, anchor) for s, anchor in zip(found, names)])
    return f"<!DOCTYPE html>\n{element('html', head, element('body', header, body), lang='en')}\n"


def _anchors(found: Sequence[Section]) -> list[str]:
    """An id for each section: its name, and a number from the second of a name on."""
    seen: Counter[str] = Counter()
    anchors = []
    for section in found:
        name = section.name.replace(" ", "-")
        seen[name] += 1
        anchors.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return anchors


def _link(text: str, anchor: str) -> Markup:
    return element("a", text, href=f"#{anchor}")


def _count(found: Sequence[Section]) -> Markup:
    outcomes = Counter(row.outcome for section in found for row in section.rows)
    text = f"{outcomes.total()} claims: {outcomes['holds']} hold, {outcomes['fails']} do not, {outcomes['reported']} reported"
    return element("p", text, class_="count")


def _overview(found: Sequence[Section], anchors: Sequence[str]) -> Markup:
    """Every section's claims counted, in one table at the top."""
    rows = []
    for section, anchor in zip(found, anchors):
        counts = Counter(row.outcome for row in section.rows)
        cells = [
            element("td", str(counts[outcome] or "–"), class_=f"number {outcome}" if counts[outcome] else "number")
            for outcome in ("holds", "fails", "reported")
        ]
        rows.append(
            element("tr", element("th", _link(section.name, anchor), scope="row"), element("td", section.summary), cells)
        )
    return markup([element("h2", "All runs"), _table(["run", "what", "hold", "do not", "reported"], rows, "all runs")])


def _section(section: Section, anchor: str) -> Markup:
    return element(
        "section",
        element("h2", section.name, id=f"{anchor}-title"),
        element("p", section.summary),
        element("p", section.source, class_="soft"),
        [_figure(path, section) for path in section.figures],
        element("h3", "Claims"),
        _claims(section.rows) if section.rows else element("p", "None.", class_="soft"),
        element("h3", "To run it again"),
        element("pre", element("code", section.command), tabindex="0"),
        element("dl", [[element("dt", term), element("dd", text)] for term, text in section.facts.items()], class_="facts"),
        _settings(section),
        id=anchor,
        aria_labelledby=f"{anchor}-title",
    )


def _figure(path: Path, section: Section) -> Markup:
    """A figure inside the page, its pixels and all."""
    name = path.stem.replace("_", " ")
    title = section.name if name == "figure" else f"{section.name}, {name}"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    image = element("img", src=f"data:image/png;base64,{data}", alt=f"Figure of {title}: {section.summary}")
    return element("figure", image, element("figcaption", title))


def _claims(rows: Sequence[Row]) -> Markup:
    body = [
        element(
            "tr",
            element("th", row.sentence, element("span", row.source, class_="source"), scope="row", class_="claim"),
            element("td", row.published),
            element("td", row.obtained),
            element("td", row.tolerance, class_="number"),
            element("td", row.verdict, class_=f"verdict {row.outcome}"),
        )
        for row in rows
    ]
    return _table(["claim and source", "published", "obtained", "tolerance", "verdict"], body, "claims")


def _settings(section: Section) -> Markup:
    """The settings, those that are not the defaults on a ground of their own."""
    body = [
        element(
            "tr",
            element("th", element("code", setting.name), scope="row"),
            element("td", element("code", setting.value), " (changed)" if setting.changed else None),
            element("td", element("code", setting.default)),
            element("td", setting.meaning),
            class_="changed" if setting.changed else None,
        )
        for setting in section.settings
    ]
    table = _table(["setting", "value", "default", "meaning"], body, "settings")
    return element("details", element("summary", f"{len(body)} settings"), table)


def _table(head: Sequence[str], rows: Sequence[Markup], label: str) -> Markup:
    """A table that scrolls on its own where the window is narrow; the keyboard can scroll it too."""
    heads = element("thead", element("tr", [element("th", text, scope="col") for text in head]))
    table = element("table", heads, element("tbody", list(rows)))
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label=label)

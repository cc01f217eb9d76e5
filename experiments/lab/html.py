"""HTML written safely: text is escaped unless it was made here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Union


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Content = Union[str, None, Sequence["Content"]]  # noqa: UP007 (a quoted name has no |)

_EMPTY = {"img", "meta", "link", "br"}  # elements that have no end tag


def markup(content: Content) -> Markup:
    """`content` as HTML: Markup as it is, any other text escaped, a list one after the other, None as nothing."""
    if content is None or isinstance(content, Markup):
        return Markup(content or "")
    if isinstance(content, str):
        return Markup(escape(_printable(content)))
    return Markup("".join(map(markup, content)))


def element(name: str, /, *content: Content, **attributes: str | None) -> Markup:
    """``<name key="value">content</name>``; ``class_`` stands for ``class``, and an attribute that is None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_printable(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in _EMPTY else f"{markup(list(content))}</{name}>"
    return Markup(f"<{name}{given}>{end}")


def _printable(text: str) -> str:
    """`text` without the control characters that no HTML may hold."""
    return "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)

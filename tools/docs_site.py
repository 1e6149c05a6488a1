"""What the documentation's site takes from the code: a hook of mkdocs, named in mkdocs.yml.

In pages, `<!-- commands -->` becomes every command with its options, and links to files outside `docs` become
the files' names, since the site does not hold them.
"""

import dataclasses
import inspect
import re
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cameo3d.app.cli import COMMANDS
from cameo3d.pipeline.adjustments import NOTATIONS

DOCS = Path(__file__).parents[1] / "docs"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    if "<!-- commands -->" in markdown:
        markdown = markdown.replace("<!-- commands -->", "\n".join(map(command_page, COMMANDS)))
    return re.sub(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)\)", lambda link: _inside(link, page), markdown)


def _inside(link: re.Match, page: Any) -> str:
    here = DOCS / Path(page.file.src_uri).parent
    target = (here / link[2]).resolve()
    if target.is_relative_to(DOCS) and target.is_file():
        return link[0]
    if not target.exists():
        raise SystemExit(f"{page.file.src_uri}: there is no {link[2]}")
    return f"{link[1]} (`{target.relative_to(DOCS.parent)}`)"


def command_page(command: Any) -> str:
    """A command's heading, what it does, and a table of its options."""
    head, told = _docstring(command)
    hints = get_type_hints(command, include_extras=True)
    table = ["| option | values | default | what it does |", "| --- | --- | --- | --- |"]
    lines = [f"## cameo3d {command.__name__}", "", *head, "", *table]
    for name, parameter in inspect.signature(command).parameters.items():
        lines += _rows(name, hints[name], parameter.default, told.get(name, ""))
    return "\n".join([*lines, ""])


def _rows(name: str, hint: Any, default: Any, told: str) -> list[str]:
    kind, extras = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        fields = dataclasses.fields(kind)
        hints, texts = get_type_hints(kind, include_extras=True), _field_texts(kind)
        return [
            row
            for field in fields
            for row in _rows(field.name, hints[field.name], getattr(default, field.name), texts[field.name])
        ]
    metavars = [extra.metavar for extra in extras if getattr(extra, "metavar", None)]
    positional = any("POSITIONAL" in str(extra).upper() for extra in extras) or "Positional" in str(hint)
    values = metavars[0] if metavars else _values(kind)
    shown = f"`{values}`" if positional else f"`--{name.replace('_', '-')}`"
    if default is inspect.Parameter.empty:
        usual = "needed"
    elif default is None or default == ():
        usual = ""
    elif default is False or default is True:
        usual, values = "", ""
        shown = f"`--no-{name.replace('_', '-')}`" if default else shown
    else:
        notation = NOTATIONS.get(kind)
        usual = f"`{notation.write(default) if notation else default}`"
    cells = (shown, f"`{values}`" if values and not positional else "", usual, told)
    return [f"| {' | '.join(map(_cell, cells))} |"]


def _values(kind: Any) -> str:
    if kind in NOTATIONS and kind not in (float, bool):
        return NOTATIONS[kind].metavar
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType):
        return ", ".join(_values(each) for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return f"{_values(get_args(kind)[0])} ..."
    return {int: "INTEGER", float: "NUMBER", str: "TEXT", bool: "", Path: "FILE"}.get(kind, str(kind))


def _docstring(command: Any) -> tuple[list[str], dict[str, str]]:
    """What stands before `Args:`, and each argument's text."""
    text = inspect.getdoc(command) or ""
    head, _, rest = text.partition("\nArgs:\n")
    told = {
        name: " ".join(body.split())
        for name, body in re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", rest, re.DOTALL | re.MULTILINE)
    }
    return head.splitlines(), told


def _field_texts(kind: type) -> dict[str, str]:
    """The line of text below each field, also of the classes it inherits from."""
    texts: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        found = re.findall(
            r'^    (\w+):[^\n]*\n    """(.*?)"""', inspect.getsource(each), re.DOTALL | re.MULTILINE
        )
        texts |= {name: " ".join(text.split()) for name, text in found}
    return texts


def _cell(text: str) -> str:
    """As a cell of a table, where a bar would end it, and where an option should not be broken in two."""
    return re.sub(r"`([^`]*)`", _code, text.replace("|", "&#124;"))


def _code(quoted: re.Match) -> str:
    text = quoted[1].replace("<", "&lt;")
    return f'<code style="white-space: nowrap">{text}</code>' if text[:2] == "--" else f"<code>{text}</code>"

"""Every block of code in README and docs: commands are parsed, programs run; links and figures hold."""

import functools
import re
import shlex
import shutil
import textwrap
import tomllib
import wave
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import tyro
from tyro.conf import FlagCreatePairsOff

import cameo3d
from cameo3d.app.cli import COMMANDS
from cameo3d.app.cli.shared import REGISTRY

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
NOT_RUN = {"text", "json", "csv", "toml", "html", "yaml"}
"""Kinds of blocks that hold no program of ours; other systems' commands stand in blocks of text."""


class Block(NamedTuple):
    page: str
    kind: str
    text: str


def blocks() -> list[Block]:
    return [
        Block(page.relative_to(ROOT).as_posix(), kind, textwrap.dedent(text))
        for page in PAGES
        for kind, text in FENCE.findall(page.read_text("utf8"))
    ]


def command_lines() -> list[tuple[str, str]]:
    return [
        (block.page, line.strip())
        for block in blocks()
        if block.kind == "sh"
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.strip()[:1] not in ("", "#")
    ]


def parse(words: list[str]) -> None:
    """Read the words after `cameo3d` as the command line does, and do nothing."""
    command: Callable = next(each for each in COMMANDS if each.__name__ == words[0])

    @functools.wraps(command)
    def read(*args, **named):
        return None

    tyro.cli(read, args=words[1:], prog=words[0], config=(FlagCreatePairsOff,), registry=REGISTRY)


def check_install(words: list[str]) -> None:
    """Extras and lists of packages that an installation names are there."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]["optional-dependencies"]
    for word in words:
        if named := re.fullmatch(r"(?:cameo3d|\.)\[(.*)\]", word):
            assert set(named[1].split(",")) <= set(extras), word
    if "-r" in words:
        assert (ROOT / words[words.index("-r") + 1]).is_file()


def check(line: str) -> None:
    """Make sure that a line of shell finds what it calls: commands are parsed, files are looked up."""
    words = shlex.split(line, comments=True)
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    if not words:
        return
    program = words[0].removeprefix(".venv/bin/")
    if program == "cameo3d":
        if words[-1] not in ("--version", "--help"):
            parse(words[1:])
    elif program in ("torchrun", "python", "python3.11") and "-m" in words:
        module, *rest = words[words.index("-m") + 1 :]
        assert module in ("cameo3d", "venv"), line
        if module == "cameo3d":
            parse(rest)
    elif program == "python":
        assert (ROOT / words[1]).is_file(), line
    elif program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf8"), re.MULTILINE)
        assert {word for word in words[1:] if "=" not in word} <= set(targets), line
    elif program == "pip":
        check_install(words)
    else:
        assert program in ("source", "pytest", "ruff", "curl", "apt-get"), line


def test_every_block_says_what_it_is():
    assert [block for block in blocks() if block.kind not in {"sh", "python"} | NOT_RUN] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_indented_blocks_hold_no_commands(page):
    """Those would not be checked; write them between ```sh and ```."""
    outside = FENCE.sub("", page.read_text("utf8"))
    assert re.findall(r"^ {4,}(?:cameo3d|make|python|pip|\.venv/\S+) .*$", outside, re.MULTILINE) == []


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_commands_in_the_docs_are_understood(page, line):
    try:
        check(line)
    except SystemExit:
        pytest.fail(f"{page}: {line}")


@pytest.mark.parametrize(
    "line", ["cameo3d animate me.jpg --voise a.wav", "cameo3d animate me.jpg", "make nothing", "python no.py"]
)
def test_commands_that_do_not_exist_are_noticed(line):
    with pytest.raises((SystemExit, AssertionError)):
        check(line)


def test_links_in_the_docs_lead_somewhere():
    """Links to files and pictures, as they are read in the repository."""
    targets = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text("utf8")))
    ]
    lost = [(page.name, to) for page, to in targets if "://" not in to and not (page.parent / to).exists()]
    assert lost == []


def test_every_page_is_in_the_site():
    listed = re.findall(r"([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.relative_to(ROOT / "docs").as_posix() for page in PAGES[2:])


def test_figures_name_files_that_are_there():
    figures = [path.read_text("utf8") for path in (ROOT / "docs" / "figures").glob("*.svg")]
    named = [name for figure in figures for name in re.findall(r">([\w/]+\.py)<", figure)]
    assert len(named) > 30
    assert [name for name in named if not (ROOT / "src" / "cameo3d" / name).is_file()] == []


def programs() -> list[Block]:
    return [block for block in blocks() if block.kind == "python"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut_path, demo_motion_path) -> Path:
    """Where the programs of the docs run: with the files that they speak of, short."""
    path = tmp_path_factory.mktemp("docs")
    shutil.copy(astronaut_path, path / "me.png")
    cameo3d.Motion.load(demo_motion_path).part(0, 5).save(path / "motion.csv")
    with wave.open(str(path / "speech.wav"), "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", "NONE"))
        sound.writeframes(bytes(32000))
    return path


@pytest.mark.parametrize("page", sorted({block.page for block in programs()}))
def test_programs_in_the_docs_run(page, folder, monkeypatch):
    """The blocks of one page run one after the other, as a reader would type them."""
    monkeypatch.chdir(folder)
    names: dict = {"__name__": "__main__"}
    for block in programs():
        if block.page == page:
            exec(compile(block.text, page, "exec"), names)


def test_docs_and_examples_need_only_the_public_names():
    """But for pages about adding to the package."""
    texts = [block.text for block in programs() if not block.page.startswith("docs/extend/")]
    texts += [path.read_text("utf8") for path in (ROOT / "examples").glob("*.py")]
    assert len(texts) > 5
    for text in texts:
        assert not re.search(r"cameo3d\.\w+ import|import cameo3d\.", text), text

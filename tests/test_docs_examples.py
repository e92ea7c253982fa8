"""The documentation works: its Python blocks run, its shell blocks name things that exist.

A page's ```python blocks run in order and share one namespace, offline, in an empty working directory.
A block opened with ```python no-run is only shown. In ```console (the lines after `$`) and ```bash blocks,
`make` targets, `tts-agent` commands and `python` scripts must exist; nothing is run for its effect.
"""

import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.cli.running import run

ROOT = Path(__file__).parents[1]
PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if page.exists()]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]+)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    options: list[str]
    line: int  # of the first line inside the fence, counted from 1
    body: str


class Command(NamedTuple):
    place: str
    program: str
    arguments: list[str]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        language, *options = match["info"].split()
        line = text.count("\n", 0, match.start("body")) + 1
        yield Block(language, options, line, textwrap.dedent(match["body"]))


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python" and "no-run" not in block.options]


def shell_lines(block: Block) -> list[str]:
    body = block.body.replace("\\\n", " ")
    match block.language:
        case "bash":
            return body.splitlines()
        case "console":
            return re.findall(r"^\$ (.*)$", body, re.MULTILINE)
        case _:
            return []


def commands(program: str) -> Iterator[Command]:
    """Every use of a program in a shell block; `a && b` uses two."""
    for page in PAGES:
        for block in blocks(page):
            for line in shell_lines(block):
                lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
                lexer.whitespace_split = True
                for is_separator, words in groupby(lexer, key=lambda word: set(word) <= set("&|;")):
                    first, *rest = words
                    if not is_separator and Path(first).name == program:
                        yield Command(f"{page.relative_to(ROOT)}:{block.line}", program, rest)


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if python_blocks(page)]
)
def test_the_python_blocks_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("docs_example")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look their module up
    for block in python_blocks(page):
        # Blank lines in front, so that a traceback points at the line in the page.
        source = "\n" * (block.line - 1) + block.body
        exec(compile(source, str(page), "exec"), module.__dict__)


def test_documented_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for place, _, arguments in commands("make"):
        for word in arguments:
            assert word in targets or "=" in word or word.startswith("-"), f"{place}: make {word}"


def test_documented_scripts_exist() -> None:
    for program in ("python", "python3"):
        for place, _, arguments in commands(program):
            for word in arguments:
                assert not word.endswith(".py") or (ROOT / word).is_file(), f"{place}: {word}"


def test_documented_commands_exist(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    places = {arguments[0]: place for place, _, arguments in commands("tts-agent") if arguments}
    for command, place in places.items():
        assert run(monkeypatch, command, "--help") == 0, f"{place}: tts-agent {command}\n{capsys.readouterr().err}"

"""`tts-agent replay`: policies compared on recorded samples of real models."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tts_agent.exceptions import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from tts_agent.evaluation.lab import BankResult
    from tts_agent.evaluation.report import Report
    from tts_agent.evaluation.suite import Suite


def replay(
    banks: Annotated[
        list[str] | None,
        typer.Argument(help="Banks: files, or names below TTS_AGENT_BANKS or in the package.", metavar="BANK..."),
    ] = None,
    suite: Annotated[bool, typer.Option("--suite", help="Replay everything below TTS_AGENT_BANKS instead.")] = False,
    parts: Annotated[
        str, typer.Option(help="Parts of the suite, with commas: votes,signals,arms,turns; by default all.")
    ] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything as JSON.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for a results page and its pictures.")] = None,
    orderings: Annotated[int, typer.Option(help="Random orders in which each question's samples are replayed.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of orderings, folds and bootstrap.")] = 0,
    max_samples: Annotated[int, typer.Option(help="Most samples a question on a single bank (the stream: 12).")] = 20,
    processes: Annotated[int, typer.Option(help="Banks played at once; by default one a processor.")] = 0,
) -> None:
    """Replay recorded samples under every stopping policy, and compare their tokens at matched accuracy.

    Example: tts-agent replay embedded --json out/replay.json --out out/replay

    Everything at once, which takes minutes: tts-agent replay --suite --json out/suite.json --out out/suite
    """
    if suite == bool(banks):
        raise ConfigurationError("name the banks to replay, or say --suite for all of them: one of the two")
    if parts and not suite:
        raise ConfigurationError("--parts goes with --suite")
    if orderings < 1 or max_samples < 2 or processes < 0:
        raise ConfigurationError(
            f"--orderings is {orderings}, --max-samples {max_samples} and --processes {processes}: at least 1, 2 and 0"
        )
    for path in (json_file, out):
        if path is not None and path.exists() and path.is_dir() == (path is json_file):
            raise ConfigurationError(
                f"{path} is a {'folder' if path.is_dir() else 'file'}: --json is a file, --out a folder"
            )
    try:
        from tts_agent.evaluation.run import run_replay
        from tts_agent.evaluation.suite import run_suite
        from tts_agent.evaluation.suite_page import suite_page, suite_to_dict
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise MissingExtraError("replaying", "cli") from None
    console = Console(stderr=True)
    settings: dict[str, Any] = {
        "orderings": orderings,
        "seed": seed,
        "max_samples": max_samples,
        "processes": processes or os.cpu_count() or 1,
        "command": shlex.join(["tts-agent", *map(_without_folders, sys.argv[1:])]),
        "progress": lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True),
    }
    if suite:
        chosen = [part.strip() for part in parts.split(",") if part.strip()]
        everything = run_suite(parts=chosen, **settings)
        _write_json(suite_to_dict(everything), json_file)
        if out is not None:
            _write_page(everything.votes, suite_page(everything), out)
        _print_suite(everything)
        return
    report = run_replay(banks or [], **settings)
    _write_json(report.to_dict(), json_file)
    if out is not None:
        _write_page(report, report.to_markdown(), out)
    for result in report.banks if report.single else (*report.banks, report.stream):
        Console().print(_table(result))


def _without_folders(argument: str) -> str:
    """A path from the root, the home or upwards tells of this machine and nobody else's: its last part will do."""
    option, sign, value = argument.partition("=")
    if sign and option.startswith("--"):
        return f"{option}={_without_folders(value)}"
    path = Path(argument)
    return path.name if path.is_absolute() or argument.startswith(("~", "..")) else argument


def _write_json(said: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _write_page(report: Report | None, page: str, folder: Path) -> None:
    from tts_agent.evaluation.pictures import plot_frontier, plot_summary

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(page, encoding="utf-8")
    if report is None:
        return
    for result in report.banks:
        plot_frontier(result, folder / f"{result.name}.png")
    if not report.single:
        plot_frontier(report.stream, folder / "stream.png")
        plot_summary(report.banks, report.stream, folder / "summary.png")


def _print_suite(suite: Suite) -> None:
    from tts_agent.evaluation.acceptance import acceptance

    if suite.votes is not None:
        Console().print(_table(suite.votes.stream))
    table = Table(title="promised and measured", title_justify="left")
    for name in ("what", "target", "measured", ""):
        table.add_column(name)
    for line in acceptance(suite):
        table.add_row(line.about, line.target, escape(line.measured), line.verdict.strip("*"))
    Console().print(table)


def _table(result: BankResult) -> Table:
    from tts_agent.evaluation.curves import TARGETS

    table = Table(
        title=f"{result.name}: {result.questions} questions, one sample {result.single:.3f}, full vote of "
        f"{result.samples} {result.full:.3f}",
        caption="total tokens a question to reach that share of full voting's gain, and relative to tuned AC",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("policy")
    for target in TARGETS:
        table.add_column(target, justify="right")
    for name, policy in result.policies.items():
        cells = [
            f"{each.total_tokens:.0f} {each.ratio:.2f}x" if each.total_tokens < float("inf") else "-"
            for each in policy.matched
        ]
        table.add_row(name, *cells)
    return table

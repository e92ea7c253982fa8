"""`tts-agent replay`: policies compared on recorded samples of real models."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tts_agent.exceptions import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from tts_agent.evaluation.lab import BankResult
    from tts_agent.evaluation.report import Report


def replay(
    banks: Annotated[
        list[str],
        typer.Argument(help="Banks: files, or names below TTS_AGENT_BANKS or in the package.", metavar="BANK..."),
    ],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything as JSON.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for a results page and its pictures.")] = None,
    orderings: Annotated[int, typer.Option(help="Random orders in which each question's samples are replayed.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of orderings, folds and bootstrap.")] = 0,
    max_samples: Annotated[int, typer.Option(help="Most samples a question on a single bank (the stream: 12).")] = 20,
    processes: Annotated[int, typer.Option(help="Banks played at once; by default one a processor.")] = 0,
) -> None:
    """Replay recorded samples under every stopping policy, and compare their tokens at matched accuracy.

    Example: tts-agent replay embedded --json out/replay.json --out out/replay
    """
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
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise MissingExtraError("replaying", "cli") from None
    console = Console(stderr=True)
    report = run_replay(
        banks,
        orderings=orderings,
        seed=seed,
        max_samples=max_samples,
        processes=processes or os.cpu_count() or 1,
        command=shlex.join(["tts-agent", *sys.argv[1:]]),
        progress=lambda name, seconds: console.print(f"{name}: {seconds:.1f} s", highlight=False),
    )
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if out is not None:
        _write_page(report, out)
    for result in (*report.banks, report.stream):
        Console().print(_table(result))


def _write_page(report: Report, folder: Path) -> None:
    from tts_agent.evaluation.pictures import plot_frontier, plot_summary

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.md").write_text(report.to_markdown(), encoding="utf-8")
    for result in report.banks:
        plot_frontier(result, folder / f"{result.name}.png")
    plot_frontier(report.stream, folder / "stream.png")
    plot_summary(report.banks, report.stream, folder / "summary.png")


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

"""Options that several commands have: each is named, explained and checked here, once."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Annotated

import typer

from tts_agent.cli import tariff as prices_of
from tts_agent.exceptions import ConfigurationError


def _temperature(value: float | None) -> float | None:
    if value is not None and not 0.0 <= value < inf:
        raise ConfigurationError(f"--temperature is {value}: give a number from 0 up")
    return value


def _seed(value: int) -> int:
    if value < 0:
        raise ConfigurationError(f"--seed is {value}: 0 or more is needed")
    return value


Model = Annotated[str, typer.Option(help="A model of the endpoint, or 'embedded': the tiny one in the package.")]
BaseUrl = Annotated[str | None, typer.Option(help="OpenAI-compatible endpoint; the key comes from OPENAI_API_KEY.")]
MaxTokens = Annotated[int | None, typer.Option(help="Most output tokens of one sample.")]
Temperature = Annotated[float | None, typer.Option(help="Sampling temperature.", callback=_temperature)]
Seed = Annotated[int | None, typer.Option(help="Seed of the random streams, where the model can seed.")]

Question = Annotated[str | None, typer.Option(help="Column of the question (text or messages).")]
Answer = Annotated[str | None, typer.Option(help="Column of the reference answer.")]
Kind = Annotated[str | None, typer.Option(help="Column of the class of step.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column of the question's id.")]
Instructions = Annotated[str | None, typer.Option(help="System message before every question.")]
Tariff = Annotated[str | None, typer.Option(help=prices_of.HELP)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and make no call.")]
SummaryAsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]

EstimatorFolder = Annotated[Path, typer.Option(help="Folder of the estimator; one that is there is replaced.")]
TrainingSeed = Annotated[int, typer.Option(help="Seed of splits and training.", callback=_seed)]
Cache = Annotated[bool, typer.Option(help="Keep the texts' vectors in the user's cache folder.")]

"""`tts-agent label`: how often a model is right about each question, counted into one file."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from tts_agent.budget import Budget
from tts_agent.cli import options, resolve
from tts_agent.cli import tariff as prices_of
from tts_agent.cli.graders import NAMES, grader
from tts_agent.cli.label_progress import Shown
from tts_agent.cli.label_report import estimated, say, summary
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.learning.data import Columns, read_items
from tts_agent.learning.draws import Drawer
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import items_hash
from tts_agent.learning.labelling import Labelling
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import Settings
from tts_agent.portal import run_sync
from tts_agent.sampling import Sampler


def label(
    data: Annotated[
        str,
        typer.Argument(
            help="File (.jsonl, .json, .csv, .tsv, .parquet; questions, LangSmith runs or LangGraph states), Hugging "
            "Face data set, or 'embedded:N': N problems for the embedded model."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The label store, one SQLite file; one that is there is gone on with.")
    ] = Path("labels.db"),
    model: options.Model = resolve.EMBEDDED,
    base_url: options.BaseUrl = None,
    verifier: Annotated[
        str, typer.Option(help=f"Who grades: {NAMES}, module:function, or any of `tts-agent verifiers`.")
    ] = "exact",
    k: Annotated[str, typer.Option("-k", "--samples", help="Samples a question: LOW..HIGH, or one number.")] = "8..64",
    width: Annotated[float, typer.Option(help="Enough where the 90 % interval of pass@1 is at most this wide.")] = 0.25,
    question: options.Question = None,
    answer: options.Answer = None,
    kind: options.Kind = None,
    group: Annotated[str | None, typer.Option(help="Column of what no split may cut.")] = None,
    id_column: options.IdColumn = None,
    subset: Annotated[str | None, typer.Option(help="Subset of a Hugging Face data set.")] = None,
    split: Annotated[str, typer.Option(help="Split of a Hugging Face data set.")] = "train",
    limit: Annotated[int | None, typer.Option(help="Label the first so many questions.")] = None,
    instructions: options.Instructions = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    seed: options.Seed = None,
    logprobs: Annotated[bool, typer.Option("--logprobs", help="Ask the endpoint for log-probabilities.")] = False,
    budget: Annotated[int | None, typer.Option(help="Most tokens, over all runs on this store: a hard cap.")] = None,
    dollars: Annotated[float | None, typer.Option(help="Most US dollars, the same way.")] = None,
    tariff: options.Tariff = None,
    concurrency: Annotated[int, typer.Option(help="Most calls in flight.")] = 8,
    batch: Annotated[int, typer.Option(help="Most samples of one call; more than one pay the prompt once.")] = 1,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where calls and grading happen: here, or on a Ray cluster.")
    ] = "local",
    workers: Annotated[int, typer.Option(help="Worker processes on Ray.")] = 2,
    keep_texts: Annotated[bool, typer.Option("--keep-texts", help="Keep the replies in the store.")] = False,
    dry_run: options.DryRun = False,
    as_json: options.SummaryAsJson = False,
) -> None:
    """Draw samples of every question in DATA, grade them, and count how many pass. Run again, it goes on.

    Example: tts-agent label questions.jsonl --model gpt-4.1-mini --answer solution -k 8..32 --dollars 5 --dry-run

    With no key and no network: tts-agent label embedded:40 -k 8..16 --batch 8 --seed 1 --out out/labels.db
    """
    enough = Enough(*_range(k), width)
    for name, value in (("--concurrency", concurrency), ("--batch", batch), ("--workers", workers), ("--limit", limit)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} is {value}: at least 1 is needed")
    columns = Columns(question, answer, kind, group, id_column)
    if embedded := resolve.embedded_questions(data):
        items, grading = embedded
    else:
        items = read_items(data, columns, subset=subset, split=split, instructions=instructions, limit=limit)
        grading = grader(verifier)
    grading.check(items)
    prices = prices_of.tariff(tariff, model)
    if dollars is not None and prices is None:
        raise ConfigurationError(f"--dollars: no price is known for {model!r}: give --tariff INPUT,OUTPUT")
    ledger = Budget(
        budget,
        money=resolve.COUNTED if dollars is None and prices else dollars,
        tariffs={model: prices} if prices else None,
    )
    settings = Settings(
        model, items_hash(items), grading.name, resolve.max_tokens(max_tokens, model), temperature, seed
    )
    if dry_run:
        say(estimated(items, out, enough, settings, prices), as_json=as_json)
        return
    make = partial(resolve.sampler, model, base_url, logprobs=logprobs)
    with ExitStack() as stack:
        sampler: Sampler = make()
        store = stack.enter_context(LabelStore(out, settings, items))
        if engine == "ray":
            from tts_agent.learning.ray_engine import RemoteSampler, ray_workers, remote_grading

            pool = stack.enter_context(ray_workers(make, workers))
            sampler, grading = RemoteSampler(sampler, pool), remote_grading(grading, pool)
        shown = stack.enter_context(Shown(budget, dollars, money=prices is not None))
        drawer = Drawer(sampler, ledger, settings, grading, keep_texts=keep_texts)
        labelling = Labelling(
            items,
            drawer,
            store,
            enough,
            batch=batch,
            concurrency=concurrency,
            tariff=prices,
            on_progress=shown,
        )
        try:
            done = run_sync(labelling.run())
        except KeyboardInterrupt:
            print(
                f"tts-agent: interrupted; {out} keeps what was labelled, and the same command goes on", file=sys.stderr
            )
            raise
    say(summary(done, out), as_json=as_json)
    if done.stop == "failed":
        raise SamplerError(f"call after call failed, the last one because: {done.last_error}")
    if done.given_up and not done.progress.samples:
        raise SamplerError(f"no call brought a sample, the last one because: {done.last_error}")


def _range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", text.strip())
    if not found:
        raise ConfigurationError(f"-k is {text!r}: give LOW..HIGH, such as 8..64, or one number")
    return int(found[1]), int(found[2] or found[1])

"""`tts-agent profile`: what each way of spending tokens brings, per class of steps, and where it ends to."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated, Any

import typer

from tts_agent.budget import Budget
from tts_agent.cli import options, resolve
from tts_agent.cli import tariff as prices_of
from tts_agent.cli.arms import DEFAULT, arms
from tts_agent.cli.graders import NAMES, grader
from tts_agent.cli.label_progress import Shown
from tts_agent.cli.label_report import say
from tts_agent.cli.profile_classes import classed, told
from tts_agent.cli.profile_report import estimated, show
from tts_agent.difficulty import Estimator, StepText
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.learning.data import Columns, read_items
from tts_agent.learning.draw_store import DrawStore
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item
from tts_agent.learning.profile_fit import fit
from tts_agent.learning.profile_page import page
from tts_agent.learning.profiling import Profiler
from tts_agent.portal import run_sync
from tts_agent.routing.profile_file import ProfileFile
from tts_agent.verifiers import Verifier


def profile(
    data: Annotated[
        str, typer.Argument(help="Questions, as for `tts-agent label`; 'embedded:N': N problems of the embedded model.")
    ],
    arms_text: Annotated[
        str, typer.Option("--arms", help="Strategies with their sizes (`tts-agent strategies`).")
    ] = DEFAULT,
    out: Annotated[
        Path, typer.Option(help="Folder for profile.json, profile.html and the samples; a run there is gone on with.")
    ] = Path("out/profile"),
    model: options.Model = resolve.EMBEDDED,
    base_url: options.BaseUrl = None,
    verifier: Annotated[
        str, typer.Option(help=f"Who grades, knowing the answers: {NAMES}, or any of `tts-agent verifiers`.")
    ] = "exact",
    check: Annotated[
        str | None, typer.Option(help="What arms verify with, not knowing the answers (`tts-agent verifiers`).")
    ] = None,
    price: Annotated[
        float | None, typer.Option(help="Price of a token at the knee; 1/price tokens are worth one correct answer.")
    ] = None,
    estimator: Annotated[
        str,
        typer.Option(help="For bins of difficulty: 'auto', 'none', the folder of a saved one, or a plug-in's name."),
    ] = "auto",
    per_class: Annotated[int | None, typer.Option(help="A random sample of so many items of each class.")] = None,
    question: options.Question = None,
    answer: options.Answer = None,
    kind: options.Kind = None,
    classes: Annotated[
        int | None,
        typer.Option(help="Classes to find in the texts where no column names them; by default as many as hold."),
    ] = None,
    id_column: options.IdColumn = None,
    instructions: options.Instructions = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    seed: options.Seed = None,
    budget: Annotated[int | None, typer.Option(help="Most tokens, over all runs in this folder: a hard cap.")] = None,
    dollars: Annotated[float | None, typer.Option(help="Most US dollars, the same way.")] = None,
    tariff: options.Tariff = None,
    concurrency: Annotated[int, typer.Option(help="Items that are answered at the same time.")] = 4,
    dry_run: options.DryRun = False,
    as_json: options.SummaryAsJson = False,
) -> None:
    """Run ARMS on DATA, and find where more tokens stop paying and where they hurt, for each class of steps.

    Example: tts-agent profile questions.jsonl --model gpt-4.1-mini --answer solution --kind topic --dollars 5

    With no key and no network: tts-agent profile embedded:40 --arms "self_consistency=3,5" --out out/profile
    """
    for name, value in (("--concurrency", concurrency), ("--per-class", per_class), ("--classes", classes)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} is {value}: at least 1 is needed")
    longest = resolve.max_tokens(max_tokens, model)
    if price is not None and price < 0.0:
        raise ConfigurationError(f"--price is {price}: it cannot be negative")
    if out.exists() and not out.is_dir():
        raise ConfigurationError(f"--out {out} is a file: name a folder")
    items, grading, verifiers = _questions(
        data, Columns(question, answer, kind, None, id_column), verifier, instructions, model
    )
    grading.check(items)
    predictor, found = resolve.estimator(estimator, model), None
    if per_class is not None or not dry_run:
        items, found = classed(items, classes, predictor, seed or 0)
    items = _sample(items, per_class, seed or 0)
    embedded = model == resolve.EMBEDDED
    chosen, price = _chosen(arms_text, price, embedded=embedded)
    checker = None if check is None else resolve.verifier(check)
    profiler = Profiler(chosen, grading, longest, verifiers, checker, temperature, seed, concurrency)
    if checker is None and not verifiers and any(arm.verified for arm in chosen):
        raise ConfigurationError("--arms has some that verify: name with what by --check, or leave them out")
    prices = prices_of.tariff(tariff, model)
    if dollars is not None and prices is None:
        raise ConfigurationError(f"--dollars: no price is known for {model!r}: give --tariff INPUT,OUTPUT")
    if dry_run:
        say(estimated(items, profiler, prices), as_json=as_json)
        return
    ledger = Budget(
        budget,
        money=resolve.COUNTED if dollars is None and prices else dollars,
        tariffs={model: prices} if prices else None,
    )
    out.mkdir(parents=True, exist_ok=True)
    sampler = resolve.sampler(model, base_url)
    shown = Shown(budget, dollars, money=prices is not None)
    with DrawStore(out / "samples.db", {"model": model}) as store, shown:
        done = run_sync(profiler.run(items, sampler, ledger, store, tariff=prices, on_progress=shown))
    if not done.items:
        raise SamplerError(f"no item was answered by every arm: {done.last_error}")
    predicted = _predicted([each.item for each in done.items], predictor and told(predictor, found), model)
    reports = fit(done.items, chosen, price, predicted)
    rates = {report.kind: report.whole.rates for report in reports if report.whole.rates}
    profiles = {report.kind: report.profile for report in reports}
    ProfileFile(model, profiles, rates, found.classes if found else None).write(out / "profile.json")
    (out / "profile.html").write_text(page(reports, model, price, done.spent, found), encoding="utf-8")
    show(done, reports, len(items), out, found, as_json=as_json)


def _questions(
    data: str, columns: Columns, verifier: str, instructions: str | None, model: str
) -> tuple[list[Item], Grading, dict[str, Verifier]]:
    embedded = resolve.embedded_questions(data)
    if embedded is None:
        return read_items(data, columns, instructions=instructions), grader(verifier), {}
    from tts_agent.embedded.defaults import embedded_verifiers

    return *embedded, embedded_verifiers()


def _sample(items: list[Item], per_class: int | None, seed: int) -> list[Item]:
    """So many of each class, classes in turn, so that a budget that ends leaves some of each."""
    order = sorted(items, key=lambda item: random.Random(f"{seed} {item.id}").random())
    turn: dict[str, int] = {}
    rows = []
    for item in order:
        turn[item.kind] = turn.get(item.kind, 0) + 1
        if per_class is None or turn[item.kind] <= per_class:
            rows.append((turn[item.kind], item.kind, item))
    return [item for _, _, item in sorted(rows, key=lambda row: row[:2])]


def _chosen(text: str, price: float | None, *, embedded: bool) -> tuple[list[Any], float]:
    if not embedded:
        return arms(text), 2e-5 if price is None else price
    from tts_agent.embedded.defaults import embedded_feedback
    from tts_agent.embedded.defaults import settings as embedded_settings

    return arms(text, embedded_feedback), embedded_settings().price if price is None else price


def _predicted(items: list[Item], estimator: Estimator | None, model: str) -> dict[str, float]:
    if estimator is None:
        return {}
    texts = [StepText(item.text, item.kind, model, len(item.tools), len(item.messages)) for item in items]
    return {item.id: belief.mean for item, belief in zip(items, estimator.predict(texts), strict=True)}

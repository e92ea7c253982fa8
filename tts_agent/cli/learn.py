"""`tts-agent learn`: the estimator and the profiles of the classes, refitted to records of production."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tts_agent.cli import options, resolve
from tts_agent.cli.train_report import embedded, note, show
from tts_agent.difficulty import DifficultyEstimator
from tts_agent.difficulty.card_picture import png
from tts_agent.difficulty.embedding_store import StoredEncoder
from tts_agent.difficulty.persistence import check_folder
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import Record, read_records
from tts_agent.learning.record_grades import Grades, grades, readable
from tts_agent.learning.refit import Comparison, Refit, refit
from tts_agent.learning.refit_profiles import class_gains


def learn(
    records: Annotated[Path, typer.Argument(help='What a Recorder wrote, with text="stored".')],
    estimator: Annotated[
        str, typer.Option(help="The estimator that was decided with: its folder; 'auto' is the embedded model's.")
    ] = "auto",
    out: options.EstimatorFolder = Path("estimator"),
    model: Annotated[
        str | None, typer.Option(help="The model whose records are read, as the estimator names it.")
    ] = None,
    newest: Annotated[int | None, typer.Option(help="Read only so many records, the newest ones.")] = None,
    infer: Annotated[
        bool, typer.Option(help="Learn from steps without an outcome too, by their verdicts and agreement.")
    ] = True,
    seed: options.TrainingSeed = 0,
    cache: options.Cache = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was compared, and the card, as JSON.")] = False,
) -> None:
    """Refit the difficulty estimator to RECORDS, and keep it if it predicts held-out ones no worse than the old one.

    Labels come from outcomes, and from corrected verdicts and agreement where nobody reported one. Where the refit is
    worse, nothing is written.

    Example: tts-agent learn records.sqlite --estimator estimator --out estimator
    """
    if newest is not None and newest < 1:
        raise ConfigurationError(f"--newest is {newest}: at least 1 is needed")
    check_folder(out)
    everything = read_records(records)
    if not everything:
        raise ConfigurationError(f"{records} holds no records: nothing was recorded yet")
    old = resolve.estimator(estimator, resolve.EMBEDDED)
    if not isinstance(old, DifficultyEstimator):
        raise ConfigurationError(f"--estimator is {estimator!r}: name the folder of a saved estimator")
    own, name = _of_one_model(everything[-newest:] if newest else everything, model, old.models)
    usable = readable(own)
    if len(usable) < len(own):
        note(f"note: {len(own) - len(usable):,} of {len(own):,} records hold no text, and are left out")
    graded = grades(usable, infer=infer)
    if not graded.steps:
        raise ConfigurationError(f"none of {len(usable):,} records has an outcome: report them with record_outcome")
    known = sum(step.known for step in graded.steps)
    note(f"{len(graded.steps):,} of {len(usable):,} records can be learned from, {known:,} by an outcome of their own")
    kept = StoredEncoder(old.encoder, progress=embedded) if cache else old.encoder
    found = refit(old, graded.steps, name, gains=class_gains(own), encoder=kept, seed=seed)
    if found.comparison.kept:
        found.estimator.save(out, picture=png(found.card))
    if as_json:
        print(json.dumps(_summary(found, graded, len(own), out), indent=2))
        return
    _print(found, out)


def _of_one_model(records: Sequence[Record], model: str | None, known: Sequence[str]) -> tuple[list[Record], str]:
    """The records of a model and what the estimator calls it: what a Recorder was not told is the only one known."""
    there = sorted({record.model for record in records})
    if model is None:
        if len(there) > 1:
            raise ConfigurationError(f"the records are of several models: name one by --model: {', '.join(there)}")
        return list(records), there[0] or (known[0] if len(known) == 1 else "")
    if model not in there:
        raise ConfigurationError(f"--model {model}: there are only records of {', '.join(map(repr, there))}")
    return [record for record in records if record.model == model], model


def _print(found: Refit, out: Path) -> None:
    compared = found.comparison
    if compared.kept:
        show(found.card, out)
    print(_verdict(compared) + (f"; left in {out}" if compared.kept else "; nothing was written"))
    if compared.kept and found.profiled:
        print(f"profiles refitted: {', '.join(found.profiled)}")


def _verdict(compared: Comparison) -> str:
    better = "the refit is kept" if compared.kept else "the old estimator stays"
    return (
        f"{better}: {compared.new:.3f} nats against {compared.old:.3f} of the old one on {compared.records:,} held-out "
        f"records (difference {compared.new - compared.old:+.3f}, 95 % {compared.low:+.3f} to {compared.high:+.3f})"
    )


def _summary(found: Refit, graded: Grades, records: int, out: Path) -> dict[str, Any]:
    compared = found.comparison
    return {
        "kept": "new" if compared.kept else "old",
        "out": str(out) if compared.kept else None,
        "records": records,
        "learned_from": len(graded.steps),
        "outcomes": sum(step.known for step in graded.steps),
        "questions": found.questions,
        "compared": asdict(compared),
        "inferred": {
            kind: {"steps": len(said.right), "share": said.share, "low": said.low, "high": said.high, "raw": said.raw}
            for kind, said in graded.inferred.items()
        },
        "profiles": list(found.profiled),
        "card": found.card.to_json(),
    }

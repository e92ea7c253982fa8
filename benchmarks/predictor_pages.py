"""Cards as pages: a table and a verdict for a bank, quartiles and clear runs for a family, a line for every run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

import numpy as np

from benchmarks.predictor_card import ROUNDING, Card, Cell, Gain, Row, clear
from tts_agent.difficulty.card import STAGE_ONE, STAGE_TWO
from tts_agent.evaluation.score_intervals import MEASURES

TITLES = {"nll": "NLL", "brier": "Brier", "ece": "ECE", "auroc": "AUROC", "spearman": "Spearman"}


HEAD = """\
At most {most} questions of a bank. Folds have about equal pass rates. Brackets are 95 % intervals of a bootstrap
over questions (200 resamples), paired where predictors are compared. NLL is beta-binomial, in nats a question;
Brier is of single outcomes; both are better when lower. AUROC is P(a passing sample was given a higher mean than a
failing one) and, like Spearman, compares questions of one fold only, so that within one bank the class mean has an
AUROC of .5. Stage one sees the text (MiniLM vector, 18 counts of the text), stage two also tokens and
log-probability of the first sample and predicts the *other* samples. Panels have one sample a model: a question's
count is over models, and there is no stage two. GPQA's text is not stored: stage one sees its vector alone, and
length and TF-IDF are left out.

A line for each run of GPQA and AIME, and for each replayed bank, is in
[predictor_cards_runs.md](predictor_cards_runs.md).
"""


def page_head(command: str, most: int) -> list[str]:
    """What the numbers are."""
    return ["# Predictor cards of recorded banks", "", command, "", HEAD.format(most=most)]


def cards_page(panels: Sequence[Card], families: Mapping[str, Sequence[Card]]) -> list[str]:
    """All cards."""
    lines = ["## Cards: panels and tasks", "", *panels_verdict(panels)]
    lines += [line for card in panels for line in card_page(card)]
    lines += ["## Cards: runs of one model", ""]
    return lines + [line for family, cards in families.items() for line in family_page(family, cards)]


def card_page(card: Card) -> list[str]:
    """Both stages of a bank, a row for each predictor."""
    lines = [
        f"### {card.name}",
        "",
        f"{card.questions} questions, pass rate {card.pass_rate:.3f}, trust in the head of the text "
        f"{card.trust[STAGE_ONE]:.2f}. {verdict(card)}",
        "",
        "| predictor | " + " | ".join(TITLES[measure] for measure in MEASURES) + " | AUROC, gain | NLL, gain |",
        "|---|" + "---|" * (len(MEASURES) + 2),
    ]
    rows = [*card.before.items(), *((f"first sample: {name}", row) for name, row in card.after.items())]
    for name, row in rows:
        scores = " | ".join(str(row.scores[measure]) for measure in MEASURES)
        gains = " | ".join(str(row.gains[measure]) if row.gains else "" for measure in ("auroc", "nll"))
        lines.append(f"| {name} | {scores} | {gains} |")
    return [*lines, ""]


def verdict(card: Card) -> str:
    """What text and first sample add, a sentence each."""
    said = [_adds("Text", card.text.gains["auroc"], "the class mean")]
    if card.first_sample is not None:
        said.append(_adds("The first sample", card.first_sample.gains["auroc"], "text"))
    return " ".join(said)


def _adds(what: str, gain: Gain, over: str) -> str:
    if gain.low > ROUNDING:
        return f"{what} adds {gain.value:+.3f} of AUROC over {over}."
    if gain.high < -ROUNDING:
        return f"{what} harms: {gain} of AUROC against {over}."
    return f"{what} adds nothing that is clear: {gain} of AUROC over {over}."


def panels_verdict(cards: Sequence[Card]) -> list[str]:
    """Which of several banks text says something about."""
    found = clear([card.text.gains["auroc"] for card in cards])
    yes = [card.name for card, known in zip(cards, found, strict=True) if known]
    no = [card.name for card, known in zip(cards, found, strict=True) if not known]
    said = f"Corrected for {len(cards)} banks looked at (Holm, 5 %), text adds something on {_listed(yes)}"
    return [said + (f"; not shown on {_listed(no)}." if no else "."), ""]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none of them"


Number = Callable[[Card], float]
SUMMARY: Mapping[str, Number] = {
    "pass@1": lambda card: card.pass_rate,
    "trust in the head of the text, 0..1": lambda card: card.trust[STAGE_ONE],
    "AUROC of text": lambda card: card.text.scores["auroc"].value,
    "text over class mean, AUROC": lambda card: card.text.gains["auroc"].value,
    "text over class mean, NLL (lower is better)": lambda card: card.text.gains["nll"].value,
    "text over class mean, Brier (lower is better)": lambda card: card.text.gains["brier"].value,
    "ECE of text": lambda card: card.text.scores["ece"].value,
    "Spearman of text": lambda card: card.text.scores["spearman"].value,
    "AUROC of text trained on shuffled labels": lambda card: card.control.scores["auroc"].value,
    "trust in the head of the first sample, 0..1": lambda card: _second(card, lambda row: card.trust[STAGE_TWO]),
    "AUROC of the first sample": lambda card: _second(card, lambda row: row.scores["auroc"].value),
    "first sample over text, AUROC": lambda card: _second(card, lambda row: row.gains["auroc"].value),
    "first sample over text, NLL (lower is better)": lambda card: _second(card, lambda row: row.gains["nll"].value),
    "first sample over text, Brier (lower is better)": lambda card: _second(card, lambda row: row.gains["brier"].value),
    "ECE of the first sample": lambda card: _second(card, lambda row: row.scores["ece"].value),
    "Spearman of the first sample": lambda card: _second(card, lambda row: row.scores["spearman"].value),
}


def _second(card: Card, number: Callable[[Row], float]) -> float:
    row = card.first_sample
    return float("nan") if row is None else number(row)


def family_page(family: str, cards: Sequence[Card]) -> list[str]:
    """Quartiles over runs, and the runs where something is clear."""
    lines = [
        f"### {family}: {len(cards)} runs",
        "",
        "| over runs | runs | least | lower quartile | median | upper quartile | most |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, number in SUMMARY.items():
        values = [value for card in cards if not isnan(value := number(card))]
        if values:
            spread = " | ".join(f"{value:.3f}" for value in np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0)))
            lines.append(f"| {title} | {len(values)} | {spread} |")
    lines.append("")
    lines += _clear_runs("Text", "the class mean", [(card, card.text) for card in cards])
    second = [(card, card.first_sample) for card in cards if card.first_sample is not None]
    lines += _clear_runs("The first sample", "text", second)
    lines += _clear_runs(
        "The control, text trained on shuffled labels,", "the class mean", [(c, c.control) for c in cards]
    )
    return lines


def _clear_runs(what: str, over: str, rows: Sequence[tuple[Card, Row]]) -> list[str]:
    """Sentences; Holm's correction over the runs, each measure by itself."""
    said = []
    for measure, better in (("auroc", 1.0), ("nll", -1.0)):
        gains = [row.gains[measure] for _, row in rows]
        kept = [(card, gain) for (card, _), gain, known in zip(rows, gains, clear(gains), strict=True) if known]
        kept.sort(key=lambda each: -better * each[1].value)
        good = [f"{_run(card)} {gain.value:+.3f}" for card, gain in kept if gain.value * better > 0.0]
        bad = [f"{_run(card)} {gain.value:+.3f}" for card, gain in kept if gain.value * better < 0.0]
        said.append(
            f"by {TITLES[measure]} clearly better on {len(good)} of {len(gains)} runs{_named(good)}, "
            f"clearly worse on {len(bad)}{_named(bad)}"
        )
    return [f"{what} against {over} (Holm, 5 %, over the runs): {'; '.join(said)}.", ""]


def _named(runs: Sequence[str]) -> str:
    return f" ({', '.join(runs)})" if runs else ""


def _run(card: Card) -> str:
    return card.name.partition("__")[2]


RUN_COLUMNS: Mapping[str, Callable[[Card], str]] = {
    "run": lambda card: card.name,
    "questions": lambda card: str(card.questions),
    "pass@1": lambda card: f"{card.pass_rate:.3f}",
    "AUROC, text": lambda card: str(card.text.scores["auroc"]),
    "over class mean": lambda card: str(card.text.gains["auroc"]),
    "NLL over class mean": lambda card: str(card.text.gains["nll"]),
    "AUROC, first sample": lambda card: _second_cell(card, lambda row: row.scores["auroc"]),
    "over text": lambda card: _second_cell(card, lambda row: row.gains["auroc"]),
    "NLL over text": lambda card: _second_cell(card, lambda row: row.gains["nll"]),
    "Brier: text, first sample": lambda card: _both(card, "brier"),
    "ECE": lambda card: _both(card, "ece"),
    "Spearman": lambda card: _both(card, "spearman"),
    "AUROC, shuffled": lambda card: str(card.control.scores["auroc"]),
}


def _second_cell(card: Card, cell: Callable[[Row], Cell]) -> str:
    return "-" if card.first_sample is None else str(cell(card.first_sample))


def _both(card: Card, measure: str) -> str:
    rows = [card.text, *([card.first_sample] if card.first_sample is not None else [])]
    values = [row.scores[measure].value for row in rows]
    return ", ".join("-" if isnan(value) else f"{value:.3f}" for value in values)


def runs_head(command: str) -> list[str]:
    """Of the second page."""
    explained = "Columns are explained in [predictor_cards.md](predictor_cards.md)."
    return ["# Predictor cards, run by run", "", command, "", explained, ""]


def runs_page(families: Mapping[str, Sequence[Card]]) -> list[str]:
    """A line for every run."""
    lines: list[str] = []
    for family, cards in families.items():
        lines += [f"## {family}", "", "| " + " | ".join(RUN_COLUMNS) + " |", "|" + "---|" * len(RUN_COLUMNS)]
        lines += ["| " + " | ".join(column(card) for column in RUN_COLUMNS.values()) + " |" for card in cards]
        lines.append("")
    return lines

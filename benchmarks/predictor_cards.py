"""Predictor cards of recorded banks: what stage one (text) and stage two (the first sample) are worth, bank by bank.

    python -m benchmarks.predictor_cards [--quick] [--runs 10] [--seed 0] [--out benchmarks/results/predictor_cards.md]

Reads the banks that ``TTS_AGENT_BANKS`` names, and writes aggregates only. Every prediction is about a question that
its predictor was not trained on: five folds, equal texts together. What might make text worth more is tried in
``benchmarks.predictor_tries``, and what a bad predictor costs in ``benchmarks.predictor_replay``. Vectors are kept in
``out/``, so that a second run embeds nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.predictor_banks import FAMILIES, MOST, PANELS, TASKS, gain_cell, number, panel_bank, run_paths
from benchmarks.predictor_encoders import WordLlamaEncoder, installed
from benchmarks.predictor_replay import replay_page
from benchmarks.predictor_tries import TRIED, tries_page
from tts_agent.difficulty.card import STAGE_ONE, STAGE_TWO
from tts_agent.difficulty.encoder import Encoder, SentenceEncoder
from tts_agent.difficulty.extra import torch_module
from tts_agent.evaluation.banks import Bank, find_bank, load_bank
from tts_agent.evaluation.score_intervals import MEASURES, Resampled, resampled
from tts_agent.evaluation.signals import bank_beliefs
from tts_agent.evaluation.signals_card import CLASS_MEAN, STAGE_ONE_AGAIN, card_beliefs
from tts_agent.evaluation.signals_data import BankData
from tts_agent.evaluation.signals_vectors import FiledEncoder, load_vectors, question_vectors


@dataclass(frozen=True)
class Card:
    """One bank."""

    name: str
    questions: int
    pass_rate: float
    before: Mapping[str, Resampled]
    after: Mapping[str, Resampled]


def card_of(bank: Bank, encoder: Encoder, given: Mapping[str, object], seed: int) -> Card:
    """Cross-fit and score."""
    has_text = all(question.question for question in bank.questions)
    vectors = question_vectors(bank, encoder if has_text else None, given)  # type: ignore[arg-type]
    beliefs = bank_beliefs(bank, vectors, seed=seed)
    shuffled = bank_beliefs(bank, vectors, fold=beliefs.fold, seed=seed, shuffled=True)
    before, after = card_beliefs(bank, beliefs, shuffled, seed=seed)
    data = BankData.of(bank).data
    return Card(
        bank.name,
        len(data),
        float(data.counts.share.mean()),
        resampled(before, data.counts, len(data), seed=seed),
        resampled(after, data.rows, len(data), seed=seed),
    )


def card_page(card: Card) -> list[str]:
    """Both stages of a bank, a row for each predictor."""
    lines = [
        f"### {card.name}",
        "",
        f"{card.questions} questions, pass rate {card.pass_rate:.3f}. {verdict(card)}",
        "",
        "| predictor | NLL | Brier | ECE | AUROC | Spearman | AUROC over class mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, each in card.before.items():
        lines.append(f"| {name} | {_cells(each)} | {gain_cell(each, card.before[CLASS_MEAN])} |")
    for name, each in card.after.items():
        gain = gain_cell(each, card.after[STAGE_ONE_AGAIN]) + " over text" if name == STAGE_TWO else ""
        lines.append(f"| first sample: {name} | {_cells(each)} | {gain} |")
    return [*lines, ""]


def verdict(card: Card) -> str:
    """One sentence on what text adds, by AUROC over the class mean."""
    gain, (low, high) = card.before[STAGE_ONE].gain(card.before[CLASS_MEAN], "auroc")
    if low > 0.0:
        return f"Text adds {gain:+.3f} of AUROC over the class mean."
    return f"Text adds nothing that is clear: {gain:+.3f} of AUROC ({low:+.3f} to {high:+.3f})."


def family_page(family: str, cards: Sequence[Card]) -> list[str]:
    """One line a run."""
    lines = [
        f"### {family}: {len(cards)} runs",
        "",
        "| run | questions | pass@1 | AUROC, text | over class mean | AUROC, first sample | over text "
        "| NLL: class mean, text, first sample | Brier | ECE | Spearman | shuffled AUROC: text, first sample |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for card in cards:
        one, mean, control = card.before[STAGE_ONE], card.before[CLASS_MEAN], card.before["shuffled labels"]
        stages = [mean, one]
        two, again = card.after.get(STAGE_TWO), card.after.get(STAGE_ONE_AGAIN)
        after, gain, controls = "-", "-", number(control.scores.auroc)
        if two is not None and again is not None:
            stages.append(two)
            after, gain = _cell(two, "auroc"), gain_cell(two, again)
            controls += ", " + number(card.after["shuffled labels"].scores.auroc)
        rows = (
            ", ".join(number(getattr(each.scores, name)) for each in stages) for name in MEASURES if name != "auroc"
        )
        nll, brier, ece, rank = rows
        lines.append(
            f"| {card.name} | {card.questions} | {card.pass_rate:.3f} | {_cell(one, 'auroc')} | {gain_cell(one, mean)} "
            f"| {after} | {gain} | {nll} | {brier} | {ece} | {rank} | {controls} |"
        )
    return [*lines, ""]


def _cell(each: Resampled, measure: str) -> str:
    low, high = each.within(measure)
    return f"{number(getattr(each.scores, measure))} ({number(low)} to {number(high)})"


def _cells(each: Resampled) -> str:
    return " | ".join(_cell(each, measure) for measure in MEASURES)


def page_head(command: str) -> list[str]:
    """What the numbers are."""
    return [
        "# Predictor cards of recorded banks",
        "",
        f"`{command}`",
        "",
        f"At most {MOST} questions of a bank, drawn by the seed. Five folds, equal texts together; every prediction is",
        "about a question that its predictor was not trained on. Brackets are 95 % intervals of a bootstrap over",
        "questions (200 resamples), paired where predictors are compared. NLL is beta-binomial, in nats a question;",
        "Brier is of single outcomes; AUROC is P(a passing sample was given a higher mean than a failing one). Within",
        "one bank the class mean is a constant but for its folds, so its AUROC is .5 or a little below.",
        "Stage one sees the text (MiniLM vector, 18 counts of the text), stage two also tokens and log-probability of",
        "the first sample and predicts the *other* samples. Panels have one sample a model: a question's count is over",
        "models, and there is no stage two. GPQA's text is not stored: stage one sees its vector alone, and length and",
        "TF-IDF are left out.",
        "",
    ]


def main() -> None:
    """Write the page, anew after every bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="of GPQA and of AIME each; 0 is all (10)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="60 questions, two panels, one run a family")
    parser.add_argument("--parts", default="cards,tries,replay", help="which, separated by commas")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/predictor_cards.md"))
    given = parser.parse_args()
    torch_module("predictor cards").set_num_threads(1)
    most, runs, panels = (60, 1, PANELS[:1] + PANELS[-1:]) if given.quick else (MOST, given.runs, PANELS)
    encoder = FiledEncoder(SentenceEncoder(device="cpu"), Path("out"))
    encoders: dict[str, Encoder] = {"MiniLM": encoder}
    if installed():
        encoders["WordLlama"] = WordLlamaEncoder()
    command = f"python -m benchmarks.predictor_cards --runs {runs} --seed {given.seed}" + " --quick" * given.quick
    page = Page(given.out, page_head(command))
    if "cards" in given.parts:
        page.add(["## Cards: panels and tasks", ""])
        for name in (*panels, *TASKS):
            bank = panel_bank(name, most, given.seed) if name in panels else load_bank(find_bank(name))
            page.add(card_page(card_of(bank, encoder, {}, given.seed)))
        for family in FAMILIES:
            cards = []
            for path in run_paths(family, runs):
                vectors = {key: row for file in path.parent.glob("*.npz") for key, row in load_vectors(file).items()}
                cards.append(card_of(load_bank(path), encoder, vectors, given.seed))
            page.add(family_page(family, cards))
    if "tries" in given.parts:
        page.add(tries_page(encoders, most=min(most, TRIED), seed=given.seed))
    if "replay" in given.parts:
        page.add(replay_page(encoder, quick=given.quick, seed=given.seed))


class Page:
    """A file that is written as its parts come."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        self.path, self.lines = path, lines

    def add(self, lines: Sequence[str]) -> None:
        """Append and write."""
        self.lines += lines
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(self.lines).rstrip() + "\n", encoding="utf-8")
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()

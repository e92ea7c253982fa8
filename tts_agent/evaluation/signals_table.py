"""What the first sample's signals are worth, run by run: the table of the results page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.encoder import Encoder
from tts_agent.difficulty.extra import torch_module
from tts_agent.difficulty.metrics import Scores, auroc, spearman
from tts_agent.difficulty.questions import Counts
from tts_agent.evaluation.banks import Bank, BankError, load_bank
from tts_agent.evaluation.signals import BankBeliefs, bank_beliefs
from tts_agent.evaluation.signals_data import BankData
from tts_agent.evaluation.signals_vectors import Vectors, question_vectors

ALSO_EXACT = ("math500_100__r1-distill-llama-8b__t0.8",)
"""Runs with exact token counts that the folder's table of Epoch runs does not list."""

NOT_REASONING = (
    "gpt-4-0314",
    "gpt-4-0613",
    "gpt-4o-mini-2024-07-18",
    "claude-haiku-4-5-20251001",
    "qwen3-max-2025-09-23",
)
"""Models with exact counts that were run without reasoning."""


@dataclass(frozen=True, slots=True)
class SignalResult:
    """One run. Every AUROC is out of fold, of the *next* sample's correctness, over ordered pairs of different
    samples of a held-out question, each question counting the same; None where all outcomes were equal."""

    name: str
    questions: int
    rows: int
    """First samples with signals."""
    reasoning: bool
    """Whether the model reasons before it answers."""
    pass_rate: float
    text: float | None
    """AUROC of stage one."""
    shorter: float | None
    """AUROC of "fewer output tokens", with nothing learned: below .5 the sign is flipped."""
    after: float | None
    """AUROC of stage two."""
    after_in_fold: float | None
    """The same, comparing samples within a fold only, as one estimator ranks them."""
    after_by_pair: float | None
    """The same as `after`, each pair of samples counting the same."""
    shuffled: float | None
    """AUROC of stage two trained on the outcomes of other questions."""
    token_effect: float | None
    """Rank correlation of the first sample's tokens with the pass rate of the others."""
    learned_effect: float | None
    """Rank correlation of the first sample's tokens with what stage two adds to stage one, in logits."""
    nll_class: float
    """Nats a question, as the next two, of the class mean."""
    nll_text: float
    nll_after: float

    @property
    def follows(self) -> bool | None:
        """Whether the learned effect of tokens has the sign of the true one; None where either is not known."""
        if self.token_effect is None or self.learned_effect is None:
            return None
        return (self.token_effect > 0.0) == (self.learned_effect > 0.0)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"follows": self.follows}


def exact_token_banks(folder: Path) -> list[Path]:
    """The runs below a folder of recorded banks whose README says that their token counts are exact.

    The README's table is one line a file, with the path first and the source of tokens last.

    Raises:
        BankError: there is no README, or it names a file that is missing.
    """
    try:
        lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BankError(f"{folder} has no README.md that says where token counts come from") from error
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    names = [row[0] for row in cells if row[-1] == "exact"]
    paths = [folder / f"{name}.jsonl.gz" for name in (*names, *ALSO_EXACT)]
    if missing := [path for path in paths if not path.is_file()]:
        raise BankError(f"{missing[0]}: README.md names it, and it is missing")
    return paths


def signal_result(
    bank: Bank, vectors: Vectors, *, beliefs: BankBeliefs | None = None, shuffled: BankBeliefs | None = None
) -> SignalResult:
    """Measure one bank; beliefs that are not given are fitted."""
    whole = BankData.of(bank)
    counts = whole.data.rows
    beliefs = beliefs or bank_beliefs(bank, vectors)
    shuffled = shuffled or bank_beliefs(bank, vectors, fold=beliefs.fold, shuffled=True)
    place = whole.row_question, whole.row_sample
    text, after, control = beliefs.before[whole.row_question], beliefs.after[place], shuffled.after[place]
    tokens = np.array([first.output_tokens for first in whole.data.signals], dtype=np.float64)
    scores = Scores.of(after, counts)
    stage_one = Scores.of(text, counts)
    return SignalResult(
        name=bank.name,
        questions=len(bank.questions),
        rows=len(counts),
        reasoning=not any(model in bank.name for model in NOT_REASONING),
        pass_rate=float(whole.data.counts.share.mean()),
        text=stage_one.auroc,
        shorter=_auroc(-tokens, counts),
        after=scores.auroc,
        after_in_fold=_auroc_in_fold(after[:, 0], counts, beliefs.fold[whole.row_question]),
        after_by_pair=auroc(after[:, 0], counts.passed, counts.of - counts.passed),
        shuffled=_auroc(control[:, 0], counts),
        token_effect=spearman(tokens, counts.share, counts.weight),
        learned_effect=spearman(tokens, after[:, 0] - text[:, 0], counts.weight),
        nll_class=Scores.of(beliefs.reference[whole.row_question], counts).nll,
        nll_text=stage_one.nll,
        nll_after=scores.nll,
    )


def signal_results(
    banks: Sequence[Path], *, encoder: Encoder | None, given: Mapping[str, Vectors] | None = None, workers: int = 1
) -> list[SignalResult]:
    """Measure many banks, in order: some seconds each.

    Args:
        banks: files of banks with token counts.
        encoder: of texts.
        given: vectors of questions without text, by id.
        workers: processes; texts are encoded in this one.
    """
    loaded = [load_bank(path) for path in banks]
    vectors = [question_vectors(bank, encoder, given) for bank in loaded]
    if workers == 1:
        return [signal_result(bank, rows) for bank, rows in zip(loaded, vectors, strict=True)]
    # Threads of torch do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        return list(pool.map(signal_result, loaded, vectors))


def median_auroc(results: Iterable[SignalResult], *, reasoning: bool = True) -> float | None:
    """Median of `after`, over reasoning models or over all; None of none."""
    known = [each.after for each in results if each.after is not None and (each.reasoning or not reasoning)]
    return median(known) if known else None


def _auroc(score: Floats, counts: Counts) -> float | None:
    return auroc(score, counts.weight * counts.share, counts.weight * (1.0 - counts.share))


def _auroc_in_fold(score: Floats, counts: Counts, fold: Ints) -> float | None:
    """Mean over folds, each counting as many comparisons as it has."""
    total, compared = 0.0, 0.0
    for out in np.unique(fold):
        mine = counts[fold == out]
        passed, failed = mine.weight * mine.share, mine.weight * (1.0 - mine.share)
        each = auroc(score[fold == out], passed, failed)
        if each is not None:
            size = float(passed.sum() * failed.sum())
            total, compared = total + each * size, compared + size
    return total / compared if compared else None


def _one_thread() -> None:
    torch_module("the difficulty estimator").set_num_threads(1)

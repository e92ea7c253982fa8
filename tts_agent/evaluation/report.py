"""What the lab found, as JSON for programs and as one page of markdown for people. Losses are not left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan, prod
from typing import Any

from tts_agent.difficulty.card import SHUFFLED, STAGE_ONE, STAGE_TWO
from tts_agent.evaluation.bank_json import bank_to_dict
from tts_agent.evaluation.contenders import AC_95, TUNED_AC
from tts_agent.evaluation.curves import TARGETS
from tts_agent.evaluation.lab import BankResult, Matched, PolicyResult
from tts_agent.evaluation.lineup import OURS

SHOWN = 2
"""Index of the first target not shown bank by bank: the page would be too wide with all five."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run found."""

    banks: tuple[BankResult, ...]
    stream: BankResult
    command: str
    """What was typed."""
    streamed: int = 0
    """Banks in the stream; 0: all of them."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is infinite or not defined is null."""
        return {
            "command": self.command,
            "banks": [bank_to_dict(bank) for bank in self.banks],
            "stream": bank_to_dict(self.stream),
        }

    def to_markdown(self, pictures: bool = True) -> str:
        """The results page.

        Args:
            pictures: show the summary and frontier PNGs that are written beside the page.
        """
        return (
            "\n\n".join(["# Replay of recorded samples", f"Made by `{self.command}`.", *self.sections(pictures)]) + "\n"
        )

    @property
    def single(self) -> bool:
        """Whether there is one bank only: then the stream is that bank, and is not shown twice."""
        return self.stream is self.banks[0]

    def sections(self, pictures: bool = True) -> list[str]:
        """The paragraphs of the page, after its title."""
        return [
            "Costs are total tokens a question, prompts included, at matched accuracy: the "
            "least a policy needs to reach a share of what full voting gains over a single sample. Each policy is "
            "fitted, and its knob tuned, on training folds (grouped by question text). Brackets are 95 % intervals of "
            "a paired bootstrap over questions. Ratios are to Adaptive-Consistency with its threshold tuned the same "
            f"way ({TUNED_AC}); below 1 is cheaper. A dash: not reached, or nothing to gain.",
            f"## {self.stream.name[:1].upper()}{self.stream.name[1:]}",
            f"{self.stream.questions} questions{self._of_banks()}, at most {self.stream.samples} samples, "
            f"{self.stream.orderings} orderings; one sample {self.stream.single:.3f}, full vote "
            f"{self.stream.full:.3f}.",
            table(["policy", *TARGETS, "G"], [_stream_row(*item) for item in self.stream.policies.items()]),
            "Share of the way from tuned Adaptive-Consistency (AC) to the clairvoyant stop (which sees the "
            "future of the vote; 100 % cannot be had):",
            table(
                ["policy", *TARGETS],
                [[name, *_way(policy)] for name, policy in self.stream.policies.items() if name != TUNED_AC],
            ),
            *(self._pictures() if pictures else []),
            *([] if self.single else self._bank_by_bank()),
            "## Calibration",
            "Expected calibration error (ten bins of equal width) of P(the leader is right) on held-out questions.",
            self._calibration(),
            *self._predictors(),
            "## Banks in numbers",
            self._numbers(),
        ]

    @property
    def _all(self) -> tuple[BankResult, ...]:
        return self.banks if self.single else (*self.banks, self.stream)

    def _of_banks(self) -> str:
        return "" if self.single else f" of {self.streamed or len(self.banks)} banks"

    def _pictures(self) -> list[str]:
        if self.single:
            return [f"![Frontier]({self.stream.name}.png)"]
        return ["![Frontier of the stream](stream.png)", "![Ratios per bank](summary.png)"]

    def _bank_by_bank(self) -> list[str]:
        ways = [[bank.name, *_way(bank.policies[OURS])] for bank in self.banks if OURS in bank.policies and gains(bank)]
        parts = [
            "## Banks",
            f"Ratio to tuned {TUNED_AC} per bank at {' / '.join(TARGETS)}, and G: the share of the accuracy between "
            "fixed sizes and the clairvoyant stop that the policy gains at the same cost.",
            self._banks(),
            "## Geometric means over banks",
            table(["policy", *TARGETS, "banks"], self._means()),
        ]
        if ways:
            parts += [
                f"Share of the way from tuned AC to the clairvoyant stop, {OURS}:",
                table(["bank", *TARGETS], ways),
            ]
        return parts

    def _predictors(self) -> list[str]:
        cards = [(bank.name, bank.predictor) for bank in self.banks if bank.predictor]
        if not cards:
            return []
        rows = []
        for name, card in cards:
            text, after = card["before"].get(STAGE_ONE), card["after"].get(STAGE_TWO)
            control = card["after"].get(SHUFFLED)
            scores = [text and text["auroc"], after and after["auroc"], control and control["auroc"]]
            rows.append([name, str(card["test_questions"]), *(_number(nan if s is None else s, 3) for s in scores)])
        return [
            "## Difficulty predictor",
            "Out of fold, at most 300 questions of a bank: AUROC of the next sample's correctness from the text alone, "
            "with what the first sample showed, and trained on the outcomes of other questions.",
            table(["bank", "questions", "text", "text and first sample", "shuffled"], rows),
        ]

    def _banks(self) -> str:
        rows = []
        for bank in self.banks:
            for name, policy in bank.policies.items():
                if name == TUNED_AC:
                    continue
                ratios = [_ratio(each, interval=at < SHOWN) for at, each in enumerate(policy.matched)]
                rows.append([bank.name, name, *ratios, _number(policy.headroom)])
        return table(["bank", "policy", *TARGETS, "G"], rows)

    def _means(self) -> list[list[str]]:
        rows = []
        everywhere = [name for name in self.stream.policies if all(name in bank.policies for bank in self.banks)]
        for name in everywhere:
            ratios = [[each.ratio for each in bank.policies[name].matched] for bank in self.banks if gains(bank)]
            columns = [geometric_mean([row[at] for row in ratios]) for at in range(len(TARGETS))]
            rows.append([name, *(_number(value) for value in columns), str(len(ratios))])
        return rows

    def _calibration(self) -> str:
        beliefs = list(self.stream.ece)
        sizes = sorted({row.n for bank in self._all for rows in bank.ece.values() for row in rows})
        rows = []
        for bank in self._all:
            found = {(belief, row.n): row.ece for belief, each in bank.ece.items() for row in each}
            rows.append([bank.name, *(_number(found.get((b, n), nan), 3) for b in beliefs for n in sizes)])
        return table(["bank", *(f"{belief}, n={n}" for belief in beliefs for n in sizes)], rows)

    def _numbers(self) -> str:
        rows = [
            [
                bank.name,
                str(bank.questions),
                str(bank.samples),
                f"{bank.single:.3f}",
                f"{bank.full:.3f}",
                _number(nan if bank.modal_limit is None else bank.modal_limit, 3),
                ", ".join(f"{k}: {value:.3f}" for k, value in bank.coverage.items()),
                f"{bank.clairvoyant[0].accuracy:.3f} at {bank.clairvoyant[0].total_tokens:.0f}",
            ]
            for bank in self.banks
        ]
        return table(
            ["bank", "questions", "samples", "single", "full vote", "modal limit", "pass@k", "clairvoyant"], rows
        )


LEAST_GAIN = 0.005
"""Of full voting over one sample: below it a bank has no gain to share out."""


def gains(bank: BankResult) -> bool:
    """Whether voting helps on this bank at all."""
    return bank.full - bank.single >= LEAST_GAIN


def geometric_mean(ratios: Sequence[float]) -> float:
    """inf if one of them is; nan where none is defined."""
    defined = [ratio for ratio in ratios if not isnan(ratio)]
    return float(prod(defined) ** (1.0 / len(defined))) if defined else nan


def _stream_row(name: str, policy: PolicyResult) -> list[str]:
    plain = name in (TUNED_AC, AC_95)
    cells = []
    for each in policy.matched:
        cost = f"{each.total_tokens:.0f}" if isfinite(each.total_tokens) else "-"
        cells.append(cost if plain else f"{cost} ({_ratio(each)})")
    return [name, *cells, _number(policy.headroom)]


def _ratio(matched: Matched, *, interval: bool = True) -> str:
    if not isfinite(matched.ratio):
        return "-"
    ends = [f"{end:.2f}" if isfinite(end) else "-" for end in matched.ci]
    return f"{matched.ratio:.2f} [{ends[0]}, {ends[1]}]" if interval else f"{matched.ratio:.2f}"


def _number(value: float, digits: int = 2) -> str:
    return f"{value + 0.0:.{digits}f}" if isfinite(value) else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if isfinite(share) else "-"


def _way(policy: PolicyResult) -> list[str]:
    return [_percent(each.to_clairvoyant) for each in policy.matched]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Of markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

"""Predictor cards of recorded banks: what stage one (text) and stage two (the first sample) are worth, bank by bank.

    python -m benchmarks.predictor_cards [--quick] [--runs 0] [--seed 0] [--encoder NAME=FOLDER ...] [--fresh]

Reads the banks that ``TTS_AGENT_BANKS`` names, and writes aggregates only: two pages in ``benchmarks/results``. Every
prediction is about a question that its predictor was not trained on: five folds, equal texts together. Each bank's
numbers are kept as JSON in ``out/predictor_cards`` as soon as they are there, so that a command that was stopped goes
on where it was; ``--fresh`` measures all anew. Vectors are kept in ``out/`` too.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.predictor_banks import (
    FAMILIES,
    PANELS,
    TASKS,
    VOTED,
    Encoders,
    GivenEncoder,
    given_vectors,
    panel_bank,
    run_paths,
)
from benchmarks.predictor_card import Card, measure_card
from benchmarks.predictor_encoders import WordLlamaEncoder, installed
from benchmarks.predictor_kept import Kept
from benchmarks.predictor_pages import cards_page, page_head, runs_head, runs_page
from benchmarks.predictor_replay import Replayed, measure_replay, replay_page, replay_rows
from benchmarks.predictor_tries import measure_drafts, measure_pairs, tries_page
from tts_agent.difficulty.encoder import SentenceEncoder
from tts_agent.difficulty.extra import torch_module
from tts_agent.evaluation.banks import Bank, find_bank, load_bank
from tts_agent.evaluation.signals_vectors import FiledEncoder, question_vectors

RESULTS = Path(__file__).parent / "results"
FILED = Path("out")
DEFAULT = "MiniLM"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    panels: Sequence[str]
    voted: Sequence[str]
    most: int
    """Questions of a bank."""
    tried: int
    """Questions of a panel, where ways to make text worth more are tried."""
    runs: int
    """Of each family; 0 is all."""
    replayed: int
    """Of each family, those that are replayed; 0 is all."""


QUICK = Size(PANELS[:1], TASKS, 60, 12, 1, 1)


class Measured:
    """Every part of the pages, measured or read."""

    def __init__(self, kept: Kept, encoders: Encoders, size: Size, seed: int) -> None:
        self._kept, self._encoders, self._size, self._seed = kept, encoders, size, seed
        self._encoder = next(iter(encoders.values()))

    def panels(self) -> list[Card]:
        """One sample a model."""
        return [self._card(name, panel_bank(name, self._size.most, self._seed), None) for name in self._size.panels] + [
            self._card(name, load_bank(find_bank(name)), None) for name in TASKS
        ]

    def families(self) -> dict[str, list[Card]]:
        """Samples of one model, a bank each."""
        return {
            family: [self._card(_name(path), None, path) for path in run_paths(family, self._size.runs)]
            for family in FAMILIES
        }

    def replays(self) -> dict[str, list[Replayed]]:
        """Costs with and without a predictor."""
        found = {"with texts": [self._replay(name, None) for name in self._size.voted]}
        for family in FAMILIES:
            paths = run_paths(family, self._size.replayed)
            found[family] = [self._replay(_name(path), path) for path in paths]
        return found

    def tries(self, descriptions: Mapping[str, str]) -> list[str]:
        """What might make text worth more."""
        pairs = self._kept.get(
            f"pairs_{'_'.join(self._encoders)}_{self._size.tried}",
            lambda: measure_pairs(self._encoders, self._size.tried, self._seed),
        )
        drafts = self._kept.get("drafts", lambda: measure_drafts(self._encoders, self._seed))
        return tries_page(pairs, drafts, descriptions)

    def _card(self, name: str, bank: Bank | None, path: Path | None) -> Card:
        def measure() -> object:
            loaded = bank or load_bank(path or find_bank(name))
            encoder = self._encoder if all(question.question for question in loaded.questions) else None
            given = given_vectors(path) if path is not None else {}
            return measure_card(loaded, question_vectors(loaded, encoder, given), self._seed)

        return Card.from_json(self._kept.get(f"card_{name}_{self._size.most}", measure))

    def _replay(self, name: str, path: Path | None) -> Replayed:
        def measure() -> object:
            bank = load_bank(path or find_bank(name))
            given = given_vectors(path) if path is not None else {}
            encode = GivenEncoder(bank, given).encode if given else self._encoder.encode
            return measure_replay(bank, encode, self._size.most, self._seed)

        return Replayed.from_json(self._kept.get(f"replay_{name}_{self._size.most}", measure))


def _name(path: Path) -> str:
    return path.name.partition(".jsonl")[0]


def main() -> None:
    """Measure what is missing, and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0, help="of GPQA and of AIME each; 0 is all (0)")
    parser.add_argument("--replayed", type=int, default=0, help="of these, how many are replayed; 0 is all (0)")
    parser.add_argument("--most", type=int, default=200, help="questions of a bank (200)")
    parser.add_argument("--tried", type=int, default=100, help="questions of a panel in the section on tries (100)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="60 questions, one panel, one run a family")
    parser.add_argument("--encoder", action="append", default=[], metavar="NAME=FOLDER", help="one more to try")
    parser.add_argument("--parts", default="cards,replay,tries", help="sections to measure and to write (all)")
    parser.add_argument("--fresh", action="store_true", help="measure anew what was kept")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the pages")
    given = parser.parse_args()
    torch_module("predictor cards").set_num_threads(1)
    size = QUICK if given.quick else Size(PANELS, VOTED, given.most, given.tried, given.runs, given.replayed)
    encoders: dict[str, FiledEncoder] = {DEFAULT: FiledEncoder(SentenceEncoder(device="cpu"), FILED)}
    said = {DEFAULT: "all-MiniLM-L6-v2, 384 numbers, the default encoder"}
    if installed():
        encoders["WordLlama"] = FiledEncoder(WordLlamaEncoder(), FILED)
        said["WordLlama"] = "256 static numbers a word piece, averaged; its weights come with the package wordllama"
    for option in given.encoder:
        name, _, folder = option.partition("=")
        if not Path(folder).is_dir():
            parser.error(f"--encoder {option}: NAME=FOLDER is needed, and the folder of a sentence-transformers model")
        encoders[name] = FiledEncoder(SentenceEncoder(folder, device="cpu"), FILED)
        said[name] = f"a sentence-transformers model, {Path(folder).name}"
    measured = Measured(Kept(FILED / "predictor_cards", {"seed": given.seed}, given.fresh), encoders, size, given.seed)
    options = (
        f"--runs {size.runs} --replayed {size.replayed} --most {size.most} --tried {size.tried} --seed {given.seed}"
    )
    more = "".join(f" --encoder {option}" for option in given.encoder)
    command = f"`python -m benchmarks.predictor_cards --parts {given.parts} {options}{more}`"
    page, every = page_head(command, size.most), runs_head(command)
    if "cards" in given.parts:
        panels, families = measured.panels(), measured.families()
        page += cards_page(panels, families)
        every += runs_page(families)
    if "replay" in given.parts:
        replays = measured.replays()
        page += replay_page(replays, size.most)
        every += replay_rows([bank for banks in replays.values() for bank in banks])
    if "tries" in given.parts:
        page += measured.tries(said)
    given.out.mkdir(parents=True, exist_ok=True)
    for name, lines in (("predictor_cards.md", page), ("predictor_cards_runs.md", every)):
        (given.out / name).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        print(given.out / name)


if __name__ == "__main__":
    main()

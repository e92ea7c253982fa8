"""Open-ended answers: the sample in the middle of the largest cluster, by embedding.

Texts that say the same in other words have no vote in common, but lie close together. A cluster is what lies within a
cosine similarity of one of its members, its centre; the winner is the centre of the largest cluster (the medoid).
Self-consistency without an answer key, after Jain et al., "Lightweight reranking for language model generations",
arXiv 2307.06857, who choose the sample with the most in common with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tts_agent.effects import Flow, call
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import concluded, draw_under, shown, usable


@dataclass(frozen=True, slots=True)
class Medoid:
    """Draws what the rule needs, embeds the samples that are complete, and returns the centre of the largest cluster.

    Of clusters of the same size the tightest wins, then the one with the earlier centre. A sample that is
    nothing but a tool call is embedded as the call's text.
    """

    name: ClassVar[str] = "medoid"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2307.06857"

    embed: Callable[[Sequence[str]], Any]
    """n texts -> (n, d) vectors of any length, as `SentenceTransformer.encode` gives them; runs off the event loop."""
    similarity: float = 0.8
    """Least cosine similarity of two answers that mean the same, for this embedding: -1 to 1."""
    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))

    def __post_init__(self) -> None:
        if not -1.0 <= self.similarity <= 1.0:
            raise ConfigurationError(f"similarity is {self.similarity}: a cosine is between -1 and 1")

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        complete = [sample for sample in step.drawn if sample.valid]
        if len(complete) < 3:  # two are as close to each other as each other
            return concluded(self.name, stop, step, usable(step, complete or step.drawn))
        texts = [shown(sample) for sample in complete]
        centre = yield from call(lambda: largest_cluster(self.embed(texts), self.similarity))
        return concluded(self.name, stop, step, complete[centre])


def largest_cluster(vectors: Any, similarity: float) -> int:
    """Index of the row of `vectors` (n, d) with the most rows within `similarity`, the closest on a tie."""
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0.0, lengths, 1.0)
    cosines = unit @ unit.T
    near = cosines >= similarity
    closeness = np.where(near, cosines, 0.0).sum(axis=1)
    sizes = near.sum(axis=1)
    # Rounding must not decide between equals, which the earlier one wins.
    return int(max(range(len(rows)), key=lambda row: (int(sizes[row]), round(float(closeness[row]), 9), -row)))

"""Tree search over attempts: each call is a fresh attempt or a refinement of any earlier one, as an algorithm says.

Repeated sampling is a tree that is only wide, sequential refinement one that is only deep; which pays differs from
question to question. The algorithm is asked which node to expand and told the score of what came. That is the contract
of the package `treequest`, whose algorithms fit unchanged (`TreeSearch(verifier, treequest.ABMCTSA(dist_type="beta"))`;
they draw from numpy's global random numbers, so runs are not repeatable); `WiderOrDeeper` is one of our own.
Source: Inoue et al., arXiv 2503.04412 (AB-MCTS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import answered, concluded, cut_short, merit, verified
from tts_agent.strategies.sequential_refinement import plain_feedback
from tts_agent.strategies.wider_or_deeper import WiderOrDeeper
from tts_agent.verifiers import Verdict, Verifier

Attempt = tuple[Sample, Verdict]


class Trial(Protocol):
    """A node to be made."""

    @property
    def trial_id(self) -> Any: ...
    @property
    def action(self) -> str:
        """One of those that may be taken."""
        ...

    @property
    def parent_state(self) -> Any:
        """The attempt to go on from; None at the root, for a fresh one."""
        ...


class TreeAlgorithm(Protocol):
    """Decides where the tree grows. It keeps nothing itself: its state is handed back and forth."""

    def init_tree(self) -> Any:
        """The state of a tree with a root alone."""
        ...

    def ask_batch(self, state: Any, batch_size: int, actions: list[str]) -> tuple[Any, Sequence[Trial]]:
        """The next nodes to make. While the root has no child, all of them are the root's."""
        ...

    def tell(self, state: Any, trial_id: Any, result: tuple[Any, float]) -> Any:
        """An attempt that was made, and its score from 0 to 1. Not all that were asked for are told."""
        ...


@dataclass(frozen=True, slots=True)
class TreeSearch:
    """Makes up to `max_nodes` attempts, and stops at the first that the verifier accepts; the best one wins.

    Samples drawn before are the root's first children, and count.
    """

    name: ClassVar[str] = "tree_search"
    source: ClassVar[str] = "arXiv 2503.04412"

    verifier: Verifier
    """Its scores steer the search: with a verifier that only accepts or rejects, there is little to go by."""
    algorithm: TreeAlgorithm = field(default_factory=WiderOrDeeper)
    max_nodes: int = 16
    parallel: int = 1
    """Nodes made at a time."""
    actions: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"attempt": {}})
    """Ways to make an attempt: name -> options of the request, on top of the step's (a model, an effort)."""
    feedback: Callable[[Verdict], str] = plain_feedback

    def __post_init__(self) -> None:
        if min(self.max_nodes, self.parallel, len(self.actions)) < 1:
            raise ConfigurationError("a tree search needs at least 1 node, 1 at a time, and 1 action")

    def run(self, step: Step) -> Flow[Outcome]:
        actions = list(self.actions)
        tree = self.algorithm.init_tree()
        attempts = yield from self._judged(step, step.drawn)
        if attempts:
            tree, trials = self.algorithm.ask_batch(tree, len(attempts), actions)
            tree = self._told(tree, trials, attempts)
        stop: StopReason = "done"
        while len(attempts) < self.max_nodes and not any(verdict.accepted for _, verdict in attempts):
            wave = min(self.parallel, self.max_nodes - len(attempts))
            tree, trials = self.algorithm.ask_batch(tree, wave, actions)
            batches = yield from together(*(self._expand(step, trial) for trial in trials))
            made = [(trial, batch.samples[0]) for trial, batch in zip(trials, batches, strict=True) if batch.samples]
            if not made:
                stop = cut_short(*batches)
                break
            samples = tuple(sample for _, sample in made)
            step = step.with_drawn(samples)
            further = yield from self._judged(step, samples)
            tree = self._told(tree, [trial for trial, _ in made], further)
            attempts += further
        if not attempts:
            return concluded(self.name, stop, step, None)
        best, verdict = max(attempts, key=merit)
        stop = "accepted" if verdict.accepted else stop
        return concluded(self.name, stop, step, best, p_correct=verdict.probability, accepted=verdict.accepted)

    def _judged(self, step: Step, samples: Sequence[Sample]) -> Flow[list[Attempt]]:
        verdicts = yield from verified(self.verifier, step, samples)
        return list(zip(samples, verdicts, strict=True))

    def _told(self, tree: Any, trials: Sequence[Trial], attempts: Sequence[Attempt]) -> Any:
        for trial, attempt in zip(trials, attempts, strict=True):
            tree = self.algorithm.tell(tree, trial.trial_id, (attempt, attempt[1].probability))
        return tree

    def _expand(self, step: Step, trial: Trial) -> Flow[SampleBatch]:
        turns: tuple[Message, ...] = ()
        if trial.parent_state is not None:
            sample, verdict = trial.parent_state
            turns = answered(sample, verdict.feedback or self.feedback(verdict))
        request = replace(step.request(*turns), options={**step.options, **self.actions[trial.action]})
        return (yield from generate(request, 1, final=step.final))

"""Whether to grow a tree wider or deeper, by Thompson sampling: AB-MCTS with node aggregation (arXiv 2503.04412).

At each node, from the root down, one score is drawn for a new child from here (GEN, what children of this node scored)
and one for going on below (CONT, what was made below its children). Where GEN is higher, the node gets a child; else
the search goes down to the child with the highest draw. Scores are from 0 to 1 and update Beta beliefs fractionally.

Other than in the paper, a child's own score counts in the belief about it (a good attempt is a good beginning), and a
score counts for several observations: scores of attempts spread less than coins do, and counted once each, they tell
next to nothing within the few dozen calls that a question may cost (`docs/search.md` has the comparison).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta


@dataclass(slots=True)
class _Scores:
    """A Beta belief."""

    a: float
    b: float

    def add(self, score: float, weight: float) -> None:
        self.a += weight * score
        self.b += weight * (1.0 - score)

    def drawn(self, rng: Random) -> float:
        return rng.betavariate(self.a, self.b)


@dataclass(slots=True, eq=False)
class _Node:
    """An attempt, or the root."""

    prior: Beta
    state: Any = None
    parent: _Node | None = None
    children: list[_Node] = field(default_factory=list)
    asked: int = 0
    """Children that were asked for."""
    wider: _Scores = field(init=False)
    deeper: _Scores = field(init=False)
    itself: _Scores = field(init=False)
    """Its own score, and everything below."""

    def __post_init__(self) -> None:
        self.wider, self.deeper, self.itself = (_Scores(self.prior.a, self.prior.b) for _ in range(3))


@dataclass(frozen=True, slots=True)
class _Trial:
    """See `tree_search.Trial`."""

    trial_id: int
    action: str
    node: _Node

    @property
    def parent_state(self) -> Any:
        return self.node.state


@dataclass(slots=True)
class _Tree:
    """The state of a search: changed in place, and of one run alone."""

    root: _Node
    rng: Random
    actions: dict[str, _Scores] = field(default_factory=dict)
    running: dict[int, _Trial] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=count)


@dataclass(frozen=True, slots=True)
class WiderOrDeeper:
    """A `TreeAlgorithm`. Among several actions it takes the one whose scores, all over the tree, draw the highest."""

    max_children: int | None = None
    """Most children of a node, but for trials in flight before the first child is there; None: no limit."""
    prior: Beta = field(default_factory=lambda: Beta(0.5, 0.5))
    """Belief about the score of a new attempt; Jeffreys' by default."""
    evidence: float = 10.0
    """Observations that one score counts for."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_children is not None and self.max_children < 1:
            raise ConfigurationError(f"max_children is {self.max_children}: at least 1 is needed")
        if not self.evidence > 0.0:
            raise ConfigurationError(f"a score must count for more than {self.evidence} observations")

    def init_tree(self) -> _Tree:
        return _Tree(_Node(self.prior), Random(self.seed))

    def ask_batch(self, state: _Tree, batch_size: int, actions: list[str]) -> tuple[_Tree, Sequence[_Trial]]:
        trials = []
        for _ in range(batch_size):
            node = state.root
            while node.children and not self._widens(node, state.rng):
                node = max(node.children, key=lambda child: child.itself.drawn(state.rng))
            node.asked += 1
            beliefs = [(state.actions.setdefault(name, _Scores(self.prior.a, self.prior.b)), name) for name in actions]
            action = max(beliefs, key=lambda belief: belief[0].drawn(state.rng))[1]
            trial = _Trial(next(state.ids), action, node)
            state.running[trial.trial_id] = trial
            trials.append(trial)
        return state, trials

    def tell(self, state: _Tree, trial_id: int, result: tuple[Any, float]) -> _Tree:
        attempt, score = result
        trial = state.running.pop(trial_id)
        child = _Node(self.prior, attempt, trial.node)
        child.itself.add(score, self.evidence)
        trial.node.children.append(child)
        trial.node.wider.add(score, self.evidence)
        state.actions[trial.action].add(score, self.evidence)
        node = trial.node
        while node.parent is not None:
            node.itself.add(score, self.evidence)
            node.parent.deeper.add(score, self.evidence)
            node = node.parent
        return state

    def _widens(self, node: _Node, rng: Random) -> bool:
        if self.max_children is not None and node.asked >= self.max_children:
            return False
        return node.wider.drawn(rng) >= node.deeper.drawn(rng)

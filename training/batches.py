"""Packs examples of similar length into rectangular batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

import torch
from torch import Tensor

from training.examples import Example

IGNORED = -100
_POOL = 384


def batches(examples: Iterable[Example], rng: Random, tokens: int, pad: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (inputs, targets), each (rows, length) with rows * length <= about ``tokens`` and rows >= 2.

    Targets are the inputs shifted by one; those that the loss skips are `IGNORED`.
    """
    source = iter(examples)
    while pool := sorted(islice(source, _POOL), key=lambda example: len(example.ids)):
        groups: list[list[Example]] = [[]]
        for example in pool:
            if len(groups[-1]) >= 2 and (len(groups[-1]) + 1) * len(example.ids) > tokens:
                groups.append([])
            groups[-1].append(example)
        rng.shuffle(groups)
        for group in groups:
            if len(group) >= 2:
                yield _collate(group, pad)


def _collate(group: list[Example], pad: int) -> tuple[Tensor, Tensor]:
    length = max(len(example.ids) for example in group) - 1
    inputs = torch.full((len(group), length), pad)
    targets = torch.full((len(group), length), IGNORED)
    for row, example in enumerate(group):
        ids = torch.tensor(example.ids)
        inputs[row, : len(ids) - 1] = ids[:-1]
        for part in example.learned:
            targets[row, part.start - 1 : part.stop - 1] = ids[part.start : part.stop]
    return inputs, targets

"""What was learned, as JSON values and named float32 arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.calibration import Platt
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.feature_space import FeatureSpace
from tts_agent.difficulty.features import SIGNAL_FEATURES, TEXT_FEATURES, Standardizer
from tts_agent.difficulty.head import Head
from tts_agent.difficulty.shrinkage import Shrinkage
from tts_agent.difficulty.stage import Stage
from tts_agent.difficulty.two_stage import TwoStage

Tensors = Mapping[str, npt.NDArray[np.float32]]


def encode(learned: TwoStage) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float32]]]:
    """JSON values and arrays."""
    space, means = learned.space, learned.means
    tensors = {"space.center": space.center, "space.directions": space.directions}
    values = {
        "text_features": list(TEXT_FEATURES),
        "signal_features": list(SIGNAL_FEATURES),
        "kinds": list(space.kinds),
        "models": list(space.models),
        "text": _scales(space.text),
        "signals": _scales(space.signals),
        "means": asdict(means) | {"cells": [[*names, value] for names, value in means.cells.items()]},
        "one": _stage("one", learned.one, tensors),
        "two": None if learned.two is None else _stage("two", learned.two, tensors),
    }
    return values, tensors


def decode(values: Mapping[str, Any], tensors: Tensors) -> TwoStage:
    """Back from `encode`.

    Raises:
        KeyError, TypeError, ValueError: something is missing or does not fit together.
    """
    if values["text_features"] != list(TEXT_FEATURES) or values["signal_features"] != list(SIGNAL_FEATURES):
        raise ValueError("it was trained on other features than this version of tts-agent computes")
    space = FeatureSpace(
        kinds=tuple(map(str, values["kinds"])),
        models=tuple(map(str, values["models"])),
        text=_standardizer(values["text"], len(TEXT_FEATURES)),
        signals=_standardizer(values["signals"], len(SIGNAL_FEATURES)),
        center=_array(tensors, "space.center", 1),
        directions=_array(tensors, "space.directions", 2),
    )
    if space.directions.shape[0] != space.center.shape[0]:
        raise ValueError("space.directions and space.center differ in size")
    means = dict(values["means"])
    means["cells"] = {(str(kind), str(model)): float(value) for kind, model, value in means["cells"]}
    two = values["two"]
    return TwoStage(
        space=space,
        means=ClassMeans(**means),
        one=_read_stage("one", values["one"], tensors, space.stage_one_width),
        two=None if two is None else _read_stage("two", two, tensors, space.stage_two_width),
    )


def _scales(scaler: Standardizer) -> dict[str, list[float]]:
    return {"mean": scaler.mean.tolist(), "deviation": scaler.deviation.tolist()}


def _standardizer(values: Mapping[str, Any], width: int) -> Standardizer:
    mean = np.array(values["mean"], dtype=np.float64)
    deviation = np.array(values["deviation"], dtype=np.float64)
    if mean.shape != (width,) or deviation.shape != (width,):
        raise ValueError(f"{width} features need as many scales")
    return Standardizer(mean, deviation)


def _stage(name: str, stage: Stage, tensors: dict[str, npt.NDArray[np.float32]]) -> dict[str, Any]:
    for index, head in enumerate(stage.heads):
        tensors |= {f"{name}.{index}.{part}": getattr(head, part) for part in _SHAPES}
    return {
        "heads": len(stage.heads),
        "shrinkage": asdict(stage.shrinkage),
        "calibration": asdict(stage.calibration),
    }


_SHAPES = {"w1": 2, "b1": 1, "w2": 2, "b2": 1}


def _read_stage(name: str, values: Mapping[str, Any], tensors: Tensors, width: int) -> Stage:
    heads = []
    for index in range(int(values["heads"])):
        head = Head(**{part: _array(tensors, f"{name}.{index}.{part}", axes) for part, axes in _SHAPES.items()})
        hidden = len(head.b1)
        if head.w1.shape != (width, hidden) or head.w2.shape != (hidden, 2) or head.b2.shape != (2,):
            raise ValueError(f"head {index} of stage {name} has the wrong shape")
        heads.append(head)
    return Stage(tuple(heads), Shrinkage(**values["shrinkage"]), Platt(**values["calibration"]))


def _array(tensors: Tensors, name: str, axes: int) -> npt.NDArray[np.float32]:
    array = tensors[name]
    if array.dtype != np.float32 or array.ndim != axes or not np.isfinite(array).all():
        raise ValueError(f"{name} is not {axes}-dimensional float32")
    return array

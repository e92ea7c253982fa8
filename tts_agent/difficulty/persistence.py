"""A trained estimator as a folder of two files: arrays in safetensors, and `estimator.json` (the rest). A picture of
its card may stand beside them.

Nothing in them is code. The JSON carries the sha256 of the arrays and of itself, so a file that was cut short,
edited or mixed with another one is refused instead of used. The arrays' file is named by their sha256, so a new one
never touches the old one; the JSON comes last, in one step, and decides which of them counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty import codec
from tts_agent.difficulty.card import PredictorCard
from tts_agent.difficulty.embedding_store import StoredEncoder
from tts_agent.difficulty.encoder import DEFAULT_ENCODER, Encoder, SentenceEncoder
from tts_agent.difficulty.estimator import DifficultyEstimator, Profiles
from tts_agent.exceptions import EstimatorFileError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "tts-agent difficulty estimator"
VERSION = 1
JSON_FILE = "estimator.json"
TENSOR_FILE = "estimator.safetensors"
"""Name of the arrays where their sha256 is not part of it, as in folders of earlier versions."""
PICTURE_FILE = "card.png"
_OWN = ("estimator-*.safetensors", TENSOR_FILE, PICTURE_FILE, ".estimator.*.part")
"""What saving may remove: arrays and the picture of another estimator, and what killed savings left."""


def check_folder(folder: Path | str) -> None:
    """Whether an estimator may be saved there: known before minutes of training.

    Raises:
        EstimatorFileError: `folder` holds other things than an estimator, is a file, or cannot be read or written.
    """
    folder = Path(folder)
    try:
        present = {path for path in folder.iterdir() if path.name != JSON_FILE} if folder.exists() else set()
    except OSError as error:
        raise EstimatorFileError(f"{folder} cannot be written: {error.strerror or error}") from error
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise EstimatorFileError(f"{folder} cannot be written: {there} is no folder that may be written to")
    if strangers := {path.name for path in present if not _own(path)}:
        raise EstimatorFileError(f"{folder} holds other files ({min(strangers)}): save into a folder of its own")


def save(estimator: DifficultyEstimator, folder: Path | str, *, picture: bytes | None = None) -> None:
    """Write the two files, and a picture (PNG) of the card if there is one. An estimator that is already there is
    replaced, in one step: whoever loads it, and whenever this process is killed, finds the old or the new one whole.
    One process may save at a time.

    Raises:
        EstimatorFileError: `folder` holds other things than an estimator, or cannot be written.
    """
    folder = Path(folder)
    check_folder(folder)
    arrays, rest = _contents(estimator)
    name = _tensor_file(hashlib.sha256(arrays).hexdigest())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / name, arrays)
        _write(folder / JSON_FILE, rest)
        for path in folder.iterdir():
            if _own(path) and path.name != name:
                path.unlink(missing_ok=True)
        if picture is not None:
            _write(folder / PICTURE_FILE, picture)
    except OSError as error:
        raise EstimatorFileError(f"{folder} cannot be written: {error.strerror or error}") from error


def load(folder: Path | str, *, encoder: Encoder | None = None) -> DifficultyEstimator:
    """Read an estimator back; it predicts what the saved one did.

    Args:
        folder: where it was saved.
        encoder: the one it was trained with; None loads the `SentenceEncoder` that was saved with it by name.

    Raises:
        EstimatorFileError: a file is missing, damaged, of another kind or version, or belongs to another encoder.
        ConfigurationError: its encoder cannot be found any more.
        MissingExtraError: safetensors, or the default encoder, is not installed.
    """
    folder = Path(folder)
    values = _read_json(folder / JSON_FILE)
    try:
        tensors = _read_tensors(folder, values.get("tensors_sha256"))
    except EstimatorFileError:
        if _read_json(folder / JSON_FILE)["sha256"] == values["sha256"]:
            raise
        return load(folder, encoder=encoder)  # it was replaced between the two files
    encoder = encoder or SentenceEncoder(str(values.get("encoder_name") or DEFAULT_ENCODER))
    if values.get("encoder") != encoder.id:
        raise EstimatorFileError(
            f"{folder} was trained with the encoder {values.get('encoder')!r}, and this one is {encoder.id!r}"
        )
    try:
        return DifficultyEstimator(
            codec.decode(values["learned"], tensors),
            encoder,
            PredictorCard.from_json(values["card"]),
            data_hash=str(values["data_sha256"]),
            profiles=values["profiles"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EstimatorFileError(f"{folder / JSON_FILE} does not describe its estimator: {error}") from error


def stored_profiles(folder: Path | str) -> Profiles:
    """The profiles of a saved estimator, without loading what it learned.

    Raises:
        EstimatorFileError: the file is missing, damaged, or of another kind or version.
    """
    path = Path(folder) / JSON_FILE
    profiles = _read_json(path).get("profiles")
    if not isinstance(profiles, dict) or not all(isinstance(values, dict) for values in profiles.values()):
        raise EstimatorFileError(f"{path} has no profiles")
    return profiles


def _own(path: Path) -> bool:
    return any(path.match(pattern) for pattern in _OWN)


def _tensor_file(checksum: object) -> str:
    return f"estimator-{str(checksum)[:16]}.safetensors"


def encoder_name(encoder: Encoder) -> str | None:
    """How a `SentenceEncoder` finds its model again; other encoders have to be given to `load`."""
    inner = encoder.inner if isinstance(encoder, StoredEncoder) else encoder
    if not isinstance(inner, SentenceEncoder):
        return None
    return str(Path(inner.name).resolve()) if Path(inner.name).is_dir() else inner.name


def _contents(estimator: DifficultyEstimator) -> tuple[bytes, bytes]:
    """The arrays' file and the JSON file."""
    try:
        from safetensors.numpy import save as to_bytes
    except ImportError as error:
        raise MissingExtraError("saving an estimator", "difficulty") from error
    learned, tensors = codec.encode(estimator.learned)
    data = to_bytes({name: np.ascontiguousarray(array) for name, array in tensors.items()})
    values = {
        "format": FORMAT,
        "version": VERSION,
        "encoder": estimator.encoder.id,
        "encoder_name": encoder_name(estimator.encoder),
        "models": list(estimator.models),
        "kinds": list(estimator.kinds),
        "data_sha256": estimator.data_hash,
        "tensors_sha256": hashlib.sha256(data).hexdigest(),
        "card": estimator.card.to_json(),
        "profiles": {kind: dict(numbers) for kind, numbers in estimator.profiles.items()},
        "learned": learned,
    }
    values["sha256"] = _digest(values)
    return data, (json.dumps(values, indent=1, allow_nan=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """All of it under this name, or what was there before."""
    part = path.with_name(f".estimator.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may keep the name and lose the content
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _digest(values: Mapping[str, Any]) -> str:
    """sha256 of everything in the JSON file but this digest itself, however it is laid out."""
    content = {name: value for name, value in values.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise EstimatorFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # bad JSON and bad UTF-8 are both ValueErrors
        raise EstimatorFileError(f"{path} is damaged: it is no JSON") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise EstimatorFileError(f"{path} is not a saved difficulty estimator")
    if values.get("version") != VERSION:
        raise EstimatorFileError(
            f"{path} has format version {values.get('version')!r}, and this version of tts-agent reads {VERSION}"
        )
    if values.get("sha256") != _digest(values):
        raise EstimatorFileError(f"{path} is damaged: its content does not fit its checksum")
    return values


def _read_tensors(folder: Path, checksum: object) -> dict[str, npt.NDArray[np.float32]]:
    named, path = folder / _tensor_file(checksum), folder / TENSOR_FILE
    if named.exists() or not path.exists():
        path = named
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load as from_bytes
    except ImportError as error:
        raise MissingExtraError("loading an estimator", "difficulty") from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EstimatorFileError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != checksum:
        raise EstimatorFileError(f"{path} is damaged or belongs to another {JSON_FILE}: its checksum is wrong")
    try:
        return dict(from_bytes(data))
    except SafetensorError as error:
        raise EstimatorFileError(f"{path} is no safetensors file") from error

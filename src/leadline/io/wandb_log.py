"""The binary log of a W&B run, `run-ID.wandb`, without wandb.

The file is a log in the format of LevelDB: blocks of 32 KiB with the pieces of records. A record is
a message of Protocol Buffers, of which only the fields below are decoded. A damaged or cut off
record ends the log, since a run may be killed while it writes.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MAGIC = b":W&B"
_HEADER, _BLOCK = 7, 32_768
_PIECE = struct.Struct("<IHB")  # checksum, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

# Numbers of fields in wandb_internal.proto of wandb 0.31; numbers are never used again.
_SUMMARY, _CONFIG, _RUN, _EXIT = 3, 5, 17, 18
_UPDATE, _KEY, _NESTED_KEY, _VALUE_JSON = 1, 1, 2, 16
_RUN_CONFIG, _RUN_SUMMARY, _RUN_START, _EXIT_CODE, _SECONDS = 4, 5, 17, 1, 1
_RUN_TEXTS = {3: "project", 12: "sweep"}


@dataclass
class RunLog:
    """Content of the log of a run; `exit_code` is None unless the run ended by itself."""

    project: str = ""
    sweep: str = ""
    start: float | None = None
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summaries: list[bytes] = field(default_factory=list)

    def metrics(self) -> dict[str, Any]:
        """Return the last value of every metric, by its name or its path, joined by points."""
        found: dict[str, Any] = {}
        for own in self.summaries:
            for path, value in _updates(own):
                found |= flatten_metrics({".".join(path): value})
        return found

    def metric(self, name: str) -> Any:
        """Return the last value of one metric, None if there is none.

        Only the summaries that hold the name are decoded: there is one per step.
        """
        key = json.dumps(name.rpartition(".")[2], ensure_ascii=False)[1:-1].encode()
        for own in reversed(self.summaries):
            if key in own:
                for path, value in _updates(own):
                    found = flatten_metrics({".".join(path): value})
                    if name in found:
                        return found[name]
        return None


def flatten_metrics(summary: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested metrics by their path, joined by points, as W&B shows them."""
    found: dict[str, Any] = {}
    for key, value in summary.items():
        if isinstance(value, Mapping):
            found |= flatten_metrics(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def read_run_log(path: Path) -> RunLog | None:
    """Return the content of a log, None if the file is missing or no log of W&B."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if not content.startswith(_MAGIC):
        return None
    log = RunLog()
    for record in _records(content):
        try:
            for number, value in _fields(record):
                if isinstance(value, bytes):
                    _apply(log, number, value)
        except (ValueError, IndexError, RecursionError):
            break
    return log


def _apply(log: RunLog, number: int, content: bytes) -> None:
    if number == _SUMMARY:
        log.summaries.append(content)
    elif number == _CONFIG:
        _configure(log, content)
    elif number == _EXIT:
        codes = [value for field, value in _fields(content) if field == _EXIT_CODE]
        log.exit_code = codes[-1] if codes and isinstance(codes[-1], int) else 0
    elif number == _RUN:
        for field_number, value in _fields(content):
            if not isinstance(value, bytes):
                continue
            if field_number in _RUN_TEXTS:
                setattr(log, _RUN_TEXTS[field_number], value.decode(errors="replace"))
            elif field_number == _RUN_CONFIG:
                _configure(log, value)
            elif field_number == _RUN_SUMMARY:
                log.summaries.append(value)
            elif field_number == _RUN_START:
                seconds = dict(_fields(value)).get(_SECONDS)
                log.start = float(seconds) if isinstance(seconds, int) else None


def _configure(log: RunLog, content: bytes) -> None:
    for path, value in _updates(content):
        config = log.config
        for key in path[:-1]:
            inner = config.get(key)
            if not isinstance(inner, dict):
                inner = config[key] = {}
            config = inner
        config[path[-1]] = value


def _updates(content: bytes) -> Iterator[tuple[list[str], Any]]:
    """Yield path and value of each item of a config or a summary."""
    for number, item in _fields(content):
        if number != _UPDATE or not isinstance(item, bytes):
            continue
        path, text = [], ""
        for field_number, value in _fields(item):
            if not isinstance(value, bytes):
                continue
            if field_number in (_KEY, _NESTED_KEY):
                path.append(value.decode(errors="replace"))
            elif field_number == _VALUE_JSON:
                text = value.decode(errors="replace")
        if path and text:
            yield path, json.loads(text)


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records, each joined from its pieces."""
    position, pieces = _HEADER, b""
    while position + _PIECE.size <= len(content):
        left = _BLOCK - position % _BLOCK
        if left < _PIECE.size:  # padding at the end of a block
            position += left
            continue
        _, length, kind = _PIECE.unpack_from(content, position)
        start = position + _PIECE.size
        position = start + length
        if position > len(content) or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
            return
        piece = content[start:position]
        pieces = piece if kind in (_FULL, _FIRST) else pieces + piece
        if kind in (_FULL, _LAST):
            yield pieces


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of the fields of a message; raise IndexError where it is cut off."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if kind == 2:
            length, position = _varint(message, position)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if position + length > len(message):
            raise IndexError
        if kind == 2:
            yield tag >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")

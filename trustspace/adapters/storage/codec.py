"""Records as bytes and back: JSON by the types of their fields, and the fields that they are found by."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from trustspace.core.errors import InvalidInput, MisusedError, NotVerified, TooLarge
from trustspace.core.record import Record

R = TypeVar("R", bound=Record)

MAX_INDEXED: Final = 3
"""How many fields a kind may be found by: the columns i1, i2, i3."""
MAX_TERMS: Final = 64
"""How many terms one search may ask for."""
_CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")

_SHAPES: Final[dict[type[Record], Shape[Any]]] = {}

Columns = tuple[str | None, str | None, str | None]
"""What the columns i1, i2, i3 hold."""


@dataclass(frozen=True, slots=True)
class Shape(Generic[R]):
    """How the records of one kind are written; a one-tuple carries the configuration, which dataclasses do not take."""

    kind: type[R]
    name: str
    adapter: TypeAdapter[tuple[R]]
    index: tuple[str, ...]
    fields: tuple[str, ...]
    values: Callable[[R], tuple[Any, ...]]
    indexed: Callable[[R], tuple[Any, ...]]

    def at(self, record: R, version: int) -> R:
        """The record with that version (`dataclasses.replace` takes twice as long)."""
        members = dict(zip(self.fields, self.values(record), strict=True))
        members["version"] = version
        return self.kind(**members)

    def encode(self, record: R) -> bytes:
        """The JSON of the record; `InvalidInput` where a field does not hold what its type says."""
        try:
            return self.adapter.dump_json((record,), warnings="error")
        except (PydanticSerializationError, UnicodeEncodeError) as error:
            raise InvalidInput(f"this record cannot be stored: {error}", where=f"{self.name} {record.key}") from error

    def decode(self, body: bytes) -> R:
        """The record; `NotVerified` where the bytes are not of this kind (another version wrote them, or damage)."""
        try:
            return self.adapter.validate_json(body)[0]
        except ValidationError as error:
            raise NotVerified(f"a stored record cannot be read: {error}", where=self.name) from error

    def columns(self, record: R) -> Columns:
        """The indexed fields of the record, in the order of `INDEX`."""
        first, second, third = self.indexed(record)
        return _text(first), _text(second), _text(third)

    def places(self, where: Mapping[str, str]) -> list[tuple[int, str]]:
        """Column number (from 0) and text of each condition; `MisusedError` where a field is not in `INDEX`."""
        return [(self.column(name) - 1, str(value)) for name, value in where.items()]

    def column(self, name: str) -> int:
        """The number (from 1) of the column that holds an indexed field; `MisusedError` where it is not in `INDEX`."""
        if name not in self.index:
            raise MisusedError(f"{self.name} is not found by {name}", hint=f"INDEX lists {self.index}")
        return self.index.index(name) + 1


def shape(kind: type[R]) -> Shape[R]:
    """How records of this class are written; `MisusedError` where the class names no `KIND` or too many fields."""
    known: Shape[R] | None = _SHAPES.get(kind)
    if known is None:
        known = _SHAPES[kind] = _make(kind)
    return known


def _make(kind: type[R]) -> Shape[R]:
    if not kind.KIND:
        raise MisusedError(f"{kind.__name__} has no KIND")
    if len(kind.INDEX) > MAX_INDEXED:
        raise MisusedError(f"{kind.__name__} is indexed by more than {MAX_INDEXED} fields")
    single: Any = types.GenericAlias(tuple, (kind,))
    adapter: TypeAdapter[tuple[R]] = TypeAdapter(single, config=_CONFIG)
    fields = tuple(field.name for field in dataclasses.fields(kind) if field.init)
    return Shape(kind, kind.KIND, adapter, kind.INDEX, fields, attrgetter(*fields), _indexed(kind.INDEX))


def _indexed(index: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the indexed fields of a record, filled up to three."""
    return lambda record: (*[getattr(record, name) for name in index], None, None, None)[:MAX_INDEXED]


def _text(value: object) -> str | None:
    return value if type(value) is str or value is None else str(value)


def distinct(terms: Iterable[str]) -> list[str]:
    """The terms without repetition and without the empty one, in order."""
    return [term for term in dict.fromkeys(terms) if term]


def asked(terms: Iterable[str]) -> list[str]:
    """The terms of a search: the empty term, which every indexed record has, where none are given; or `TooLarge`."""
    wanted = distinct(terms)
    if len(wanted) > MAX_TERMS:
        raise TooLarge(f"a search takes up to {MAX_TERMS} terms", where="terms")
    return wanted or [""]


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    if moment.tzinfo is None:
        raise MisusedError("a time without a time zone", hint="give an aware datetime")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + moment.microsecond


def moment(text: str | None) -> datetime | None:
    """The time that `isoformat` wrote."""
    return None if text is None else datetime.fromisoformat(text)

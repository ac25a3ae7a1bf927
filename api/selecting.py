"""What is to be exported: a format, and all there is or what a filter of the schema keeps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from graphql import GraphQLError
from graphql.utilities import coerce_input_value, validate_input_value

from api.errors import RequestError, shorten
from api.inputs import check_conditions, where_given
from api.limits import check_values, too_deep
from api.schema import core, schema
from api.settings import Settings
from graph.engine import Engine
from graph.errors import InvalidInput
from graph.formats.format import Writer
from graph.formats.registry import writer
from graph.holding import Holding
from graph.plan import ALWAYS, WHOLE, Match, Where
from graph.selection import Selection, chosen, everything
from graph.vocabulary import Kind

MOST_FAULTS = 5
"""So many faults of a filter are told."""


class Wanted(NamedTuple):
    """What somebody wants to have, as which format; without a kind, all."""

    writer: Writer
    kind: Kind | None = None
    where: Where = ALWAYS

    @property
    def name(self) -> str:
        """What a file of it is called."""
        what = "fieldgraph" if self.kind is None else f"fieldgraph-{self.kind.lower()}"
        return what + self.writer.suffix

    async def select(self, engine: Engine, hold: Callable[[], Holding]) -> Selection:
        """What it comes to, of one version: `hold` gives what is held when it is called, and stays so."""
        if self.kind is None:
            return await everything(hold())
        found = (await engine.match(Match(self.kind, self.where), WHOLE)).entities
        return await chosen(hold(), [entity.id for entity in found])


def wanted(format: str, kind: str | None, where: str | None, settings: Settings) -> Wanted:
    """Reads what was asked for; `where` is JSON, as `where:` of the kind's list takes it. Raises InvalidInput."""
    chosen_writer = writer(format)
    if kind is None:
        if where is not None:
            raise InvalidInput("where needs a kind: say of which kind the entities are that it filters.")
        return Wanted(chosen_writer)
    if kind.upper() not in Kind.__members__:
        raise InvalidInput(f"There is no kind {shorten(repr(kind), 80)}. Known are: {', '.join(Kind.__members__)}.")
    found = Kind[kind.upper()]
    if found not in chosen_writer.kinds:
        carried = ", ".join(map(str, chosen_writer.kinds))
        raise InvalidInput(f"The format {format} has no place for {found}. It can be asked for {carried}, or for all.")
    return Wanted(chosen_writer, found, ALWAYS if where is None else _read(found, where, settings))


def _read(kind: Kind, text: str, settings: Settings) -> Where:
    """The condition in a JSON text, held against the schema's filter of the kind."""
    try:
        given: Any = msgspec.json.decode(text)
        check_values({"where": given}, settings)
    except RecursionError as error:
        raise InvalidInput(str(too_deep(settings))) from error
    except RequestError as error:
        raise InvalidInput(str(error)) from error
    except ValueError as error:  # msgspec.DecodeError, UnicodeEncodeError
        example = '{"name": {"contains": "Koro"}}'
        raise InvalidInput(f"where is not JSON: {error}. Give a filter of the schema, as {example}.") from error
    type_ = core(schema).type_map[f"{kind.title()}Filter"]
    faults: list[str] = []

    def note(error: GraphQLError, path: list[str | int]) -> None:
        faults.append(f"{'.'.join(map(str, ['where', *path]))}: {shorten(error.message)}")

    validate_input_value(given, type_, note)  # type: ignore[arg-type]  # of a filter, which is an input type
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise InvalidInput("\n".join(faults[:MOST_FAULTS] + more))
    where = where_given(kind, coerce_input_value(given, type_))  # type: ignore[arg-type]
    check_conditions(where, settings.max_conditions)
    return where

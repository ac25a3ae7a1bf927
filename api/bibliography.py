"""The sources of an answer: whose word each entity, relation and total in it is, each source once.

Nothing of it runs unless a request asks for it. The engine is then asked through `Drawn`, which remembers what it gave:
entities and relations that are shown, and metrics of which values are taken together. What is merely counted is not
quoted.
"""

import asyncio
from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any, cast

import msgspec

from api.request import Request
from graph.engine import Engine, Grouped, Reach, View
from graph.grouping import Grouping
from graph.model import Entity, Relation, Source
from graph.paths import SOURCES
from graph.plan import WHOLE, Expand, Match, Page

EXTENSION = "citations"
"""The key, in a request's extensions and in the answer's."""

CUT = "citationsTruncated"
"""The key that says that there are more."""

MOST_DRAWN = 20_000
"""So many entities are asked for their sources."""

AT_ONCE = 1_000
"""So many in one call."""

ROOM = Page(first=MOST_DRAWN + 1)
"""More than are asked, so that it is known that there are more."""


class Cited(msgspec.Struct, rename="camel", omit_defaults=True):
    """A source as it is told: how often the answer rests on it, and what a reader must know to find it."""

    id: str
    citation: str
    name: str
    cited: int
    publisher: str | None = None
    published_on: str | None = None
    accessed_on: str | None = None
    url: str | None = None
    license: str | None = None


class Bibliography:
    """Gathers the sources of one answer."""

    def __init__(self) -> None:
        self._drawn: list[Drawn] = []

    def watch(self, request: Request) -> Request:
        """The request as the execution, which starts now, is to see it. What a run before it drew on is forgotten, but
        its views of the past may be used again."""
        for drawn in self._drawn:
            drawn.forget()
        return msgspec.structs.replace(request, engine=self.through(request.engine))

    def through(self, engine: Engine) -> Engine:
        """The engine, all that it gives being remembered."""
        self._drawn.append(Drawn(engine, self))
        return cast(Engine, self._drawn[-1])

    async def told(self) -> dict[str, Any]:
        """The sources, in the order in which a bibliography has them: by their citations."""
        times: dict[str, int] = {}
        sources: dict[str, Source] = {}
        is_cut = False
        for drawn in self._drawn:
            is_cut |= await drawn.cite(sources, times)
        cited = sorted((_cited(source, times[id]) for id, source in sources.items()), key=lambda each: each.citation)
        return {EXTENSION: cited, **({CUT: True} if is_cut else {})}


class Drawn:
    """Answers like an engine, and remembers the entities and relations that it gave."""

    def __init__(self, engine: Engine, bibliography: Bibliography) -> None:
        self._engine = engine
        self._bibliography = bibliography
        self.forget()

    def forget(self) -> None:
        self._entities: dict[str, Entity] = {}
        self._relations: set[Relation] = set()
        self._added: dict[tuple[Sequence[str] | None, Match | Expand], None] = {}  # of whose entities values were added

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._engine, name)
        if not iscoroutinefunction(asked):
            return asked  # it gives no entities

        async def answered(*given: Any) -> Any:
            answer = await asked(*given)
            self._note(answer)
            return answer

        return answered

    async def as_of(self, moment: int | str) -> View:
        view = await self._engine.as_of(moment)
        return view._replace(engine=self._bibliography.through(view.engine))

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list[Grouped]:
        self._added |= {(None, _of(match, grouping)): None for grouping in groupings if grouping.adds}
        return await self._engine.group(match, groupings)

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list[Grouped]]:
        self._added |= {(tuple(frontier), _of(step, grouping)): None for grouping in groupings if grouping.adds}
        return await self._engine.group_reached(frontier, step, groupings)

    def _note(self, answer: Any) -> None:
        """Remembers the entities and relations in an answer, wherever they stand in it."""
        if isinstance(answer, Entity):
            self._entities[answer.id] = answer
        elif isinstance(answer, Relation):
            self._relations.add(answer)
        elif isinstance(answer, Reach):
            for entity in answer.entities:
                self._note_reached(entity, answer)
        elif isinstance(answer, list | tuple):
            for part in answer:
                self._note(part)

    def _note_reached(self, entity: Entity, reach: Reach) -> None:
        self._note(entity)
        self._note(reach.links.get(entity.id, ()))  # the links are those of the whole list

    async def _draw(self, frontier: Sequence[str] | None, question: Match | Expand) -> None:
        """Remembers the entities of which values were added, as far as there is room; in slices, as they may be all
        that there are."""
        if frontier is None:
            await self._gather([await self._engine.match(cast(Match, question), ROOM)])
            return
        for start in range(0, len(frontier), AT_ONCE):
            starts = frontier[start : start + AT_ONCE]
            await self._gather(await self._engine.expand(starts, cast(Expand, question), ROOM))

    async def _gather(self, reaches: Sequence[Reach]) -> None:
        for reach in reaches:
            for place, entity in enumerate(reach.entities):
                if len(self._entities) > MOST_DRAWN:
                    return
                self._note_reached(entity, reach)
                if place % AT_ONCE == AT_ONCE - 1:
                    await asyncio.sleep(0)

    async def cite(self, sources: dict[str, Source], times: dict[str, int]) -> bool:
        """Adds the sources of what was given, and how often each is cited; says whether something was left out."""
        for frontier, question in self._added:
            await self._draw(frontier, question)
        ids = list(self._entities)
        asked = ids[:MOST_DRAWN]
        for start in range(0, len(asked), AT_ONCE):
            for reach in await self._engine.expand(asked[start : start + AT_ONCE], Expand(SOURCES), WHOLE):
                _count(reach.entities, sources, times)
            await asyncio.sleep(0)
        named = [id for relation in self._relations for id in relation.sources]
        _count(await self._engine.lookup(named), sources, times)
        _count(list(self._entities.values()), sources, times)
        return len(ids) > len(asked)


def _of(list_: Match | Expand, grouping: Grouping) -> Match | Expand:
    """The list that was grouped: the grouping's condition stands in for its own."""
    return msgspec.structs.replace(list_, where=grouping.where)


def _count(found: Sequence[Entity | None], sources: dict[str, Source], times: dict[str, int]) -> None:
    for source in found:
        if isinstance(source, Source):
            sources.setdefault(source.id, source)
            times[source.id] = times.get(source.id, 0) + 1


def _cited(source: Source, cited: int) -> Cited:
    return Cited(
        source.id,
        source.citation,
        source.name,
        cited,
        source.publisher,
        source.published_on,
        source.accessed_on,
        source.url,
        source.license,
    )

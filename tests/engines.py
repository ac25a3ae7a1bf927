"""Engines around another: one that counts calls, one that fails in what it finds as real data never would."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any
from zlib import crc32

import msgspec

from api.settings import Settings
from graph.engine import (
    ChangePage,
    Engine,
    Finding,
    FindingPage,
    Grouped,
    Hits,
    Lasting,
    Reach,
    RelationPage,
    Resolution,
    View,
    settle,
)
from graph.errors import InvalidInput
from graph.grouping import Grouping
from graph.model import Entity, Recorded, Relation
from graph.plan import Expand, Match, Page
from graph.questions import (
    Central,
    Likeness,
    Likenesses,
    Neighborhood,
    PathHop,
    Paths,
    Ranking,
    Similar,
    Subgraph,
    Trail,
    Trails,
)
from graph.vocabulary import CentralityMeasure, Kind

DEFAULTS = Settings()


class Counting:
    """Answers like another engine, and counts how often it is asked for what."""

    def __init__(self, engine: Engine, calls: Counter[str] | None = None) -> None:
        self._engine = engine
        self.calls: Counter[str] = Counter() if calls is None else calls

    async def as_of(self, moment: int | str) -> View:
        self.calls["as_of"] += 1
        view = await self._engine.as_of(moment)
        return view._replace(engine=Counting(view.engine, self.calls))

    async def indexes(self, question: Any) -> list[str]:
        return await self._engine.indexes(question)  # asks for nothing that is known

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        self.calls[name] += 1
        answer: Callable[..., Coroutine[Any, Any, Any]] = getattr(self._engine, name)
        return answer


SPOILS: tuple[object, ...] = (None, float("inf"), 2**40, object(), "nonsense", ())
SPOILED_LISTS: tuple[object, ...] = (None, (None,), ("nonsense", object()), (None, None))
"""Values that records never hold; most types cannot show most of them."""

KEPT = {"id", "kind", "subject", "object", "role", "impact", "sources"}
"""What is never spoiled, as steps go on from it: that of one record would not be the fault of one field."""


class Sabotaged:
    """Answers like another engine, but for what the salt says, always the same: some entities are gone, some paths lead
    nowhere, some questions fail, and some records hold what they cannot. No fault depends on what is asked for with it,
    so that one source at a time and all at once must come to the same."""

    def __init__(self, engine: Engine, salt: int) -> None:
        self._engine = engine
        self._salt = salt
        self._spoiled: dict[int, tuple[Any, Any]] = {}
        # What is central is known beforehand. On graphql-core what has to wait fails after what need not, and of two
        # failures that make the same position null the first is told.
        for measure in CentralityMeasure:
            settle(engine.central(Central(measure, None, 1, DEFAULTS.max_results, DEFAULTS.pivots, 1)))

    def _chosen(self, *what: object) -> bool:
        return self._lot(*what) % (3 + self._salt % 8) == 0

    def _lot(self, *what: object) -> int:
        return crc32(repr((self._salt, *what)).encode())

    def _check(self, *what: object) -> None:
        if self._lot("fails", *what) % 16 == 0:
            raise InvalidInput(f"{what} cannot be asked.") if self._lot(*what) % 2 else RuntimeError("broken")

    def spoil(self, record: Any) -> Any:
        """The record, or another in its place that holds wrong values: the same one each time."""
        name = record.id if isinstance(record, Entity) else record.name
        if not self._chosen("spoiled", name):
            return record
        if id(record) not in self._spoiled:
            held = [field.name for field in msgspec.structs.fields(record) if field.name not in KEPT]
            wrong = {key: self._spoil(name, key, getattr(record, key)) for key in held if self._lot(name, key) % 3 == 0}
            self._spoiled[id(record)] = record, msgspec.structs.replace(record, **wrong)
        return self._spoiled[id(record)][1]

    def _spoil(self, name: object, attribute: str, value: object) -> object:
        spoils = SPOILED_LISTS if isinstance(value, tuple) else SPOILS
        return spoils[self._lot("value", name, attribute) % len(spoils)]

    def _reach(self, reach: Reach) -> Reach:
        if id(reach) not in self._spoiled:
            self._spoiled[id(reach)] = reach, SpoiledReach(reach, self.spoil)
        spoiled: Reach = self._spoiled[id(reach)][1]
        return spoiled

    # The port

    async def as_of(self, moment: int | str) -> View:
        self._check("as_of")
        return await self._engine.as_of(moment)

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        found = zip(ids, await self._engine.lookup(ids), strict=True)
        return [None if entity is None or self._chosen("gone", id) else self.spoil(entity) for id, entity in found]

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        return [entity and self.spoil(entity) for entity in await self._engine.find(kind, values)]

    async def match(self, match: Match, page: Page) -> Reach:
        self._check(match.kind.name)
        return self._reach(await self._engine.match(match, page))

    async def count(self, match: Match) -> int:
        self._check(match.kind.name)
        return await self._engine.count(match)

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        self._check(step.path.name)
        nowhere = [self._chosen("nowhere", id, step.path.name) for id in frontier]
        asked = ["" if leads_nowhere else id for id, leads_nowhere in zip(frontier, nowhere, strict=True)]
        return [self._reach(reach) for reach in await self._engine.expand(asked, step, page)]

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        self._check(step.path.name)
        nowhere = (self._chosen("nowhere", id, step.path.name) for id in frontier)
        counts = await self._engine.count_reached(frontier, step)
        return [0 if leads_nowhere else count for leads_nowhere, count in zip(nowhere, counts, strict=True)]

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list[Grouped]:
        self._check(match.kind.name, "grouped")
        return await self._engine.group(match, groupings)

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list[Grouped]]:
        self._check(step.path.name, "grouped")
        asked = ["" if self._chosen("nowhere", id, step.path.name) else id for id in frontier]
        return await self._engine.group_reached(asked, step, groupings)

    async def relations(self, frontier: Sequence[str], step: Any, page: Page) -> list[RelationPage]:
        self._check("relations")
        pages = await self._engine.relations(frontier, step, page)
        return [found._replace(relations=[self.spoil(relation) for relation in found.relations]) for found in pages]

    async def count_relations(self, frontier: Sequence[str], step: Any) -> list[int]:
        self._check("relations")
        return await self._engine.count_relations(frontier, step)

    async def history(self, frontier: Sequence[str], page: Page) -> list[ChangePage]:
        self._check("history")
        return [
            found._replace(changes=list(map(self._recorded, found.changes)))
            for found in await self._engine.history(frontier, page)
        ]

    def _recorded(self, recorded: Recorded) -> Recorded:
        """A change whose records hold what they cannot."""
        change = recorded.change
        before = None if change.before is None else self.spoil(change.before)
        spoiled = msgspec.structs.replace(change, record=self.spoil(change.record), before=before)
        return recorded._replace(change=spoiled)

    async def count_history(self, frontier: Sequence[str]) -> list[int]:
        self._check("history")
        return await self._engine.count_history(frontier)

    async def search(self, search: Any, page: Page) -> Hits:
        self._check("search")
        hits = await self._engine.search(search, page)
        places = {entity.id: place for place, entity in enumerate(hits.entities)}
        return Hits(
            [self.spoil(entity) for entity in hits.entities],
            hits.scores,
            lambda entity: hits.highlights(places[entity.id]),
            lambda entity: hits.position(places[entity.id]),
            has_previous=hits.has_previous,
            has_next=hits.has_next,
        )

    async def count_found(self, search: Any) -> dict[Kind, int]:
        self._check("found")
        return await self._engine.count_found(search)

    async def resolve(self, resolve: Any) -> list[Resolution]:
        self._check("resolve")
        return [found._replace(entity=self.spoil(found.entity)) for found in await self._engine.resolve(resolve)]

    async def statistics(self) -> Any:
        self._check("statistics")
        return await self._engine.statistics()

    async def neighborhood(self, asked: Neighborhood) -> Subgraph | None:
        self._check("neighborhood")
        found = await self._engine.neighborhood(asked)
        if found is None:
            return None
        entities = [near._replace(entity=self.spoil(near.entity)) for near in found.entities]
        return found._replace(entities=entities, relations=list(map(self.spoil, found.relations)))

    async def paths(self, asked: Paths) -> Trails | None:
        self._check("paths")
        found = await self._engine.paths(asked)
        return found and found._replace(paths=[Trail(list(map(self._hop, trail.hops))) for trail in found.paths])

    def _hop(self, hop: PathHop) -> PathHop:
        return PathHop(self.spoil(hop.from_), self.spoil(hop.relation), hop.forward, self.spoil(hop.to))

    async def similar(self, asked: Similar) -> Likenesses | None:
        self._check("similar")
        found = await self._engine.similar(asked)
        return found and found._replace(
            items=[
                Likeness(self.spoil(item.entity), item.score, list(map(self.spoil, item.shared)))
                for item in found.items
            ]
        )

    async def central(self, asked: Central) -> Ranking:
        self._check("central", asked.measure)
        found = await self._engine.central(asked)
        return found._replace(items=[item._replace(entity=self.spoil(item.entity)) for item in found.items])

    async def findings(self, page: Page) -> FindingPage:
        self._check("findings")
        found = await self._engine.findings(page)
        return found._replace(findings=[self._spoiled_finding(finding) for finding in found.findings])

    def _spoiled_finding(self, finding: Finding) -> Finding:
        """One with a message that is none; cursors are made of all the rest."""
        if not self._chosen("spoiled", finding.position):
            return finding
        return finding._replace(message=self._spoil(finding.entities, "message", ""))  # type: ignore[arg-type]

    async def indexes(self, question: Any) -> list[str]:
        return await self._engine.indexes(question)


class SpoiledReach(Reach):
    """A page with spoiled entities in the places of some."""

    def __init__(self, reach: Reach, spoil: Callable[[Entity], Entity]) -> None:
        spoiled = [spoil(entity) for entity in reach.entities]
        entities = Lasting(spoiled) if isinstance(reach.entities, Lasting) else spoiled
        super().__init__(
            entities,
            {id: _spoiled_links(links, spoil) for id, links in reach.links.items()},
            reach._position,
            has_previous=reach.has_previous,
            has_next=reach.has_next,
            total=reach.total,
        )
        self._true = reach

    def position(self, index: int) -> Any:
        return self._true.position(index)


def _spoiled_links(links: Iterable[Relation], spoil: Callable[[Any], Any]) -> list[Relation]:
    return [spoil(relation) for relation in links]

"""The engine in memory: one networkx.MultiDiGraph that holds every record, and indexes that can be rebuilt from it.

Nothing here waits, so whoever asks several things in a row without waiting sees one version;
graph questions that take long give way to others, and each is answered from one version all the same.
"""

from bisect import insort
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import TypeVar

from graph.adjacency import Adjacency
from graph.analytics.likeness import likenesses
from graph.analytics.neighborhoods import neighborhood
from graph.analytics.neighbors import Surroundings
from graph.analytics.pace import Walk, run
from graph.analytics.rankings import Rankings
from graph.analytics.routes import routes
from graph.analytics.wiring import Wiring
from graph.columns import Numbers
from graph.engine import (
    Archive,
    ChangePage,
    FindingPage,
    Grouped,
    Hits,
    Reach,
    RelationPage,
    Resolution,
    Statistics,
    View,
    entity_then,
    give_way,
)
from graph.errors import FieldgraphError, InvalidInput
from graph.grouping import Grouping
from graph.groups import Grouper
from graph.holding import Holding, edge_key
from graph.matching import Matcher
from graph.model import Change, Entity, Mark, Relation, RelationName, share_ids
from graph.ordering import Shelf, Sorter, bounds
from graph.pages import page_of
from graph.paths import AROUND_IT
from graph.plan import (
    Expand,
    Match,
    Order,
    Page,
    Position,
    Relations,
    Resolve,
    Search,
    Where,
    natural_order,
)
from graph.quality.checkup import Checkup
from graph.questions import Central, Likenesses, Neighborhood, Paths, Ranking, Similar, Subgraph, Trails
from graph.search.index import SearchIndex
from graph.search.meaning import resolve as meanings_of
from graph.search.ranking import count_found, search_page
from graph.table import Table
from graph.totals import Ancestry
from graph.vocabulary import NATURAL_KEYS, ChangeAction, Direction, Kind, RelationKind

T = TypeVar("T")

ENTITIES_IN_TURN = 100
"""So many are made ready to be searched before others have their turn: about 10 ms."""

CHANGES_IN_TURN = 200
"""So many changes are looked at for what they alter in the index of words, before others have their turn."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Resident:
    """Answers the port from memory."""

    SLICE_S = 0.01
    """For so many seconds groups are counted before others have their turn."""

    def __init__(
        self,
        budget: int | None = None,
        clock: Callable[[], datetime] = utc_now,
        archive: Archive | None = None,
        origin: "Resident | None" = None,
    ) -> None:
        """`budget` is how many references are remembered along paths (see Adjacency). Without an archive nothing has a
        history. What has an `origin` begins as a copy of that, with which it shares what neither changes."""
        self.clock, self._archive = clock, archive
        # The first of all, so that a copy of a copy does not keep the one between.
        self._origin: Resident | None = origin and (origin._origin or origin)
        self.look_back: Callable[[int | str], Awaitable[View]] | None = None
        self._holding: Holding = Holding() if origin is None else origin._holding.copy()
        self.graph = self._holding.graph
        self.version = 0
        self.adjacency = Adjacency(self.graph, budget)
        self.around = Surroundings(self.graph._node, self.graph._adj, self.graph._pred)
        self.wiring = Wiring()
        self._shelves = {kind: Shelf(Sorter(natural_order(kind), self.adjacency.count)) for kind in Kind}
        self._found: dict[tuple[Kind, str], dict[str, list[str]]] = {
            (kind, attribute): {} for kind, names in NATURAL_KEYS.items() for attribute in names
        }
        self._relation_counts: Counter[RelationKind] = Counter()
        if origin is not None:
            self._take_over(origin)
        self.rankings = Rankings(self.wiring.snapshot, self.entity)
        self._checkup = Checkup(self._statements, lambda: f"{clock():%Y-%m-%d}")
        self.words = SearchIndex(self, lambda: self.graph)
        self._looked_until: Mark | None = None
        self._matcher = Matcher(self._shelves, self.adjacency, self.entity)
        self._held_s = 0.0
        self._ancestry = Ancestry(partial(self.adjacency.follow, (AROUND_IT,)))

    def copy(self, budget: int | None = None) -> "Resident":
        """Another engine that holds the same, and goes its own way: in milliseconds for each 100,000 entities."""
        return Resident(budget, self.clock, self._archive, self)

    def _take_over(self, origin: "Resident") -> None:
        """Begins with the indexes that an origin has; what it remembers of answers is found out anew."""
        self.version = origin.version
        self.wiring = origin.wiring.copy()
        for kind, ids in origin.around.ids.items():
            self.around.ids[kind] = set(ids)
        for kind, shelf in origin._shelves.items():
            self._shelves[kind].entities = list(shelf.entities)
        for key, index in origin._found.items():
            self._found[key] = {value: list(ids) for value, ids in index.items()}
        self._relation_counts.update(origin._relation_counts)

    # What it holds, for whoever checks writes.

    @property
    def holding(self) -> Holding:
        """Where its records are kept, which nobody else changes; a copy stays as it is."""
        return self._holding

    def entity(self, id: str) -> Entity | None:
        node = self.graph._node.get(id)
        return node["record"] if node is not None else None

    def relation(self, name: RelationName) -> Relation | None:
        data = self.graph.get_edge_data(name.subject, name.object, edge_key(name))
        return data["record"] if data is not None else None

    def relations_of(self, id: str, direction: Direction = Direction.BOTH) -> list[Relation]:
        """The relations that leave the entity, reach it, or both; each once."""
        found = []
        if direction is not Direction.IN:
            found += [data["record"] for keyed in self.graph._adj.get(id, {}).values() for data in keyed.values()]
        if direction is not Direction.OUT:
            reaching = self.graph._pred.get(id, {}).items()
            loops = direction is Direction.BOTH
            found += [d["record"] for other, keyed in reaching if not (loops and other == id) for d in keyed.values()]
        return found

    def entities(self) -> Iterable[Entity]:
        """All entities, by kind and natural order."""
        for shelf in self._shelves.values():
            yield from shelf.entities

    def all_relations(self) -> Iterable[Relation]:
        """All relations, in no order."""
        for near in self.graph._adj.values():  # networkx's view of its edges takes several times as long
            for keyed in near.values():
                for data in keyed.values():
                    yield data["record"]

    def citing(self, sources: Set[str]) -> Iterator[Relation]:
        """The relations that name any of these among their sources. Looks at all there are."""
        return (relation for relation in self.all_relations() if not sources.isdisjoint(relation.sources))

    def slices(self, size: int) -> Iterator[list[Entity | Relation]]:
        """All entities and relations, those of so many entities at a time, for a thread of its own: what changes
        between the slices is met as it was before or after, or not at all."""
        # Each list() is one step for Python: nothing is changed in its midst.
        nodes, adjacent, ids = self.graph._node, self.graph._adj, list(self.graph._node)
        for start in range(0, len(ids), size):
            found: list[Entity | Relation] = []
            for id in ids[start : start + size]:
                found += [node["record"] for node in (nodes.get(id),) if node]
                for keyed in list(adjacent.get(id, {}).values()):
                    found += [data["record"] for data in list(keyed.values())]
            yield found

    @property
    def size(self) -> int:
        """How many entities and relations there are."""
        return len(self.graph._node) + self._relation_counts.total()

    def _statements(self) -> Iterator[tuple[Entity, list[Relation]]]:
        """All entities, each with the relations that leave it, in no order."""
        nodes = self.graph._node
        for id, near in self.graph._adj.items():
            yield nodes[id]["record"], [data["record"] for keyed in near.values() for data in keyed.values()]

    # Changing it.

    def apply(self, changes: Iterable[Change]) -> None:
        """Takes in changes that were checked before; an entity comes before its relations and goes after them."""
        before: dict[str, Entity | None] = {}
        touched: list[Entity | Relation] = []
        for change in changes:
            record = change.record
            touched.append(record)
            self.version = change.version
            if isinstance(record, Relation):
                self._apply_relation(change.action, record)
                continue
            before.setdefault(record.id, self.entity(record.id))
            if change.action is ChangeAction.REMOVED:
                self._holding.remove(record.id)
                self.wiring.remove(record.id)
            else:
                self._holding.put(record)
                self.wiring.add(record.id, record.kind)
        self._reindex(before)
        self.adjacency.forget(touched)
        self.wiring.tidy()
        self._checkup.note_change()
        self.words.note(touched, before)
        if any(isinstance(record, Relation) and record.kind is RelationKind.PART_OF for record in touched):
            self._ancestry.forget()

    def _apply_relation(self, action: ChangeAction, relation: Relation) -> None:
        if action is ChangeAction.UNRELATED:
            self._holding.unrelate(relation)
            self._relation_counts[relation.kind] -= 1
            self.wiring.relate(relation.subject, relation.object, -1)
            return
        share_ids(relation, self._own_id)
        if self._holding.relate(relation):
            self._relation_counts[relation.kind] += 1
            self.wiring.relate(relation.subject, relation.object)

    def _own_id(self, id: str) -> str:
        own: str = self.graph._node[id]["record"].id
        return own

    def _reindex(self, before: dict[str, Entity | None]) -> None:
        """Brings shelves and natural keys from what these entities were to what they are."""
        leaving = [entity for entity in before.values() if entity is not None]
        arriving = [entity for id in before if (entity := self.entity(id)) is not None]
        for entity in leaving:
            self.around.ids[entity.kind].discard(entity.id)
        for entity in arriving:
            self.around.ids[entity.kind].add(entity.id)
        for kind in Kind:
            self._shelves[kind].discard([entity for entity in leaving if entity.kind is kind])
            self._shelves[kind].add([entity for entity in arriving if entity.kind is kind])
            if (table := self._matcher.tables.get(kind)) is not None:
                table.replace(*([e.id for e in those if e.kind is kind] for those in (leaving, arriving)))
        for (kind, attribute), index in self._found.items():
            for entity in leaving:
                if entity.kind is kind:
                    index[getattr(entity, attribute)].remove(entity.id)
            for entity in arriving:
                if entity.kind is kind:
                    insort(index.setdefault(getattr(entity, attribute), []), entity.id)

    def prepare(self, most: int) -> bool:
        """Writes so many of the search index's entries that are still to be written; whether there are more. Nobody has
        to call it: a search that comes first writes them all."""
        return self.words.catch_up(most)

    async def _prepared(self) -> None:
        """Has the search index ready, and lets others in meanwhile."""
        if self._origin is not None and not self.words.is_begun:
            await self._origin._prepared()
            while not self._begin_words(self._origin):  # whoever asks meanwhile helps
                await give_way()
        while self.prepare(ENTITIES_IN_TURN):
            await give_way()

    def _begin_words(self, origin: "Resident") -> bool:
        """Has the index of words begin as that of an origin, once it knows all that became of it since it was as this
        is; looks at some of that, and says whether it has begun."""
        if self.words.is_begun:
            return True  # others, who were let in, have done the rest
        after = Mark(self.version) if self._looked_until is None else self._looked_until
        found = self._archive.changes(after, origin.version, CHANGES_IN_TURN) if self._archive else []
        self.words.expect([recorded.change for recorded in found], origin.words)
        if found:
            self._looked_until = Mark(found[-1].change.version, found[-1].change.index)
        if len(found) == CHANGES_IN_TURN:
            return False
        self.words.begin_as(origin.words)
        return True

    # Answering: the port.

    async def as_of(self, moment: int | str) -> View:
        if self.look_back is None:
            raise InvalidInput("asOf cannot stand inside asOf. Ask for the other version beside this one.")
        return await self.look_back(moment)

    async def lookup(self, ids: Sequence[str]) -> list[Entity | None]:
        return [self.entity(id) for id in ids]

    async def find(self, kind: Kind, values: Sequence[str]) -> list[Entity | None]:
        return [self._found_by(kind, value) for value in values]

    def _found_by(self, kind: Kind, value: str) -> Entity | None:
        for attribute in NATURAL_KEYS[kind]:
            if ids := self._found[kind, attribute].get(value):
                return self.entity(ids[0])
        return None

    async def match(self, match: Match, page: Page) -> Reach:
        sorter = self._sorter(match.order, match.kind)
        entities = await self._matcher.entities(match)
        if match.order:
            entities = sorter.sort(entities)
        return page_of(entities, {}, page, sorter)

    async def count(self, match: Match) -> int:
        return len(await self._matcher.entities(match))

    async def expand(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        if step.is_whole:
            return self._whole_lists(frontier, step, page)
        sorter = self._sorter(step.order, step.path.target)
        keep = self._matcher.filter(step.where)
        sort = sorter.sort if step.order else None
        answers = []
        for start in frontier:
            members = self.adjacency.members(step.path, start)
            kept = members.entities if keep is None else list(filter(keep, members.entities))
            answers.append(page_of(sort(kept) if sort else kept, members.links, page, sorter))
        return answers

    def _whole_lists(self, frontier: Sequence[str], step: Expand, page: Page) -> Sequence[Reach]:
        """Pages of lists that nothing narrows, in their natural order: those without cursors are made once."""
        known = self.adjacency.along(step.path)
        if page.after is not None or page.before is not None:
            sorter = self._sorter(step.order, step.path.target)
            found = (known[start] for start in frontier)
            return [page_of(members.entities, members.links, page, sorter) for members in found]
        pages = known.pages.get((page.first, page.last))
        if pages is None:
            pages = known.first_pages(page, self._sorter(step.order, step.path.target))
        return pages.of(frontier)

    async def count_reached(self, frontier: Sequence[str], step: Expand) -> list[int]:
        keep = self._matcher.filter(step.where)
        if keep is None:
            return [self.adjacency.count(step.path, start) for start in frontier]
        reached = (self.adjacency.members(step.path, start).entities for start in frontier)
        return [sum(map(keep, entities)) for entities in reached]

    async def group(self, match: Match, groupings: Sequence[Grouping]) -> list[Grouped]:
        await self._matcher.read_group_columns(match.kind, groupings)
        answers = []
        table = self._matcher.table(match.kind)
        rows: dict[tuple[int, Where], Numbers] = {}  # as of a version: others are let in between
        for grouping in groupings:
            await self._turn()
            asked = self.version, grouping.where
            if asked not in rows:
                entities = await self._matcher.entities(Match(match.kind, grouping.where))
                asked = self.version, grouping.where
                rows[asked] = table.rows(entities)
            answers.append(self._grouped(table, rows[asked], grouping))
        return answers

    async def group_reached(
        self, frontier: Sequence[str], step: Expand, groupings: Sequence[Grouping]
    ) -> list[list[Grouped]]:
        kind = step.path.target
        if kind is not None:
            await self._matcher.read_group_columns(kind, groupings)
        keeps = {grouping.where: self._matcher.filter(grouping.where) for grouping in groupings}
        answers = []
        for start in frontier:
            await self._turn()
            entities = self.adjacency.members(step.path, start).entities
            table = self._matcher.table_of(entities) if kind is None else self._matcher.table(kind)
            rows = {
                where: table.rows(entities if keep is None else list(filter(keep, entities)))
                for where, keep in keeps.items()
            }
            answers.append([self._grouped(table, rows[each.where], each) for each in groupings])
        return answers

    def _grouped(self, table: Table, rows: Numbers, grouping: Grouping) -> Grouped:
        begun = perf_counter()
        try:
            return Grouper(table, self.entity, self._ancestry).group(rows, grouping)
        except FieldgraphError as error:
            return error
        finally:
            self._held_s += perf_counter() - begun

    async def _turn(self) -> None:
        """Lets others in, once groups have held them up for long enough, whoever asked for these."""
        if self._held_s > self.SLICE_S:
            self._held_s = 0.0
            await give_way()

    async def relations(self, frontier: Sequence[str], step: Relations, page: Page) -> list[RelationPage]:
        answers = []
        for start in frontier:
            relations = sorted(self._wanted(start, step), key=_canonical_key)
            low, high = bounds(relations, page, _compare_relation)
            answers.append(RelationPage(relations[low:high], low > 0, high < len(relations), len(relations)))
        return answers

    async def count_relations(self, frontier: Sequence[str], step: Relations) -> list[int]:
        return [len(self._wanted(start, step)) for start in frontier]

    async def history(self, frontier: Sequence[str], page: Page) -> list[ChangePage]:
        if self._archive is None:
            return [ChangePage([], False, False, 0)] * len(frontier)
        return [self._archive.history(id, page, self.version) for id in frontier]

    async def once(self, named: Sequence[tuple[str, int]]) -> list[Entity | None]:
        archive, until = self._archive, self.version
        return [archive and entity_then(archive, self.entity(id), id, version, until) for id, version in named]

    async def count_history(self, frontier: Sequence[str]) -> list[int]:
        if self._archive is None:
            return [0] * len(frontier)
        return [self._archive.count_history(id, self.version) for id in frontier]

    async def search(self, search: Search, page: Page) -> Hits:
        await self._prepared()
        return search_page(self.words, search, page)

    async def count_found(self, search: Search) -> dict[Kind, int]:
        await self._prepared()
        return count_found(self.words, search)

    async def resolve(self, resolve: Resolve) -> list[Resolution]:
        await self._prepared()
        return meanings_of(self.words, resolve)

    async def statistics(self) -> Statistics:
        entities = {kind: len(shelf.entities) for kind, shelf in self._shelves.items()}
        return Statistics(entities, {kind: self._relation_counts[kind] for kind in RelationKind})

    async def neighborhood(self, asked: Neighborhood) -> Subgraph | None:
        return await self._walked(lambda: neighborhood(self.around, asked), asked.ms)

    async def paths(self, asked: Paths) -> Trails | None:
        return await self._walked(lambda: routes(self.around, asked), asked.ms)

    async def similar(self, asked: Similar) -> Likenesses | None:
        return await self._walked(lambda: likenesses(self.around, asked), asked.ms)

    async def central(self, asked: Central) -> Ranking:
        return await self.rankings.ranking(asked, self.version)

    async def _walked(self, walk: Callable[[], Walk[T]], ms: int) -> T:
        return await run(walk, ms, lambda: self.version)

    async def findings(self, page: Page) -> FindingPage:
        return (await self._checkup.findings()).page(page)

    async def indexes(self, question: Match | Expand | Relations | Search | Resolve | Kind) -> list[str]:
        match question:
            case Kind():
                return [*NATURAL_KEYS.get(question, ())]
            case Match() | Expand():
                return self._matcher.indexes(question)
            case Search():
                return ["words"]
            case Resolve():
                return ["names and codes"]
        return []

    def _sorter(self, order: Order, kind: Kind | None) -> Sorter:
        return Sorter(order or natural_order(kind), self.adjacency.count)

    def _wanted(self, start: str, step: Relations) -> list[Relation]:
        relations = self.relations_of(start, step.direction)
        if step.kinds is None:
            return relations
        return [relation for relation in relations if relation.kind in step.kinds]


def _canonical_key(relation: Relation) -> Position:
    return relation.name.sort_key


def _compare_relation(relation: Relation, position: Position) -> int:
    mine = relation.name.sort_key
    return (mine > position) - (mine < position)

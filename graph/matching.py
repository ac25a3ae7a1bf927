"""Finding the entities of a kind that meet a condition: by indexes, then by columns, and what is left one by one."""

from collections.abc import Callable, Mapping, Sequence, Set
from itertools import compress
from typing import Any, NamedTuple

from graph.adjacency import Adjacency
from graph.engine import give_way
from graph.grouping import Grouping
from graph.masks import Masks, columns_of
from graph.model import Entity
from graph.ordering import Shelf
from graph.paths import Path
from graph.plan import ALWAYS, And, Compare, Expand, Match, Where, conjunction
from graph.predicates import Predicate, one_term, predicate, some_term
from graph.table import ColumnKey, Table
from graph.totals import ADDED
from graph.vocabulary import Kind

READ_IN_TURN = 1_000
"""Of so many entities values are read into columns before others have their turn: about 10 ms."""


class Matcher:
    """Finds entities on the shelves of their kinds, of which it keeps the tables. `entity` gets one by id."""

    FEW = 16
    """To sort so many entities takes as long as to look at all of a shelf for each."""

    MANY = 500
    """From so many entities on conditions are looked up in columns first."""

    def __init__(
        self, shelves: Mapping[Kind, Shelf], adjacency: Adjacency, entity: Callable[[str], Entity | None]
    ) -> None:
        self.tables: dict[Kind, Table] = {}
        self._shelves = shelves
        self._adjacency = adjacency
        self._entity = entity

    def table(self, kind: Kind) -> Table:
        table = self.tables.get(kind)
        if table is None:
            table = self.tables[kind] = self.table_of(self._shelves[kind].entities)
        return table

    def table_of(self, entities: Sequence[Entity]) -> Table:
        return Table(self._adjacency, self._entity, [entity.id for entity in entities])

    def filter(self, where: Where) -> Predicate | None:
        """The condition as a function, or None where everything meets it."""
        return None if where == ALWAYS else self._meets(where)

    def _meets(self, where: Where) -> Predicate:
        return predicate(where, self._adjacency.along, self._starts)

    async def entities(self, match: Match) -> list[Entity]:
        """The entities that match, in the natural order of their kind: as of the moment in which they are given."""
        found = self._candidates(match)
        if len(found.entities) >= self.MANY and await self._read(match.kind, self._columns_of(match.kind, found.rest)):
            found = self._candidates(match)
        entities = found.entities
        for ids in found.among:
            entities = [entity for entity in entities if entity.id in ids]
        rest = found.rest
        if len(entities) >= self.MANY and rest != ALWAYS:
            entities, rest = self._scanned(match.kind, entities, rest)
        keep = self.filter(rest)
        return entities if keep is None else list(filter(keep, entities))

    def _scanned(self, kind: Kind, entities: Sequence[Entity], where: Where) -> tuple[list[Entity], Where]:
        """Those of many entities that meet what columns tell of a condition, and what is left of it, as columns cannot
        tell it, or as few entities are left."""
        table = self.table(kind)
        rows, kept, left = table.rows(entities), list(entities), []
        for part in sorted(_parts(where), key=_follows_path):
            if len(kept) < self.MANY or columns_of(part, table) is None:
                left.append(part)
                continue
            mask = Masks(table, rows, self._entity, self._meets).of(part)
            rows, kept = rows[mask], list(compress(kept, mask.tobytes()))
        return kept, conjunction(left)

    # What takes long the first time, in turns with others.

    async def read_group_columns(self, kind: Kind, groupings: Sequence[Grouping]) -> None:
        """Reads what columns need to group the entities of a kind, and to add up their values."""
        keys = {ColumnKey.of(key) for grouping in groupings for key in grouping.keys}
        await self._read(kind, keys.union(*(ADDED for grouping in groupings if grouping.adds)))

    async def _read(self, kind: Kind, columns: Set[ColumnKey]) -> bool:
        """Reads what these columns need; whether others had a turn meanwhile."""
        table, has_waited = self.table(kind), False
        for column in columns:
            # Commits may have it read again and again. What is not read in good time is when it is looked at.
            for _ in range(2 + 2 * len(table) // READ_IN_TURN):
                if not table.read(column, READ_IN_TURN):
                    break
                has_waited = True
                await give_way()
        return has_waited

    def _columns_of(self, kind: Kind, where: Where) -> set[ColumnKey]:
        table = self.table(kind)
        return set().union(*(columns_of(part, table) or () for part in _parts(where)))

    # Indexes.

    def indexes(self, question: Match | Expand) -> list[str]:
        """By what it finds the answer, in words."""
        used: list[str] = []

        def noted(path: Path, attribute: str, term: Any) -> Set[str]:
            used.append(f"{path.name}.{attribute} = {term}")
            return frozenset()

        if isinstance(question, Expand):
            predicate(question.where, self._adjacency.along, noted)
            return used
        found = self._candidates(question)
        used += found.used
        predicate(found.rest, self._adjacency.along, noted)
        if len(found.entities) >= self.MANY:
            columns = self._columns_of(question.kind, found.rest)
            used += sorted({f"column {column.name}" for column in columns})
        return used

    def _candidates(self, match: Match) -> "Candidates":
        """What indexes find for the parts of a condition that must all hold; of several terms, that of the fewest."""
        shelf = self._shelves[match.kind]
        entities = shelf.entities
        among: list[Set[str]] = []
        used: list[str] = []
        rest = _parts(match.where)
        having = [(part, term, shelf.having(*term)) for part in rest if (term := one_term(part))]
        if having:
            part, term, entities = min(having, key=lambda found: len(found[2]))
            rest.remove(part)
            used.append(f"{term.attribute} = {term.value}")
        for part in list(rest):
            if some := some_term(part):
                among.append(self._starts(*some))
                rest.remove(part)
                used.append(f"{some.path.name}.{some.attribute} = {some.term}")
        if among and not having and len(few := min(among, key=len)) * self.FEW < len(entities):
            records = (self._entity(id) for id in few)
            entities = shelf.sorter.sort([record for record in records if record and record.kind is match.kind])
        return Candidates(entities, among, conjunction(rest), used)

    def _starts(self, path: Path, attribute: str, term: Any) -> Set[str]:
        """From where a path reaches an entity that has a term."""
        assert path.target is not None
        shelf = self._shelves[path.target]
        return self._adjacency.starts(path, attribute, term, lambda: shelf.having(attribute, term))


def _follows_path(where: Where) -> bool:
    """Whether a condition asks for what is related, which takes longer than what an entity itself has."""
    return not isinstance(where, Compare)


def _parts(where: Where) -> list[Where]:
    """Conditions that must all hold."""
    return [*where.parts] if isinstance(where, And) else [where]


class Candidates(NamedTuple):
    """What indexes find for a question: entities in natural order, of which those count whose ids are in each set of
    `among` and that meet the `rest` of the condition. `used` names the indexes."""

    entities: list[Entity]
    among: list[Set[str]]
    rest: Where
    used: list[str]

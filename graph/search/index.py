"""The index: what can be found of every entity, in SQLite's FTS5, in memory; kept true by commits.

It is made in stretches, and a commit only notes whose entries are to be written anew, as they are before the next
question. What is held is the same however it came about.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

from graph.model import Change, Entity, Relation
from graph.search.near import Vocabulary
from graph.search.passages import Column, Holder, dependents, is_region, names, own_passages, surroundings
from graph.search.words import key, prepared, split
from graph.vocabulary import Kind, RelationKind

SCHEMA = """
CREATE VIRTUAL TABLE found USING fts5(name, names, codes, texts, places, tokenize = 'ascii', prefix = '1 2 3');
INSERT INTO found(found, rank) VALUES ('rank', 'bm25(10.0, 8.0, 8.0, 2.0, 1.0)');
CREATE TABLE entities (doc INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE meanings (
    key TEXT, strength INTEGER, doc INTEGER, told TEXT, PRIMARY KEY (key, strength, doc, told)
) WITHOUT ROWID;
CREATE INDEX meanings_of ON meanings (doc);
"""
# The tokenizer `ascii` takes all that is not ASCII for letters: words are cut and folded in words.py alone.

SHELVES = (Kind.COUNTRY, None, *list(Kind)[1:])
"""The kinds in the order of their numbers; None are the places that are regions."""

SHELF, LENGTH = 56, 48
"""A number is the shelf, the length of the name, and a hash, from these bits on."""

PLACING = (RelationKind.LOCATED_IN, RelationKind.OCCURRED_IN, RelationKind.PART_OF)
"""Relations that say where something is, by which it is found."""

LONGEST_KEY = 256
"""Characters of a name or code; nobody asks for a longer one."""

Range = tuple[int, int]
"""Numbers from one up to another, both included."""


def shelf_range(first: int, last: int) -> Range:
    return first << SHELF, ((last + 1) << SHELF) - 1


def ranges_of(kind: Kind) -> Range:
    """The numbers of a kind's entities."""
    shelf = SHELVES.index(kind)
    return shelf_range(1 if kind is Kind.PLACE else shelf, shelf)


COUNTRIES_AND_REGIONS = shelf_range(0, 1)


class SearchIndex:
    """What is found where. Entities are numbered: by kind, then those of short names first."""

    STRETCH = 500
    """Entities whose entries are written at a time: some milliseconds each."""

    def __init__(self, holder: Holder, ids: Callable[[], Iterable[str]]) -> None:
        """`ids` tells all entities of the holder, whenever it is asked."""
        self.holder = holder
        self._ids = ids
        self._database: sqlite3.Connection | None = None
        self._pending: dict[str, None] = {}
        self._vocabulary = Vocabulary()
        self._names: dict[str, str] = {}  # of places and countries, while entries are written

    # Keeping it true.

    def note(self, records: Sequence[Entity | Relation], before: Mapping[str, Entity | None]) -> None:
        """Notes the records that a commit changed. `before` has the entities among them as they were."""
        if self._database is None:
            return  # all is still to be written
        self._names.clear()
        for record in records:
            if isinstance(record, Relation):
                self._note_relation(record)
        for id, entity in before.items():
            self._pending[id] = None
            if _as_surroundings(entity) != _as_surroundings(self.holder.entity(id)):
                self._pending.update(dict.fromkeys(dependents(id, self.holder)))

    def _note_relation(self, relation: Relation) -> None:
        if relation.kind in PLACING:
            self._pending[relation.subject] = None
        if relation.kind is RelationKind.PART_OF:
            subject = self.holder.entity(relation.subject)
            if subject is not None and subject.kind is Kind.PLACE:
                self._pending.update(dict.fromkeys(dependents(subject.id, self.holder)))

    @property
    def is_begun(self) -> bool:
        return self._database is not None

    def expect(self, changes: Iterable[Change], origin: "SearchIndex") -> None:
        """Notes whose entries these changes altered in an origin as which this is to begin."""
        for change in changes:
            for holder in (self.holder, origin.holder):
                self._pending.update(dict.fromkeys(_concerned(change, holder)))

    def begin_as(self, origin: "SearchIndex") -> None:
        """Begins with the entries of an origin, which has the same holder's entities but for what is expected: their
        entries are to be written anew. To write more than needed does no harm."""
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        origin._connected.backup(self._database)
        self._vocabulary = origin._vocabulary.copy()
        self._pending.update(origin._pending)

    @property
    def is_behind(self) -> bool:
        """Whether entries still wait to be written."""
        return self._database is None or bool(self._pending)

    def catch_up(self, most: int | None = None) -> bool:
        """Writes the entries of so many entities, or of all, that wait for it; whether some still do."""
        if self._database is None:
            self._database = _new_database()
            self._pending = dict.fromkeys(self._ids())
        left = len(self._pending) if most is None else min(most, len(self._pending))
        while left > 0:
            self._write(_first(self._pending, min(left, self.STRETCH)))
            left -= self.STRETCH
        if not self._pending:
            self._names.clear()
        return self.is_behind

    def _write(self, ids: Sequence[str]) -> None:
        """In the order of their numbers: FTS5 keeps what it has in hand only as long as the numbers rise."""
        database = self._connected
        with database:
            database.execute("BEGIN")
            for doc in sorted(doc for id in ids if (doc := self._number_of(id)) is not None):
                for table, number in (("found", "rowid"), ("meanings", "doc"), ("entities", "doc")):
                    database.execute(f"DELETE FROM {table} WHERE {number} = ?", (doc,))
            entities = [entity for id in ids if (entity := self.holder.entity(id)) is not None]
            numbered = {self._number(entity): entity for entity in entities}
            for doc, entity in sorted(numbered.items()):
                self._add(doc, entity)
        for id in ids:
            del self._pending[id]

    def _add(self, doc: int, entity: Entity) -> None:
        texts: dict[Column, list[str]] = {column: [] for column in Column}
        meanings = set()
        for passage in own_passages(entity):
            if passage.column is not None:
                texts[passage.column].append(prepared(passage.text))
            if passage.strength is not None and len(passage.text) <= LONGEST_KEY and (named := key(passage.text)):
                meanings.add((named, int(passage.strength), passage.told))
        texts[Column.PLACES] += [self._names_of(around) for around in surroundings(entity, self.holder)]
        columns = [" ".join(parts) for parts in texts.values()]
        self._connected.execute(
            "INSERT INTO found(rowid, name, names, codes, texts, places) VALUES (?,?,?,?,?,?)", (doc, *columns)
        )
        rows = [(named, strength, doc, told) for named, strength, told in meanings]
        self._connected.executemany("INSERT INTO meanings VALUES (?,?,?,?)", rows)
        for column in columns:
            self._vocabulary.add(split(column))

    def _names_of(self, around: Entity) -> str:
        """What others that are in it are found by. Some are asked for again and again."""
        known = self._names.get(around.id)
        if known is None:
            known = self._names[around.id] = prepared(" ".join(name.text for name in names(around)))
        return known

    def _number(self, entity: Entity) -> int:
        """A number that nothing but the entity decides, and the next one in the rare case that it is taken."""
        shelf = 1 if is_region(entity) and entity.kind is Kind.PLACE else SHELVES.index(entity.kind)
        hashed = int.from_bytes(blake2b(entity.id.encode(), digest_size=6).digest())
        doc = shelf << SHELF | min(len(entity.name), 255) << LENGTH | hashed
        while self._connected.execute("INSERT OR IGNORE INTO entities VALUES (?, ?)", (doc, entity.id)).rowcount < 1:
            doc += 1
        return doc

    # Asking it.

    @property
    def _connected(self) -> sqlite3.Connection:
        assert self._database is not None
        return self._database

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement finds, once nothing waits to be written."""
        self.catch_up()
        return self._connected.execute(statement, values).fetchall()

    def number(self, id: str) -> int | None:
        self.catch_up()
        return self._number_of(id)

    def _number_of(self, id: str) -> int | None:
        found = self._connected.execute("SELECT doc FROM entities WHERE id = ?", (id,)).fetchone()
        return None if found is None else found[0]

    def entity(self, doc: int) -> Entity:
        ((id,),) = self.rows("SELECT id FROM entities WHERE doc = ?", doc)
        entity = self.holder.entity(id)
        assert entity is not None, "the index has been brought up to date"
        return entity

    def has(self, expression: str) -> bool:
        """Whether anything matches."""
        return bool(self.rows("SELECT 1 FROM found WHERE found MATCH ? LIMIT 1", expression))

    def completions(self, head: str, most: int) -> list[str]:
        """The words that begin with a word, so many of them at most."""
        self.catch_up()
        return list(islice(filter(self._holds, self._vocabulary.completions(head)), most))

    def near(self, word: str, most: int, *, completes: bool) -> list[str]:
        """The words, and where it may be unfinished the heads of words, that are nearest to one; so many at most."""
        self.catch_up()
        for words in self._vocabulary.near(word, completes=completes):
            if found := list(islice((word for word in words if self._holds(word, completes=completes)), most)):
                return found
        return []

    def _holds(self, word: str, *, completes: bool = False) -> bool:
        return bool(self.completions(word, 1)) if completes else self.has(f'"{word}"')


def _new_database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.executescript(SCHEMA)
    return database


def _first(ids: Iterable[str], most: int) -> list[str]:
    return [id for id, _ in zip(ids, range(most), strict=False)]


def _concerned(change: Change, holder: Holder) -> Iterator[str]:
    """The entities that may be found by something else after a change than before it."""
    record = change.record
    if isinstance(record, Relation):
        if record.kind in PLACING:
            yield record.subject
        if record.kind is RelationKind.PART_OF:
            yield from dependents(record.subject, holder)
        return
    yield record.id
    assert not isinstance(change.before, Relation)
    if change.before is None or _as_surroundings(change.before) != _as_surroundings(record):
        yield from dependents(record.id, holder)


def _as_surroundings(entity: Entity | None) -> list[Any] | None:
    """What others, that are in it, are found by."""
    if entity is None or entity.kind not in (Kind.COUNTRY, Kind.PLACE):
        return None
    return [is_region(entity), *names(entity)]

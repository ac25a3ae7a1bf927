"""The seed's lines, indexed so that a test can ask them."""

from collections.abc import Iterator
from typing import Any

import pytest

from seed.load import records

Line = dict[str, Any]


class Lines:
    def __init__(self, lines: list[Line]) -> None:
        self.all = lines
        self.entities = {line["id"]: line for line in lines if "id" in line}
        self.relations = [line for line in lines if "relation" in line]

    def __getitem__(self, id: str) -> Line:
        return self.entities[id]

    def of(self, kind: str) -> list[Line]:
        return [line for line in self.entities.values() if line["kind"] == kind]

    def stated(self, relation: str, subject: str | None = None, object: str | None = None) -> list[Line]:
        """The relations of a kind, from a subject or to an object where they are given."""
        return [
            line
            for line in self.relations
            if line["relation"] == relation and subject in (None, line["subject"]) and object in (None, line["object"])
        ]

    def objects(self, relation: str, subject: str) -> list[str]:
        return [line["object"] for line in self.stated(relation, subject)]

    def around(self, id: str) -> Iterator[str]:
        """What an entity is part of, the nearest first."""
        seen = {id}
        while parents := self.objects("PART_OF", id):
            (id,) = parents
            assert id not in seen, f"{id} is part of itself"
            seen.add(id)
            yield id


@pytest.fixture(scope="session")
def seed() -> Lines:
    return Lines(list(records()))

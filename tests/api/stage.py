"""One stage for many worlds: asking for lists of whatever world is shown on it, beside an oracle that knows it."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import currently_in_test_context, note

from graph.errors import Refused
from graph.graph import Graph
from graph.model import RelationName, Unrelate, Write
from graph.parse import write
from graph.vocabulary import Impact, PartnerRole, RelationKind
from tests.conftest import Ask, asking, graph_of
from tests.oracle import KINDS, SCHEMA, Given, Line, Oracle, kind_listed, type_name
from tests.questions import filter_of, order_of
from tests.worlds import Choices

PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
EDGE = "cursor node { id } roles impacts role impact since until percentage sources { id }"
RELATION = "kind subject { id } object { id } role impact since until percentage locator sources { id }"


class Kept(NamedTuple):
    """A list of the schema: the kind of its parent (None: the root) and the connection."""

    parent: str | None
    connection: str

    @property
    def kind(self) -> str | None:
        """The kind of its items; None where they are of several kinds, or relations."""
        return kind_listed(self.parent, self.connection)

    @property
    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = SCHEMA.type_map[type_name(self.parent)].fields[self.connection].args
        return arguments

    @property
    def document(self) -> str:
        """A query for it, of the root or of the entity $id; each of its arguments is a variable."""
        declared = "".join(f", ${name}: {argument.type}" for name, argument in self.arguments.items())
        given = ", ".join(f"{name}: ${name}" for name in self.arguments)
        items = RELATION if self.connection == "relations" else "id"
        edges = f"cursor node {{ {RELATION} }}" if self.connection == "relations" else EDGE
        field = f"list: {self.connection}({given}) {{ edges {{ {edges} }} nodes {{ {items} }} {PAGE} }}"
        if self.parent is None:
            return f"query({declared.removeprefix(', ')}) {{ {field} }}"
        return f"query($id: ID!{declared}) {{ node(id: $id) {{ ... on {type_name(self.parent)} {{ {field} }} }} }}"

    def narrowing(self, choose: Choices) -> Given:
        """Some values for the arguments by which it is narrowed and ordered."""
        if "where" in self.arguments:
            assert self.kind is not None
            return {"where": filter_of(choose, self.kind), "orderBy": order_of(choose, self.kind)}
        words = [word for argument in ("kinds",) for word in _words(self.arguments[argument].type)]
        kinds = [choose.one(words) for _ in range(6)]
        given: Given = {"kinds": choose.one([None, None, [], kinds])}
        return given | ({"direction": choose.one([None, "IN", "OUT", "BOTH"])} if "direction" in self.arguments else {})


def _words(type_: Any) -> list[str]:
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return list(type_.values)


def _lists() -> Iterator[Kept]:
    for parent in (None, *KINDS):
        for name, field in SCHEMA.type_map[type_name(parent)].fields.items():
            if "where" in field.args or name in ("relations", "entities"):
                yield Kept(parent, name)


LISTS = list(_lists())
"""Every connection with entities or relations."""


class Stage:
    """Shows one graph after another to one executor, which so needs to read each document only once."""

    graph: Graph

    @property
    def engine(self) -> Any:
        return self.graph.engine

    @property
    def head(self) -> Any:
        return self.graph.head


STAGE = Stage()
ask: Ask = asking(STAGE)  # type: ignore[arg-type]  # all that an executor takes from a graph


def show(lines: Sequence[Line]) -> Oracle:
    """Puts a world on the stage; the oracle of it."""
    if currently_in_test_context():
        told = ({key: value for key, value in line.items() if value not in (None, [], {})} for line in lines)
        note("\n".join(json.dumps(line, ensure_ascii=False) for line in told))
    STAGE.graph = graph_of(list(lines))
    return Oracle(lines)


def answer(kept: Kept, id: str | None = None, **variables: Any) -> Line:
    """A page of a list of the world that is shown."""
    answered = ask(kept.document, variables | {"id": id})
    assert "errors" not in answered, answered["errors"]
    data: Line = answered["data"] if id is None else answered["data"]["node"]
    page: Line = data["list"]
    return page


def refusal(kept: Kept, id: str | None = None, **variables: Any) -> tuple[str, str]:
    """The code and the message of the one error that a list is refused with."""
    answered = ask(kept.document, variables | {"id": id})
    (error,) = answered["errors"]
    assert id is not None or answered.get("data") is None
    return error["extensions"]["code"], error["message"]


def parents(kept: Kept, oracle: Oracle) -> Sequence[str | None]:
    """The entities that have such a list; for a list of the root, None."""
    return [None] if kept.parent is None else oracle.of_kind(kept.parent)


def items(kept: Kept, id: str | None, oracle: Oracle, narrowed: Given) -> list[Any]:
    """What the oracle says the list holds: ids, or relations as a query shows them."""
    if kept.connection == "relations":
        assert id is not None
        found = oracle.relations_of(id, narrowed.get("kinds"), narrowed.get("direction") or "BOTH")
        return [shown(relation) for relation in found]
    if kept.connection == "entities":
        kinds = narrowed.get("kinds")
        return [other for other in oracle.listed(id, "entities") if kinds is None or oracle.kind(other) in kinds]
    return oracle.listed(id, kept.connection, narrowed.get("where"), narrowed.get("orderBy"))


def shown(relation: Line) -> Line:
    """A relation as a query shows it."""
    stated = {name: relation.get(name) for name in ("role", "impact", "since", "until", "percentage", "locator")}
    ends = {end: {"id": relation[end]} for end in ("subject", "object")}
    sources = [{"id": id} for id in sorted(set(relation.get("sources") or ()))]
    return {"kind": relation["relation"]} | ends | stated | {"sources": sources}


def writes(lines: Sequence[Line]) -> list[Write]:
    """What lines ask of a graph."""
    return [_unrelate(line["unrelate"]) if "unrelate" in line else write(line) for line in lines]


def _unrelate(line: Line) -> Unrelate:
    role, impact = line.get("role"), line.get("impact")
    return Unrelate(
        RelationName(
            RelationKind[line["relation"]],
            line["subject"],
            line["object"],
            PartnerRole[role] if role else None,
            Impact[impact] if impact else None,
        )
    )


def permits(graph: Graph, lines: Sequence[Line]) -> bool:
    """Applies a commit, if it may be; whether it was."""
    try:
        graph.apply(writes(lines))
    except Refused:
        return False
    return True

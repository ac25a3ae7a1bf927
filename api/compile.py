"""From an operation to a plan: its selections become a tree of parts that are run a frontier at a time.

The plan is made of the fields' own steps (api/fields.py, api/lists.py); nothing here knows a field by its name. What
lies below a step is compiled when the step first finds something: of an operation that is run once, what it does not
come to costs nothing. What cannot be compiled raises NotCompiled, then or before.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    is_abstract_type,
    is_leaf_type,
)

from api.arguments import ArgumentReader
from api.columns import Rank
from api.documents import Operation
from api.fields import DEFINITION, ElsewhereStep, Step, StepField
from api.fragments import Fragments, Memory
from api.leaves import Encode, encoder, listed, optional, required, to_json
from api.lists import ListStep
from api.parts import AttributePart, ElsewherePart, ListPart, Member, NodesPart, Place, PlainPart, StepPart, braced
from api.recent import Recent
from api.relay import NODES
from api.writers import Abstract, Leaf, Many, Nulls, Object, Part, Writer
from graph.model import RECORDS, Relation

RECORD_TYPES = {Relation.__name__, *(record.__name__ for record in RECORDS.values())}
"""The types whose values are the graph's own records: what is written of them may be remembered."""

Given = ParamSpec("Given")
Made = TypeVar("Made")
Shared = dict[tuple[object, ...], Part]
PlanKey = tuple[Operation, tuple[Any, ...]]
"""An operation, and the values of the variables that its @skip and @include use."""


class Selected(NamedTuple):
    """A field as it is selected: where it first is, and everywhere that it is."""

    rank: Rank
    nodes: list[FieldNode]


class Plan(NamedTuple):
    """A compiled operation: `root` writes the root object, as a column of one; it is None where the operation cannot be
    compiled."""

    root: Object | None
    compilation: "Compilation"

    @property
    def size(self) -> int:
        """About how many bytes it takes, with the document that it keeps alive."""
        text = CHARACTER_SIZE * len(self.compilation.operation.text)
        return PLAN_OVERHEAD + text + FIELD_SIZE * self.compilation.fields


PLAN_OVERHEAD, FIELD_SIZE, CHARACTER_SIZE = 2_000, 1_600, 200
"""Bytes that a plan takes, each field in it, each character of its document."""


class NotCompiled(Exception):
    """The operation has something that only graphql-core answers."""


class Compiler:
    """Compiles operations over one schema; what their plans remember shares one memory. `plans` are those used last,
    by operation and Booleans, which take at most about `plan_memory` bytes together."""

    def __init__(self, schema: GraphQLSchema, memory: Memory, plan_memory: int) -> None:
        self.schema = schema
        self.plans = Recent[PlanKey, Plan](plan_memory, lambda _, plan: plan.size)
        self._memory = memory
        self._fragments: WeakValueDictionary[tuple[object, ...], Fragments[Any]] = WeakValueDictionary()

    def compile(self, operation: Operation, booleans: Mapping[str, Any]) -> Plan:
        """The plan for these values of the variables that @skip and @include use, which is remembered."""
        key = operation, tuple(booleans.values())
        compilation = Compilation(self, operation, booleans, partial(self.plans.weigh, key))
        plan = Plan(self._root(compilation), compilation)
        self.plans.put(key, plan)
        return plan

    def _root(self, compilation: "Compilation") -> Object | None:
        try:
            return compilation.root(self.schema)
        except NotCompiled:
            return None

    def fragments(self, *signature: object) -> Fragments[Any]:
        """What is remembered for this type and selection, by all operations that have it; forgotten with the last."""
        found = self._fragments.get(signature)
        if found is None:
            found = self._fragments[signature] = self._memory.fragments()
        return found


class Compilation:
    """One operation on its way to a plan; `grown` is told when more of it has been compiled."""

    def __init__(
        self, compiler: Compiler, operation: Operation, booleans: Mapping[str, Any], grown: Callable[[], None]
    ) -> None:
        self.operation = operation
        self.fields = 0  # that are in the plan, fragments spread
        self._compiler = compiler
        self._booleans = booleans
        self._grown = grown

    def root(self, schema: GraphQLSchema) -> Object:
        """The writer of the root object: of a query as a column of one, of a subscription one for each value that it
        tells. Raises NotCompiled."""
        root = schema.get_root_type(self.operation.definition.operation)
        if not (self.operation.is_query or self.operation.is_subscription) or root is None:
            raise NotCompiled("only what changes nothing is compiled")
        if None in self._booleans.values():
            raise NotCompiled("a condition has no value")
        return self.object(root, [self.operation.definition.selection_set], [])

    def object(
        self,
        type_: GraphQLObjectType,
        sets: Sequence[SelectionSetNode],
        nodes: list[FieldNode],
        shared: "Shared | None" = None,
    ) -> Object:
        """The writer of an object type under some selection sets. The parts that it has in `shared` with other types
        are put there, or taken from there."""
        parts: list[Part] = []
        plain: list[Member] = []
        for key, (rank, field_nodes) in self.collect(type_, sets).items():
            self.fields += 1
            member = self._member(type_, key, rank, field_nodes)
            if member is not None:
                plain.append(member)
                continue
            if plain:
                parts.append(self._plain_part(type_, plain))
                plain = []
            parts.append(self._shared_part(type_, key, rank, field_nodes, shared))
        if plain:
            parts.append(self._plain_part(type_, plain))
        return Object(parts, nodes)

    # Members that are worked out from their object alone.

    def _plain_part(self, type_: GraphQLObjectType, members: Sequence[Member]) -> PlainPart:
        if type_.name not in RECORD_TYPES:
            return PlainPart(members, None)
        signature = type_.name, *(member.signature for member in members)
        return PlainPart(members, self._compiler.fragments(*signature), self._compiler.fragments("column", *signature))

    def _member(self, type_: GraphQLObjectType, key: str, rank: Rank, nodes: list[FieldNode]) -> Member | None:
        """The field as a plain member, or None if it is not plain."""
        name = nodes[0].name.value
        if name == "__typename":
            written = to_json(type_.name)
            place = Place(key, rank, nodes, name, nullable=False)
            return Member(place, lambda source: written, bytes, (name,), partial(Leaf, bytes, nodes))
        definition = self._definition(type_, name)
        read = self._reading(definition, nodes[0])
        plain = None if read is None else self._plain(definition.type, nodes, f"{type_.name}.{name}")
        if read is None or plain is None:
            return None
        place = self._place(type_, definition, key, rank, nodes)
        signature = (name, read.signature, plain.signature)
        return Member(place, read.get, plain.encode, signature, partial(self._writer, definition.type, place.nulls))

    def _reading(self, definition: GraphQLField, node: FieldNode) -> "Reading | None":
        """How a plain field gets its value of an object; None if it takes more than the object."""
        field = definition.extensions[DEFINITION]
        if not isinstance(field, StepField):
            return Reading(attrgetter(field.python_name), "")
        local = field.step.local
        if local is None:
            return None
        given = ArgumentReader(self._compiler.schema, self.operation, definition, node).constant
        if given is None:
            return None
        return Reading(partial(local, **given), repr(given))

    def _plain(self, type_: GraphQLOutputType, nodes: list[FieldNode], name: str) -> "Plain | None":
        """How a plain value of a type is written; None if it holds anything that is not plain, or is a record, whose
        fragments are remembered for themselves."""
        if isinstance(type_, GraphQLNonNull):
            inner = self._plain(type_.of_type, nodes, name)
            return None if inner is None else Plain(required(inner.encode, name), inner.signature)
        if isinstance(type_, GraphQLList):
            item = self._plain(type_.of_type, nodes, name)
            return None if item is None else Plain(listed(item.encode), item.signature)
        if is_leaf_type(type_):
            return Plain(optional(encoder(type_)), ())
        if not isinstance(type_, GraphQLObjectType) or type_.name in RECORD_TYPES:
            return None
        members = []
        for key, (rank, field_nodes) in self.collect(type_, _sets(nodes)).items():
            self.fields += 1
            member = self._member(type_, key, rank, field_nodes)
            if member is None:
                return None
            members.append(member)
        return Plain(optional(braced(members)), tuple(member.signature for member in members))

    # Members that ask the engine, or lead to objects that do.

    def _shared_part(
        self, type_: GraphQLObjectType, key: str, rank: Rank, nodes: list[FieldNode], shared: "Shared | None"
    ) -> Part:
        """One part for all types of which the same is selected, so that they are asked for together."""
        field = self._definition(type_, nodes[0].name.value).extensions[DEFINITION]
        if shared is None or not isinstance(field, StepField):
            return self._part(type_, key, rank, nodes)
        signature = key, rank, *map(id, nodes), id(field.step)
        if signature not in shared:
            shared[signature] = self._part(type_, key, rank, nodes)
        return shared[signature]

    def _part(self, type_: GraphQLObjectType, key: str, rank: Rank, nodes: list[FieldNode]) -> Part:
        definition = self._definition(type_, nodes[0].name.value)
        field = definition.extensions[DEFINITION]
        place = self._place(type_, definition, key, rank, nodes)
        if not isinstance(field, StepField):
            return AttributePart(place, self._writer(definition.type, place.nulls), field.python_name)
        if field.step is NODES and (item := self._record_item(definition.type)):
            return self._nodes_part(place, item)
        reader = ArgumentReader(self._compiler.schema, self.operation, definition, nodes[0])
        if isinstance(field.step, ListStep):
            if place.nulls.taken:
                raise NotCompiled("a list may be null, which its part does not know")
            connection = _bare(definition.type)
            assert isinstance(connection, GraphQLObjectType)
            wants_pages = self._wants_pages(connection, nodes)
            shown = self._later(self.object, connection, _sets(nodes), nodes)
            return ListPart(place, shown, field.step, reader, wants_pages=wants_pages)
        if isinstance(field.step, ElsewhereStep):
            root = _bare(definition.type)
            assert isinstance(root, GraphQLObjectType)
            return ElsewherePart(place, self.object(root, _sets(nodes), nodes), field.step, reader)
        step = self._step(field.step, definition.type, nodes)
        return StepPart(place, self._later(self._writer, definition.type, place.nulls), step, reader)

    def _place(
        self, type_: GraphQLObjectType, definition: GraphQLField, key: str, rank: Rank, nodes: list[FieldNode]
    ) -> Place:
        nullable = not isinstance(definition.type, GraphQLNonNull)
        return Place(key, rank, nodes, f"{type_.name}.{nodes[0].name.value}", nullable=nullable)

    def _nodes_part(self, place: Place, item: GraphQLObjectType) -> NodesPart:
        shown = self.object(item, _sets(place.nodes), place.nodes)
        plain = shown.plain
        kept = None if plain is None else partial(self._compiler.fragments, "list", item.name, plain.signature)
        return NodesPart(place, shown, kept)

    def _wants_pages(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> bool:
        """Whether more is selected of a connection than its length."""
        selected = {field_nodes[0].name.value for _, field_nodes in self.collect(type_, _sets(nodes)).values()}
        steps = [type_.fields[name].extensions[DEFINITION].step for name in selected - {"__typename"}]
        return not all(step.whole for step in steps)

    def _step(self, step: Step, type_: GraphQLOutputType, nodes: list[FieldNode]) -> Step:
        """The step of a field, or a leaner one, where what is selected allows it."""
        return step if step.leaner is None or self._selects(type_, nodes, *step.leaner[0]) else step.leaner[1]

    def _selects(self, type_: GraphQLOutputType, nodes: Sequence[FieldNode], *way: str) -> bool:
        """Whether a way leads down the selections of a field, whose type has them."""
        object_ = _bare(type_)
        if not way or not isinstance(object_, GraphQLObjectType):
            return not way
        below = [found for _, found in self.collect(object_, _sets(nodes)).values() if found[0].name.value == way[0]]
        return any(self._selects(object_.fields[way[0]].type, found, *way[1:]) for found in below)

    def _record_item(self, type_: GraphQLOutputType) -> GraphQLObjectType | None:
        """The item of a list of records of one kind."""
        item = _bare(type_)
        return item if isinstance(item, GraphQLObjectType) and item.name in RECORD_TYPES else None

    def _writer(self, type_: GraphQLOutputType, nulls: Nulls) -> Writer:
        """The writer of a type, null or not."""
        nodes = nulls.nodes
        if isinstance(type_, GraphQLNonNull):
            return self._writer(type_.of_type, nulls)
        if isinstance(type_, GraphQLList):
            of_items = Nulls(not isinstance(type_.of_type, GraphQLNonNull), nulls.name, nodes)
            return Many(self._writer(type_.of_type, of_items), of_items)
        if is_leaf_type(type_):
            return Leaf(encoder(type_), nodes)
        if is_abstract_type(type_):
            return Abstract(self._writers_of_types(nodes), nodes)
        assert isinstance(type_, GraphQLObjectType)
        return self.object(type_, _sets(nodes), nodes)

    def _writers_of_types(self, nodes: list[FieldNode]) -> Callable[[str], Object]:
        """The writer of each type that turns up under an abstract one, made when it first does."""
        shared: Shared = {}

        @cache
        def writer_of(name: str) -> Object:
            type_ = self._compiler.schema.type_map[name]
            assert isinstance(type_, GraphQLObjectType)
            return self._later(self.object, type_, _sets(nodes), nodes, shared)()

        return writer_of

    def _later(self, make: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Callable[[], Made]:
        """Compiles something when it is called for."""

        def compiled() -> Made:
            made = make(*given, **named)
            self._grown()
            return made

        return compiled

    # Selections.

    def collect(self, type_: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> dict[str, Selected]:
        """The fields selected of a type, by response key, in the order in which they are answered."""
        found: dict[str, Selected] = {}
        seen: set[str] = set()
        for index, selections in enumerate(sets):
            self._gather(type_, selections, found, seen, (index,))
        return found

    def _gather(
        self,
        type_: GraphQLObjectType,
        selections: SelectionSetNode,
        found: dict[str, Selected],
        seen: set[str],
        around: Rank,
    ) -> None:
        for index, node in enumerate(selections.selections):
            if not self._is_included(node):
                continue
            rank = (*around, index)
            if isinstance(node, FieldNode):
                found.setdefault((node.alias or node.name).value, Selected(rank, [])).nodes.append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._is_of(type_, node.type_condition.name.value):
                    self._gather(type_, node.selection_set, found, seen, rank)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self.operation.fragments[node.name.value]
                if self._is_of(type_, fragment.type_condition.name.value):
                    self._gather(type_, fragment.selection_set, found, seen, rank)

    def _is_of(self, type_: GraphQLObjectType, condition: str) -> bool:
        if type_.name == condition:
            return True
        other = self._compiler.schema.type_map[condition]
        return is_abstract_type(other) and self._compiler.schema.is_sub_type(other, type_)

    def _is_included(self, node: Any) -> bool:
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include"):
                (argument,) = directive.arguments
                value = argument.value
                holds = value.value if isinstance(value, BooleanValueNode) else self._booleans[value.name.value]
                if holds is (directive.name.value == "skip"):
                    return False
        return True

    def _definition(self, type_: GraphQLObjectType, name: str) -> GraphQLField:
        definition: GraphQLField | None = type_.fields.get(name)
        if definition is None or DEFINITION not in definition.extensions:
            raise NotCompiled(f"{type_.name}.{name} has no step")
        return definition


class Reading(NamedTuple):
    """How a plain field gets its value of an object."""

    get: Callable[[Any], Any]
    signature: str


class Plain(NamedTuple):
    """How a plain value is written, and what tells that way from others."""

    encode: Encode
    signature: tuple[object, ...]


def _bare(type_: GraphQLOutputType) -> GraphQLOutputType:
    """The type within lists and non-null."""
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        type_ = type_.of_type
    return type_


def _sets(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    return [node.selection_set for node in nodes if node.selection_set]

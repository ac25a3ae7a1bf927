"""How many nodes an operation may ask for: page sizes multiplied down nested lists and summed, as GitHub counts them.

This is what keeps a short document from asking for the whole graph many times over. It is counted before anything runs.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from api.errors import COST_EXCEEDED, refusal
from api.fields import DEFINITION
from api.limits import Fragments, amount
from api.settings import Settings


class Total(NamedTuple):
    """The nodes below a selection: those that come with each item of a list, and those of the list as a whole, as its
    facets are."""

    each: int
    once: int

    def __add__(self, other: "Total") -> "Total":  # type: ignore[override]  # not as tuples are
        return Total(self.each + other.each, self.once + other.once)


def _is_of_whole(parent: GraphQLCompositeType, name: str, field: GraphQLField) -> bool:
    """Whether a field of a list's type tells of the list as a whole."""
    step = getattr(field.extensions.get(DEFINITION), "step", None)
    return (step is not None and step.whole) or (parent.name, name) == ("Subgraph", "relations")


class NodeBudget:
    """Counts the nodes that operations on one schema may ask for, and refuses those that ask for too many."""

    def __init__(self, schema: GraphQLSchema, settings: Settings) -> None:
        self._schema = schema
        self._default_page = settings.default_page
        self._max_page = settings.max_page
        self._most = {"limit": settings.max_neighbors}
        self._bounded = {
            "Subgraph.relations": settings.max_relations,
            "Path.hops": settings.max_hops,
            "Similarity.shared": settings.max_shared,
            "MetricConnection.aggregate": 100,  # it is one, but looks at as much as a page of groups
            "Subscription.changes": 1,  # whatever the number of ids: it is counted for each change
        }
        """Lists whose length no argument says, or says wrongly."""
        self.limit = settings.max_nodes

    def check(self, count: int) -> None:
        """Refuse an operation that asks for `count` nodes, if that is too many."""
        if count > self.limit:
            raise refusal(
                f"The operation asks for up to {amount(count)} nodes (its nested page sizes multiplied); the limit is "
                f"{self.limit:,}. Ask for smaller pages with first or last, or for fewer lists inside lists.",
                COST_EXCEEDED,
            )

    def count(
        self, operation: OperationDefinitionNode, fragments: Fragments, variables: Mapping[str, Any] | None = None
    ) -> int:
        """The most nodes that a valid operation can return with these variables, or with any if they are None.

        `fragments` come in spread order.
        """
        given = Variables(operation, variables)
        totals: dict[str, Total] = {}

        def total(parent: GraphQLCompositeType, selection_set: SelectionSetNode) -> Total:
            count = Total(0, 0)
            for selection in selection_set.selections:
                if isinstance(selection, FragmentSpreadNode):
                    count += totals[selection.name.value]
                elif isinstance(selection, InlineFragmentNode):
                    on = selection.type_condition
                    count += total(self._composite(on.name.value) if on else parent, selection.selection_set)
                elif isinstance(selection, FieldNode) and selection.selection_set:
                    count += below(parent, selection, selection.selection_set)
            return count

        def below(parent: GraphQLCompositeType, node: FieldNode, selection_set: SelectionSetNode) -> Total:
            """The nodes of a field."""
            name = node.name.value
            field = self._schema.get_field(parent, name)
            assert field is not None, "validation knows every field"
            inner = total(self._composite(get_named_type(field.type).name), selection_set)
            size = self._bounded.get(f"{parent.name}.{name}") or self._page(field, node, given)
            nodes = sum(inner) if size is None else size * (1 + inner.each) + inner.once
            return Total(0, nodes) if _is_of_whole(parent, name, field) else Total(nodes, 0)

        for name, fragment in fragments.items():
            totals[name] = total(self._composite(fragment.type_condition.name.value), fragment.selection_set)
        root = self._schema.get_root_type(operation.operation)
        assert root is not None, "validation knows the operation's type"
        return sum(total(root, operation.selection_set))

    def _composite(self, name: str) -> GraphQLCompositeType:
        found = self._schema.get_type(name)
        assert is_composite_type(found), "validation allows selections on composite types only"
        return found

    def _page(self, field: GraphQLField, node: FieldNode, given: "Variables") -> int | None:
        """How many items the field may have, or None if it is not a list that is asked for in pages or by ids."""
        arguments = [name for name in ("first", "last", "limit", "ids") if name in field.args]
        if not arguments:
            return None
        values = {argument.name.value: given.value(argument.value) for argument in node.arguments or ()}
        sizes = [self._size(name, values[name]) for name in arguments if values.get(name) is not None]
        # What is out of range is a fault of the field, which says so better than a cost would.
        most = max(self._most.get(name, self._max_page) for name in arguments)
        size = min(max(sizes), most) if sizes else self._default(field, arguments)
        # Facets have so many values of each of their fields.
        return size * self._size("fields", values["fields"]) if "fields" in field.args else size

    def _size(self, name: str, value: object) -> int:
        if isinstance(value, list):
            return len(value)
        if name in ("ids", "fields") and value is not ANY:
            return 1  # one stands for a list of one
        return max(value, 0) if isinstance(value, int) else self._most.get(name, self._max_page)

    def _default(self, field: GraphQLField, arguments: Iterable[str]) -> int:
        sizes = [coerce_default_value(field.args[name]) for name in arguments]
        return max((size for size in sizes if isinstance(size, int)), default=self._default_page)


ANY = object()
"""The value of a variable that is not known yet."""


class Variables:
    """What arguments of one operation stand for."""

    def __init__(self, operation: OperationDefinitionNode, given: Mapping[str, Any] | None) -> None:
        self._given = given
        self._defaults = {node.variable.name.value: node.default_value for node in operation.variable_definitions or ()}

    def value(self, node: ValueNode) -> object:
        """The number, the list or None that the argument is given; ANY where that depends on variables not known."""
        if isinstance(node, VariableNode):
            if self._given is None:
                return ANY
            name = node.name.value
            default = self._defaults.get(name)
            return self._given[name] if name in self._given else default and self.value(default)
        if isinstance(node, IntValueNode):
            return int(node.value)
        if isinstance(node, ListValueNode):
            return list(node.values)
        return None if isinstance(node, NullValueNode) else node

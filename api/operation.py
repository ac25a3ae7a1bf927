"""One operation's plans: one for each combination of the Booleans that @skip and @include use."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode, VariableNode

from api.arguments import VariableReader
from api.compile import Compiler
from api.documents import Operation
from api.writers import Object

BoundPlan = tuple[Object, Mapping[str, Any]]
"""A plan, and the coerced variables to run it with."""


class CompiledOperation:
    """An operation that is compiled when it is first run, and again for other values of its Booleans."""

    def __init__(self, compiler: Compiler, operation: Operation) -> None:
        self._compiler = compiler
        self._operation = operation
        self._reader = VariableReader(compiler.schema, operation)
        self._conditions = sorted(_conditions(operation))
        self._is_left = False

    def plan(self, given: Mapping[str, Any]) -> BoundPlan | None:
        """The plan for these variables; None where graphql-core must answer: what is not compiled, and variables that
        do not fit, of which it tells."""
        variables = None if self._is_left else self._reader.read(given)
        if not isinstance(variables, dict):
            return None
        booleans = {name: variables.get(name) for name in self._conditions}
        plans = self._compiler.plans
        plan = plans.get((self._operation, tuple(booleans.values()))) or self._compiler.compile(
            self._operation, booleans
        )
        return None if plan.root is None else (plan.root, variables)

    def leave(self) -> None:
        """Has graphql-core answer from now on: something in it turned out not to be compiled."""
        self._is_left = True


def _conditions(operation: Operation) -> set[str]:
    """The variables that @skip and @include use in the operation and the fragments that it spreads."""
    names: set[str] = set()
    if not operation.definition.variable_definitions:
        return names
    spread: set[str] = set()
    waiting = [operation.definition.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            names.update(_variables_in(node))
            if isinstance(node, FieldNode | InlineFragmentNode):
                if node.selection_set:
                    waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                waiting.append(operation.fragments[node.name.value].selection_set)
    return names


def _variables_in(node: SelectionNode) -> Iterator[str]:
    """The variables that its directives use."""
    for directive in node.directives or ():
        for argument in directive.arguments or ():
            if isinstance(argument.value, VariableNode):
                yield argument.value.name.value

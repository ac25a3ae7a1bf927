"""One operation's plans: one for each combination of the Booleans that @skip and @include use."""

from collections.abc import Mapping
from typing import Any

from graphql import DirectiveNode, FragmentSpreadNode, VariableNode, Visitor, visit

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

    def plan(self, given: Mapping[str, Any]) -> BoundPlan | None:
        """The plan for these variables; None where graphql-core must answer: what is not compiled, and variables that
        do not fit, of which it tells."""
        variables = self._reader.read(given)
        if not isinstance(variables, dict):
            return None
        booleans = {name: variables.get(name) for name in self._conditions}
        plans = self._compiler.plans
        plan = plans.get((self._operation, tuple(booleans.values()))) or self._compiler.compile(
            self._operation, booleans
        )
        return None if plan.root is None else (plan.root, variables)


def _conditions(operation: Operation) -> set[str]:
    """The variables that @skip and @include use in the operation and the fragments that it spreads."""
    finder = _ConditionFinder()
    visit(operation.definition, finder)
    for name, fragment in reversed([*operation.fragments.items()]):  # now each comes before those that it spreads
        if name in finder.spreads:
            visit(fragment, finder)
    return finder.names


class _ConditionFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.spreads: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spreads.add(node.name.value)

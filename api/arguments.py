"""Reading variables and arguments: at once where they are plain, by graphql-core where they are not."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    ListValueNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from api.columns import Run
from api.documents import Operation

INT_32 = range(-(2**31), 2**31)
_FITS: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: type(value) is str,
    "ID": lambda value: type(value) is str,
    "Int": lambda value: type(value) is int and value in INT_32,
    "Boolean": lambda value: type(value) is bool,
}
"""Values that their types take as they are."""


class VariableReader:
    """Coerces the variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: Operation) -> None:
        self._schema = schema
        self._definitions = operation.definition.variable_definitions or ()
        self._plain = [_plain_check(definition) for definition in self._definitions]

    def read(self, given: Mapping[str, Any]) -> dict[str, Any] | list[GraphQLError]:
        """The coerced values, or what is wrong with those given."""
        if not self._definitions:
            return {}
        coerced = {}
        for check in self._plain:
            if check is None or not check[1](value := given.get(check[0])):
                return self._coerce(given)
            coerced[check[0]] = value
        return coerced

    def _coerce(self, given: Mapping[str, Any]) -> dict[str, Any] | list[GraphQLError]:
        values = get_variable_values(self._schema, self._definitions, dict(given), max_errors=50)
        return values.coerced if isinstance(values, VariableValues) else values


def _plain_check(definition: VariableDefinitionNode) -> tuple[str, Callable[[Any], bool]] | None:
    """The name of a variable that must be given, and whether a value fits it as it is; None if that takes more."""
    type_ = definition.type
    if not isinstance(type_, NonNullTypeNode) or not isinstance(type_.type, NamedTypeNode):
        return None
    fits = _FITS.get(type_.type.name.value)
    return None if fits is None else (definition.variable.name.value, fits)


class ArgumentReader:
    """Reads the arguments of one field; `constant` has them where no variable is among them, else it is None."""

    def __init__(self, schema: GraphQLSchema, operation: Operation, definition: GraphQLField, node: FieldNode) -> None:
        self._schema = schema
        self._operation = operation
        self._definition = definition
        self._node = node
        self.constant: dict[str, Any] | None = None
        if not definition.args:
            self.constant = {}
        elif not any(_holds_variable(argument.value) for argument in node.arguments or ()):
            self.constant = get_argument_values(definition, node)
        else:
            self._fixed, self._direct = self._split()

    def _split(self) -> tuple[dict[str, Any], dict[str, str] | None]:
        """The arguments and defaults that need no variable; and argument -> variable, if all others are just that."""
        direct: dict[str, str] = {}
        fixed = {
            name: argument.default_value
            for name, argument in self._definition.args.items()
            if argument.default_value is not Undefined
        }
        for argument in self._node.arguments or ():
            if isinstance(argument.value, VariableNode):
                direct[argument.name.value] = argument.value.name.value
            else:
                return {}, None
        return fixed, direct

    def read(self, run: Run) -> dict[str, Any]:
        """The arguments of this execution. Raises GraphQLError."""
        if self.constant is not None:
            return self.constant
        if self._direct is None:
            return self._by_core(run)
        given = dict(self._fixed)
        for name, variable in self._direct.items():
            value = run.variables.get(variable, Undefined)
            if value is None and isinstance(self._definition.args[name].type, GraphQLNonNull):
                return self._by_core(run)
            if value is not Undefined:
                given[name] = value
            elif isinstance(self._definition.args[name].type, GraphQLNonNull) and name not in given:
                return self._by_core(run)
        return given

    def _by_core(self, run: Run) -> dict[str, Any]:
        definitions = self._operation.definition.variable_definitions or ()
        values = get_variable_values(self._schema, definitions, dict(run.given))
        assert isinstance(values, VariableValues)  # they were coerced before the operation ran
        return get_argument_values(self._definition, self._node, values)


def _holds_variable(value: ValueNode) -> bool:
    if isinstance(value, VariableNode):
        return True
    if isinstance(value, ListValueNode):
        return any(map(_holds_variable, value.values))
    if isinstance(value, ObjectValueNode):
        return any(_holds_variable(field.value) for field in value.fields)
    return False

"""Declaring a field once: its type and description for the schema, its step for whoever runs it.

A step is asked in sets: one value, or exception, for each source, in order. Strawberry's resolver runs it over a set of
one; a compiled plan runs it over the whole frontier. Nothing else knows how a field gets its value.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET

from api.request import Request
from api.waiting import at_once
from graph.paths import Path

Arguments = Mapping[str, Any]
"""A field's arguments as graphql-core gives them: GraphQL names, coerced values, defaults filled in, nulls kept."""

Run = Callable[[Request, Sequence[Any], Arguments], Coroutine[Any, Any, Sequence[Any]]]

DEFINITION = "strawberry-definition"
"""Where Strawberry keeps its own field beside graphql-core's."""

GENERATED: dict[str, Any] = {}
"""Input types that are derived from the fields, by their GraphQL names (see api/inputs.py)."""


@dataclass(frozen=True)
class Step:
    """How a field gets its values.

    `path` is the path it follows, where it follows one; `single` if to one at most. `local` gets the value from the
    source alone, where that is all it takes.
    """

    run: Run
    path: Path | None = None
    single: bool = False
    local: Callable[..., Any] | None = None


class StepField(StrawberryField):
    """A field of the schema that carries its step."""

    step: Step

    @property
    def is_basic_field(self) -> bool:
        return False

    def __copy__(self) -> "StepField":
        copied = super().__copy__()  # generics copy fields, and know no steps
        copied.step = self.step
        return copied


class AttributeField(StrawberryField):
    """A field that reads an attribute of its record. `filtered` if lists can be filtered and ordered by it."""

    filtered: bool = True

    def __copy__(self) -> "AttributeField":
        copied = super().__copy__()
        copied.filtered = self.filtered
        return copied


def attribute(description: str, *, filtered: bool = True, name: str | None = None) -> Any:
    """A field that reads the record's attribute of the same name; `name` is the schema's, where that is another."""
    field = AttributeField(description=description, graphql_name=name)
    field.filtered = filtered
    return field


def stepped(step: Step, description: str, *arguments: StrawberryArgument) -> Any:
    """A field that gets its values by a step."""
    field = StepField(description=description)
    field.step = step
    field.arguments = list(arguments)
    return field


def argument(name: str, type: Any, description: str, default: Any = UNSET) -> StrawberryArgument:
    """An argument of a field; `type` may name an input type that is derived later."""
    annotation = StrawberryAnnotation(type, namespace=GENERATED)
    return StrawberryArgument(name, None, annotation, description=description, default=default)


def computed(function: Callable[..., Any], *arguments: StrawberryArgument) -> Any:
    """A field worked out from its record alone; the function's docstring is the description."""

    async def run(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
        return [_attempt(function, source, given) for source in sources]

    return stepped(Step(run, local=function), described(function), *arguments)


def _attempt(function: Callable[..., Any], source: Any, given: Arguments) -> Any:
    """What the function makes of a source, or what it raises, which is the fault of this source alone."""
    try:
        return function(source, **given)
    except Exception as error:  # noqa: BLE001  # raised again where the field is answered
        return error


def described(function: Callable[..., Any]) -> str:
    """The docstring, unwrapped into one line a paragraph."""
    return " ".join((function.__doc__ or "").split())


def resolver(step: Step) -> Callable[..., Any]:
    """The step as graphql-core calls it: over a set of one, and at once, unless it has to wait."""

    def resolve(source: Any, info: GraphQLResolveInfo[Request], **arguments: Any) -> Any:
        return at_once(_only(step.run(info.context, [source], arguments)))

    return resolve


async def _only(running: Coroutine[Any, Any, Sequence[Any]]) -> Any:
    (answer,) = await running
    if isinstance(answer, Exception):
        raise answer
    return answer

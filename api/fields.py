"""Declaring a field once: its type and description for the schema, its step for whoever runs it.

A step is asked in sets: one value, or exception, for each source, in order. Strawberry's resolver runs it over a set of
one; a compiled plan runs it over the whole frontier. Nothing else knows how a field gets its value.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

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
"""Types that are derived from the fields and from what the graph groups by, by their GraphQL names (api/derived.py)."""


@dataclass(frozen=True)
class Step:
    """How a field gets its values.

    `path` is the path it follows, where it follows one; `single` if to one at most. `local` gets the value from the
    source alone, where that is all it takes. `whole` says that the step of a connection tells of its whole list, for
    which no page is needed. `leaner` is a way down the selections, and the step that does as well where no field is
    selected there.
    """

    run: Run
    path: Path | None = None
    single: bool = False
    local: Callable[..., Any] | None = None
    whole: bool = False
    leaner: "tuple[Sequence[str], Step] | None" = None


@dataclass(frozen=True)
class ElsewhereStep(Step):
    """The step of a field of the root that leads to the root again: its values are the requests to go on with."""


class StepField(StrawberryField):
    """A field of the schema that carries its step."""

    step: Step

    @property
    def is_basic_field(self) -> bool:
        return False

    def __copy__(self) -> Self:
        copied = super().__copy__()  # generics copy fields, and know no steps
        copied.step = self.step
        return copied


class KindField(StepField):
    """A field of a generic type whose arguments depend on the kind. So does its type, if it has an `ending`: the kind's
    name, and that."""

    arguments_of: Callable[[str], Sequence[StrawberryArgument]]
    ending: str

    def copy_with(self, type_var_map: Mapping[str, Any]) -> Self:
        copied = super().copy_with(type_var_map)
        (face,) = type_var_map.values()
        kind = face.__strawberry_definition__.name
        copied.arguments = list(self.arguments_of(kind))
        if self.ending:
            copied.type_annotation = StrawberryAnnotation(kind + self.ending, namespace=GENERATED)
        return copied

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.arguments_of, copied.ending = self.arguments_of, self.ending
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


def stepped_by_kind(
    step: Step, description: str, arguments: Callable[[str], Sequence[StrawberryArgument]], ending: str = ""
) -> Any:
    """As `stepped`, for a field of a generic type: what its arguments, and with an ending its type, are depends on the
    kind, by whose name they are made: Project, and Entity for several kinds."""
    field = KindField(description=description)
    field.step, field.arguments_of, field.ending = step, arguments, ending
    return field


def specialized(type_: Any) -> Any:
    """A class decorator for the subclass of a generic type of one kind: Strawberry specializes the types of the fields
    that it inherits, but knows nothing of their arguments."""
    definition = type_.__strawberry_definition__
    kind = definition.specialized_type_var_map
    definition.fields = [
        field.copy_with(kind) if isinstance(field, KindField) else field for field in definition.fields
    ]
    return type_


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
        return at_once(_only(step.run(_request_of(info), [source], arguments)))

    async def enter(source: Any, info: GraphQLResolveInfo[Request], arguments: Arguments) -> Any:
        request = await _only(step.run(_request_of(info), [source], arguments))
        info.context.views[_root_key(info)] = request
        return request

    def lead_elsewhere(source: Any, info: GraphQLResolveInfo[Request], **arguments: Any) -> Any:
        return at_once(enter(source, info, arguments))

    return lead_elsewhere if isinstance(step, ElsewhereStep) else resolve


def _request_of(info: GraphQLResolveInfo[Request]) -> Request:
    """What a field may use: below some fields of the root that is another request than the operation's."""
    views = info.context.views
    return views.get(_root_key(info), info.context) if views else info.context


def _root_key(info: GraphQLResolveInfo[Request]) -> Any:
    """The key in the answer of the field of the root that a field is below, or is."""
    path = info.path
    while path.prev is not None:
        path = path.prev
    return path.key


async def _only(running: Coroutine[Any, Any, Sequence[Any]]) -> Any:
    (answer,) = await running
    if isinstance(answer, Exception):
        raise answer
    return answer

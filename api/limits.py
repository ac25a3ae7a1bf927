"""What a request may cost, counted before anything of it runs.

All counts take time linear in the document. A fragment is measured once and its figures are reused at every spread:
following each spread anew would take exponential time on a chain of fragments that each spread the next one twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
    print_ast,
)

from api.errors import COST_EXCEEDED, DEPTH_EXCEEDED, refusal
from api.settings import Settings

Fragments = Mapping[str, FragmentDefinitionNode]


class Limit(NamedTuple):
    """One figure of an operation that a setting bounds."""

    figure: str
    setting: str
    code: str
    message: str


LIMITS = (
    Limit("depth", "max_depth", DEPTH_EXCEEDED, "nests {count} levels of fields; the limit is {limit}. Ask in steps."),
    Limit(
        "aliases", "max_aliases", COST_EXCEEDED, "has {count} aliases; the limit is {limit}. Ask for fewer at a time."
    ),
    Limit("fields", "max_fields", COST_EXCEEDED, "has {count} fields; the limit is {limit}. Ask for fewer at a time."),
    Limit(
        "introspections",
        "max_introspections",
        COST_EXCEEDED,
        "has {count} __schema and __type fields; the limit is {limit}. /schema.graphql has the whole schema.",
    ),
    Limit(
        "moments",
        "past_views",
        COST_EXCEEDED,
        "asks for the graph as of {count} different moments; the limit is {limit}. Ask for fewer at a time.",
    ),
)


@dataclass(slots=True)
class Figures:
    """What a definition amounts to."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    introspections: int = 0
    past: set[str] = field(default_factory=set)

    @property
    def moments(self) -> int:
        """How many different arguments of asOf there are: each has a view of the graph made, or kept from going."""
        return len(self.past)

    def add(self, fragment: "Figures", level: int) -> None:
        """Count a fragment that is spread under `level` levels of fields."""
        self.depth = max(self.depth, level + fragment.depth)
        self.fields += fragment.fields
        self.aliases += fragment.aliases
        self.introspections += fragment.introspections
        self.past |= fragment.past


class Outline(NamedTuple):
    """A definition by itself: its figures without fragments, and the fragments it spreads, each with its level."""

    figures: Figures
    spreads: list[tuple[str, int]]


def check_document(document: DocumentNode, settings: Settings) -> None:
    """Refuse a document that is too large to be worth validating, or to run.

    Fragments that spread each other in a circle are not counted: validation refuses them.
    """
    _check_names(document, settings.max_name)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > settings.max_operations:
        raise refusal(
            f"The document has {len(operations):,} operations; the limit is {settings.max_operations:,}. "
            "Send them in several requests.",
            COST_EXCEEDED,
        )
    fragments = in_spread_order(document)
    measured: dict[str, Figures] = {}
    for name, fragment in fragments.items():
        measured[name] = _measure(fragment.selection_set, measured)
    for operation in operations:
        _check_figures(_measure(operation.selection_set, measured), settings)


def in_spread_order(document: DocumentNode) -> Fragments:
    """The fragments by name, each after those that it spreads; none where they go in a circle."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    spreads = {name: {spread for spread, _ in outline(node.selection_set).spreads} for name, node in fragments.items()}
    try:
        return {name: fragments[name] for name in TopologicalSorter(spreads).static_order() if name in fragments}
    except CycleError:
        return {}


def outline(selection_set: SelectionSetNode) -> Outline:
    """Count what stands in a definition, without recursion: inline fragments may nest deeply."""
    figures, spreads = Figures(), list[tuple[str, int]]()
    waiting = [(selection_set, 0)]
    while waiting:
        selections, level = waiting.pop()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                figures.depth = max(figures.depth, level + 1)
                figures.fields += 1
                figures.aliases += selection.alias is not None
                figures.introspections += selection.name.value in ("__schema", "__type")
                if selection.name.value == "asOf":
                    figures.past.add(" ".join(sorted(map(print_ast, selection.arguments or ()))))
                if selection.selection_set:
                    waiting.append((selection.selection_set, level + 1))
            elif isinstance(selection, InlineFragmentNode):
                waiting.append((selection.selection_set, level))
            elif isinstance(selection, FragmentSpreadNode):
                spreads.append((selection.name.value, level))
    return Outline(figures, spreads)


def _measure(selection_set: SelectionSetNode, measured: Mapping[str, Figures]) -> Figures:
    figures, spreads = outline(selection_set)
    for name, level in spreads:
        if fragment := measured.get(name):
            figures.add(fragment, level)
    return figures


def _check_figures(figures: Figures, settings: Settings) -> None:
    for limit in LIMITS:
        count, most = getattr(figures, limit.figure), getattr(settings, limit.setting)
        if count > most:
            raise refusal("The operation " + limit.message.format(count=amount(count), limit=f"{most:,}"), limit.code)


def amount(count: int) -> str:
    """A count for people; that of a bomb would fill pages."""
    return f"{count:,}" if count < 10**12 else "more than a trillion"


def _check_names(document: DocumentNode, longest: int) -> None:
    token = document.loc.start_token if document.loc else None
    while token:
        if token.kind is TokenKind.NAME and token.end - token.start > longest:
            raise refusal(
                f"The document has a name of {token.end - token.start:,} characters; the limit is {longest:,}.",
                COST_EXCEEDED,
            )
        token = token.next


def check_values(values: Mapping[str, Any], settings: Settings) -> None:
    """Refuse variables or extensions that are too many, too long or nested too deeply."""
    waiting: list[tuple[Any, int]] = [(values, 2)]  # the body of the request is level 1
    count = 0
    while waiting:
        value, level = waiting.pop()
        count += 1
        if isinstance(value, str):
            _check_size("a string", len(value), "characters", settings.max_string)
        elif isinstance(value, dict | list):
            if level > settings.max_json_depth:
                raise too_deep(settings)
            if isinstance(value, list):
                _check_size("a list", len(value), "items", settings.max_list)
            _check_size("", count + len(waiting) + len(value), "values", settings.max_values)
            waiting.extend((item, level + 1) for item in (value if isinstance(value, list) else value.values()))


def too_deep(settings: Settings) -> Exception:
    """The refusal of JSON that nests too deeply."""
    return refusal(f"The JSON of the request is nested deeper than {settings.max_json_depth}. Send flatter values.")


def _check_size(what: str, size: int, unit: str, most: int) -> None:
    if size > most:
        of = f"{what} of " if what else ""
        raise refusal(f"The request has {of}{size:,} {unit}; the limit is {most:,}. Send less at a time.")

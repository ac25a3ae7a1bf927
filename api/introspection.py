"""Questions about the schema alone, whose answers are made once: the schema stays as it is while the process lives.

Tools send the same long one at every start, and graphql-core takes a tenth of a second for it.
"""

from collections.abc import Mapping
from sys import getsizeof
from typing import Any

import msgspec
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode

from api.documents import Operation
from api.recent import Recent

ABOUT_SCHEMA = {"__schema", "__type", "__typename"}

OVERHEAD = 500
"""Bytes that a remembered answer takes beside its own and its question's: its entry, and the objects around them."""

Question = tuple[str, str | None, bytes]
"""A document, the name of the operation, and the variables as JSON."""

# One text for equal variables, in whichever order they are given; 1, 1.0 and true are not equal there.
_encode = msgspec.json.Encoder(order="deterministic").encode


class Introspection:
    """Answers that depend on nothing but the question, the most recently used ones within so many bytes."""

    def __init__(self, limit: int) -> None:
        self._recent = Recent[Question, bytes](limit, _size)

    def get(self, operation: Operation, variables: Mapping[str, Any]) -> bytes | None:
        """The answer, if it is remembered."""
        return self._recent.get(_question(operation, variables))

    def remember(self, operation: Operation, variables: Mapping[str, Any], answer: bytes) -> None:
        """Keep the answer to an operation that is about the schema alone. It must not tell of errors: each of those has
        an id of its own, by which the log tells of it."""
        self._recent.put(_question(operation, variables), answer)


def is_about_schema(operation: Operation) -> bool:
    """Whether the operation asks for nothing but the schema, whatever its variables: it is read, not run."""
    if not operation.is_query:
        return False
    waiting, spread = [operation.definition.selection_set], set[str]()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                if selection.name.value not in ABOUT_SCHEMA:
                    return False
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                waiting.append(operation.fragments[selection.name.value].selection_set)
    return True


def _question(operation: Operation, variables: Mapping[str, Any]) -> Question:
    names = [definition.variable.name.value for definition in operation.definition.variable_definitions or ()]
    used = {name: variables[name] for name in names if name in variables}  # others change nothing
    return operation.text, operation.name, _encode(used)


def _size(question: Question, answer: bytes) -> int:
    text, _, variables = question
    return len(answer) + getsizeof(text) + len(variables) + OVERHEAD

"""What can be watched: every change, from a place in the journal on.

A change is the value that its subscription's answers are made of, so `changes` shows what it is given; which changes
that are, and in what order, is the feed's to say (api/feed.py).
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import strawberry
from graphql import FieldNode, GraphQLResolveInfo, Node, VariableNode

from api.changes import read_change_id
from api.documents import Operation
from api.fields import Arguments, Step, argument, stepped
from api.inputs import terms_given
from api.request import Request
from api.types import Change
from graph.errors import InvalidInput
from graph.model import Mark
from graph.vocabulary import Kind


class Wanted(NamedTuple):
    """What a subscriber asks for: the changes after a version, or after a change, or from now on; of entities of these
    kinds, of these entities. None of all."""

    since: int | None
    after: Mark | None
    kinds: frozenset[Kind] | None
    ids: frozenset[str] | None

    def __aiter__(self) -> NoReturn:
        """graphql-core asks for a stream, and takes what has this for one."""
        raise TypeError("What is wanted is read by the feed.")


def wanted(root: None, info: GraphQLResolveInfo[Request], **given: Any) -> Wanted:
    """What the arguments of `changes` ask for. Raises InvalidInput."""
    since, after = given.get("since"), given.get("after")
    if since is not None and after is not None:
        raise InvalidInput("Both since and after are given; changes follow one of them. Leave one out.")
    if since is not None and since < 0:
        raise InvalidInput(f"since is {since}. Give the number of a version; 0 is before the first.")
    kinds, ids = terms_given(given.get("kinds")), given.get("ids")
    return Wanted(
        since,
        None if after is None else Mark(*read_change_id(after)),
        None if kinds is None else frozenset(kinds),
        None if ids is None else frozenset(ids),
    )


@lru_cache(maxsize=100)
def positions_in(operation: Operation) -> frozenset[str]:
    """The variables that say where a subscription starts, and nothing else."""
    uses, starts = Counter[str](), Counter[str]()
    waiting: list[Node] = [operation.definition.selection_set, *operation.fragments.values()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, VariableNode):
            uses[node.name.value] += 1
        if isinstance(node, FieldNode) and node.name.value == "changes":
            given = [argument.value for argument in node.arguments or () if argument.name.value in ("since", "after")]
            starts.update(value.name.value for value in given if isinstance(value, VariableNode))
        for below in (getattr(node, key, None) for key in node.keys):
            waiting += [below] if isinstance(below, Node) else below if isinstance(below, tuple) else []
    return frozenset(name for name, count in starts.items() if count == uses[name])


async def _told(request: Request, changes: Sequence[Any], given: Arguments) -> Sequence[Any]:
    return changes


@strawberry.type(description="What can be watched, over WebSocket (graphql-transport-ws) or server-sent events.")
class Subscription:
    changes: Change = stepped(
        Step(_told),
        "Every change after version `since`, or after the change `after` (default: from now on), in order, none left "
        "out and none twice. A relation's change is of both its ends.",
        argument("since", int | None, "A version: all changes of later ones are told. 0 is before the first."),
        argument("after", strawberry.ID | None, "The id of a change: all later ones are told."),
        argument("kinds", list[Kind] | None, "Only changes of entities of these kinds. All if left out."),
        argument("ids", list[strawberry.ID] | None, "Only changes of these entities. All if left out."),
    )

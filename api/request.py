"""What one request may see and use: the graph at one version, and the limits that hold for it."""

from collections.abc import Callable
from functools import partial

import msgspec

from api.settings import Settings
from graph.engine import Engine
from graph.journal.journal import Head


class Budgets(msgspec.Struct, frozen=True):
    """What a graph question may cost, by the names of the settings."""

    max_hops: int
    max_neighbors: int
    max_relations: int
    max_results: int
    max_shared: int
    question_ms: int
    pivots: int

    @classmethod
    def of(cls, settings: Settings) -> "Budgets":
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})


class Request(msgspec.Struct, frozen=True):
    """The context of every step of an operation. `page_default` and `page_limit` are numbers of items in a list,
    `most_conditions` that of comparisons in a filter, `longest_text` that of characters in a text to look for, of whose
    matches `most_ranked` are ranked, `most_pairs` that of pairs of an entity and a group; `budgets` bound graph
    questions.

    `fleeting` gets what was answered in part only because time was over: asked again, it may be another answer, which
    must not be kept.
    """

    engine: Engine
    head: Head
    page_default: int
    page_limit: int
    most_conditions: int
    longest_text: int
    most_ranked: int
    most_pairs: int
    budgets: Budgets
    fleeting: list[object] = []

    @classmethod
    def under(cls, settings: Settings) -> "Callable[[Engine, Head], Request]":
        """Makes requests whose limits these settings are."""
        return partial(
            cls,
            page_default=settings.default_page,
            page_limit=settings.max_page,
            most_conditions=settings.max_conditions,
            longest_text=settings.max_text,
            most_ranked=settings.ranked_matches,
            most_pairs=settings.group_pairs,
            budgets=Budgets.of(settings),
        )

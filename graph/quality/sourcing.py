"""Facts without sources, and what nothing leads to."""

from collections.abc import Iterator, Sequence

from graph.model import Entity, Relation, Source
from graph.quality.rule import Found, several
from graph.quality.view import Stated, View
from graph.vocabulary import Kind, RelationKind


def unsourced(stated: Stated, view: View) -> Iterator[Found]:
    entity, leaving = stated
    cites, bare = False, []
    for relation in leaving:
        if relation.kind is RelationKind.CITES:
            cites = True
        elif not relation.sources:
            bare.append(relation)
    if (bare or not cites) and entity.kind is not Kind.SOURCE:
        yield Found((entity.id,), (cites, *bare))


def tell_unsourced(ids: Sequence[str], cites: bool, *bare: Relation) -> str:
    told = [] if cites else [f"{ids[0]} cites no source"]
    if bare:
        ordered = sorted(bare, key=lambda relation: relation.name.sort_key)
        names = several(f"{relation.kind} {relation.object}" for relation in ordered)
        told.append(f"{len(bare):,} of the relations that leave {ids[0]} name no source ({names})")
    return ", and ".join(told)


def unconnected(entity: Entity, view: View) -> Iterator[Found]:
    if entity.id not in view.reached:
        yield Found((entity.id,))


def tell_unconnected(ids: Sequence[str]) -> str:
    return f"{ids[0]} has no relation to anything but sources"


def unused(source: Source, view: View) -> Iterator[Found]:
    if source.id not in view.used:
        yield Found((source.id,))


def tell_unused(ids: Sequence[str]) -> str:
    return f"nothing cites {ids[0]}, and no relation names it"

"""Stock Strawberry over sorted lists: what a careful Python developer would write without an engine.

    WORLD=world.jsonl uvicorn stock:app --port 4103

Answers at /graphql/.
"""

import json
import os
from collections import defaultdict
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

import strawberry
from starlette.applications import Starlette
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

T = TypeVar("T")
PartnerType = strawberry.enum(Enum("PartnerType", "GOVERNMENT INTERNATIONAL_NGO NATIONAL_NGO MULTILATERAL ACADEMIC"))
ProjectStatus = strawberry.enum(
    Enum("ProjectStatus", "PIPELINE IMPLEMENTATION FINALISATION CLOSED CANCELLED SUSPENDED")
)
EventType = strawberry.enum(Enum("EventType", "FLOOD EPIDEMIC DISPLACEMENT ARMED_CONFLICT DROUGHT"))
related: dict[tuple[str, str], list] = defaultdict(list)


@strawberry.type
class Connection(Generic[T]):
    nodes: list[T]
    total_count: int


def page(items: list, first: int) -> Connection:
    return Connection(nodes=items[:first], total_count=len(items))


@strawberry.type
class Partner:
    id: strawberry.ID
    name: str
    type: PartnerType


@strawberry.type
class Project:
    id: strawberry.ID
    name: str
    status: ProjectStatus

    @strawberry.field
    def partners(self, first: int = 20) -> Connection[Partner]:
        return page(related[self.id, "PARTNER"], first)


@strawberry.type
class Event:
    id: strawberry.ID
    name: str
    type: EventType
    started_on: str | None


@strawberry.type
class Metric:
    id: strawberry.ID
    name: str
    value: float | None
    unit: str
    year: int


@strawberry.type
class Country:
    id: strawberry.ID
    name: str
    code: str
    alpha3: str

    @strawberry.field
    def projects(self, first: int = 20) -> Connection[Project]:
        return page(related[self.id, "PROJECT"], first)

    @strawberry.field
    def events(self, first: int = 20) -> Connection[Event]:
        return page(related[self.id, "EVENT"], first)

    @strawberry.field
    def metrics(self, first: int = 20) -> Connection[Metric]:
        return page(related[self.id, "METRIC"], first)


@strawberry.input
class PartnerTypeFilter:
    eq: PartnerType


@strawberry.input
class PartnerFilter:
    type: PartnerTypeFilter


@strawberry.input
class PartnerRelationFilter:
    some: PartnerFilter


@strawberry.input
class ProjectStatusFilter:
    eq: ProjectStatus


@strawberry.input
class ProjectFilter:
    status: ProjectStatusFilter
    partners: PartnerRelationFilter


def build(record: dict):
    id, name = record["id"], record["name"]
    match record["kind"]:
        case "COUNTRY":
            return Country(id=id, name=name, code=record["code"], alpha3=record["alpha3"])
        case "PROJECT":
            return Project(id=id, name=name, status=ProjectStatus[record["status"]])
        case "PARTNER":
            return Partner(id=id, name=name, type=PartnerType[record["type"]])
        case "EVENT":
            return Event(id=id, name=name, type=EventType[record["type"]], started_on=record["startedOn"])
        case "METRIC":
            return Metric(
                id=id, name=name, value=record["value"], unit=record["unit"], year=int(record["startedOn"][:4])
            )


with Path(os.environ["WORLD"]).open() as lines:
    records = [json.loads(line) for line in lines]
kinds = {r["id"]: r["kind"] for r in records if "kind" in r}
started = {r["id"]: r.get("startedOn", "") for r in records if "kind" in r}
objects = {r["id"]: built for r in records if "kind" in r and (built := build(r))}
for r in records:
    if r.get("relation") in ("LOCATED_IN", "PARTICIPATES_IN", "OCCURRED_IN", "ABOUT"):
        related[r["object"], kinds[r["subject"]]].append(objects[r["subject"]])
for (_, kind), items in related.items():
    items.sort(key=lambda o: (o.name, o.id) if kind in ("PROJECT", "PARTNER") else o.id)
    if kind in ("EVENT", "METRIC"):
        items.sort(key=lambda o: started[o.id], reverse=True)
countries = sorted((o for o in objects.values() if isinstance(o, Country)), key=lambda o: o.name)
projects = sorted((o for o in objects.values() if isinstance(o, Project)), key=lambda o: o.name)
by_code = {c.code: c for c in countries}


@strawberry.type
class Query:
    @strawberry.field
    def country(self, code: str) -> Country | None:
        return by_code.get(code)

    @strawberry.field(name="countries")
    def all_countries(self, first: int = 20) -> Connection[Country]:
        return page(countries, first)

    @strawberry.field(name="projects")
    def all_projects(self, where: ProjectFilter | None = None, first: int = 20) -> Connection[Project]:
        if where is None:
            return page(projects, first)
        status, partner = where.status.eq, where.partners.some.type.eq
        return page(
            [p for p in projects if p.status is status and any(q.type is partner for q in related[p.id, "PARTNER"])],
            first,
        )


schema = strawberry.Schema(Query, extensions=[lambda: ParserCache(), lambda: ValidationCache()])
app = Starlette()
app.mount("/graphql", GraphQL(schema))

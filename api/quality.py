"""What looks wrong in the graph, as a list of findings."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import strawberry

from api.fields import Arguments, Step, argument, attribute, stepped
from api.relay import Ends, PageArguments, PageInfo, list_identity, seal_cursor
from api.request import Request
from api.types import Entity
from graph import engine
from graph.plan import fits_findings
from graph.vocabulary import FindingSeverity

IDENTITY = list_identity("findings")


class LinkedFinding(NamedTuple):
    """What an edge shows: a finding, and where it stands."""

    node: engine.Finding

    @property
    def cursor(self) -> str:
        return seal_cursor(self.node.position, IDENTITY)


class Findings(NamedTuple):
    """What FindingConnection shows."""

    page: engine.FindingPage

    @property
    def edges(self) -> list[LinkedFinding]:
        return [LinkedFinding(finding) for finding in self.page.findings]

    @property
    def nodes(self) -> Sequence[engine.Finding]:
        return self.page.findings

    @property
    def page_info(self) -> Ends:
        found = self.page.findings
        start, end = (LinkedFinding(found[0]).cursor, LinkedFinding(found[-1]).cursor) if found else (None, None)
        return Ends(self.page.has_next, self.page.has_previous, start, end)

    @property
    def total_count(self) -> int:
        return self.page.total


async def _findings(request: Request, sources: Sequence[Any], given: Arguments) -> Sequence[Any]:
    page = PageArguments.read(given, request).page(IDENTITY, fits_findings)
    found = Findings(await request.engine.findings(page))
    return [found] * len(sources)


async def _entities(request: Request, findings: Sequence[engine.Finding], given: Arguments) -> Sequence[Any]:
    """Those of each finding, all looked up at once. One that has gone meanwhile is left out."""
    ids = list(dict.fromkeys(id for finding in findings for id in finding.entities))
    known = dict(zip(ids, await request.engine.lookup(ids), strict=True))
    return [[entity for id in finding.entities if (entity := known[id]) is not None] for finding in findings]


@strawberry.type(description="Something that looks wrong. README lists the rules.")
class Finding:
    rule: str = attribute("The rule that says so: contradicting-sources, ends-before-start ...")
    severity: FindingSeverity = attribute("How bad it is.")
    message: str = attribute("What is wrong, and what to do about it.")
    entities: list[Entity] = stepped(
        Step(_entities), "Whom it is about, at most 50; a relation is told by its two ends. The message counts all."
    )


@strawberry.type(description="A finding in a list, and where it stands.")
class FindingEdge:
    cursor: str = attribute("Where it stands in the list; give it as after.")
    node: Finding = attribute("The finding.")


@strawberry.type(description="A page of a list of findings (Relay).")
class FindingConnection:
    edges: list[FindingEdge] = attribute("The page's findings, each with its cursor.")
    nodes: list[Finding] = attribute("The page's findings alone.")
    page_info: PageInfo = attribute("Where the page lies in the list.")
    total_count: int = attribute("How many findings there are in all.")


def quality(description: str) -> Any:
    """A connection with all findings."""
    told = "At most so many items from the start of the list, or after `after`: 1 to 100; 20 if left out."
    first = argument("first", int | None, told)
    return stepped(Step(_findings), description, first, argument("after", str | None, "Only items after this cursor."))

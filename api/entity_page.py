"""An entity as a page of HTML: plain, by itself, without a script; whatever comes from the graph is escaped."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any

from graph.formats.dictionary import Shape, known, plain
from graph.formats.jsonld import MEDIA_TYPE, address
from graph.model import Entity, Relation, Source
from graph.vocabulary import RelationKind

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; color: #1a1a1a;
  background: #fff; overflow-wrap: anywhere }
a { color: #0b5394 }
dt { font-weight: 600; margin-top: .5rem }
dd { margin: 0 }
.kind, .note { color: #595959 }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616 }
  a { color: #8ab4f8 }
  .kind, .note { color: #b0b0b0 }
}
"""
CONTENT_SECURITY = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
LEAVING = {
    RelationKind.PART_OF: "Part of",
    RelationKind.LOCATED_IN: "Located in",
    RelationKind.OCCURRED_IN: "Occurred in",
    RelationKind.AFFECTED: "Affected",
    RelationKind.DISPLACED_FROM: "Drove people from",
    RelationKind.FOLLOWED: "Followed",
    RelationKind.PARTICIPATES_IN: "Takes part in",
    RelationKind.OPERATES_IN: "Operates in",
    RelationKind.ABOUT: "About",
    RelationKind.MEASURES: "Measures",
}
REACHING = {
    RelationKind.PART_OF: "Parts",
    RelationKind.LOCATED_IN: "Projects here",
    RelationKind.OCCURRED_IN: "Events here",
    RelationKind.AFFECTED: "Affected by",
    RelationKind.DISPLACED_FROM: "Events that drove people away",
    RelationKind.FOLLOWED: "Led to",
    RelationKind.PARTICIPATES_IN: "Partners",
    RelationKind.OPERATES_IN: "Partners that operate here",
    RelationKind.ABOUT: "Figures",
    RelationKind.MEASURES: "Values",
    RelationKind.CITES: "Cited by",
}
IN_HEADING = {"id", "name", "summary"}


def page(
    entity: Entity,
    relations: Sequence[Relation],
    ends: Mapping[str, Entity],
    sources: Sequence[Source],
    left_out: int,
    base: str,
) -> bytes:
    """The page of an entity, and its relations; `ends` are what these lead to or come from."""
    numbers = {source.id: number for number, source in enumerate(sources, 1)}
    cites = [r for r in relations if r.kind is RelationKind.CITES and r.subject == entity.id]
    body = [f"<h1 dir=auto>{escape(entity.name)}</h1>", f"<p class=kind>{entity.kind.label} · {escape(entity.id)}</p>"]
    if entity.summary:
        body.append(f"<p dir=auto>{escape(entity.summary)}</p>")
    body += ["<dl>", *_attributes(entity), "</dl>"]
    for headings, here, there in ((LEAVING, "subject", "object"), (REACHING, "object", "subject")):
        for kind, heading in headings.items():
            found = [r for r in relations if r.kind is kind and getattr(r, here) == entity.id]
            if found:
                items = (_item(relation, ends, getattr(relation, there), numbers, base) for relation in found)
                body.append(f"<h2>{heading}</h2><ul>{''.join(items)}</ul>")
    if left_out:
        body.append(f"<p class=note>{left_out:,} more relations are left out; ask for them in GraphQL.</p>")
    if sources:
        locators = {relation.object: relation.locator for relation in cites}
        body.append(
            f"<h2>Sources</h2><ol>{''.join(_source(each, locators.get(each.id), base) for each in sources)}</ol>"
        )
    return _document(entity.name, body, alternate=address(entity.id, base))


def page_of_nothing(told: str) -> bytes:
    """A page that says why there is none."""
    return _document("Nothing here", [f"<h1>Nothing here</h1><p>{escape(told)}</p>"])


def _document(title: str, body: Iterable[str], alternate: str | None = None) -> bytes:
    link = "" if alternate is None else f'<link rel=alternate type="{MEDIA_TYPE}" href="{escape(alternate)}">'
    head = (
        '<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">'
        f"<title>{escape(title)} - Fieldgraph</title>{link}<style>{STYLE}</style></head><body><main>"
    )
    return f"{head}{''.join(body)}</main></body></html>\n".encode()


def _attributes(entity: Entity) -> Iterable[str]:
    for attribute, value in known(entity):
        if attribute.key not in IN_HEADING:
            yield f"<dt>{_words(attribute.key)}</dt><dd dir=auto>{'<br>'.join(_shown(attribute.shape, value))}</dd>"


def _words(key: str) -> str:
    """A key as words: "Started on"."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in key).capitalize()


def _shown(shape: Shape, value: Any) -> Iterable[str]:
    """The lines of a value."""
    match shape:
        case Shape.CODES:
            return [
                escape(f"{each.get('label') or ''} ({each['vocabulary']} {each['code']})".strip()) for each in value
            ]
        case Shape.LABELS:
            return [f"<span lang={_quoted(tag)}>{escape(name)}</span> ({escape(tag)})" for tag, name in value.items()]
        case Shape.TEXTS:
            return map(escape, value)
        case Shape.NUMBER | Shape.WHOLE:
            return [f"{value:,}"]
    return [_link(value)]


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'


def _link(text: str) -> str:
    """A link, if it is the address of a site; whatever else an address can do is only shown."""
    if text.startswith(("https://", "http://")):
        return f'<a rel="nofollow noopener" href={_quoted(text)}>{escape(text)}</a>'
    return escape(text)


def _item(relation: Relation, ends: Mapping[str, Entity], other: str, numbers: Mapping[str, int], base: str) -> str:
    """A relation: a link to its other end, what it says, and by which sources."""
    end = ends.get(other)
    name = escape(other if end is None else end.name)
    said = [term.label for term in (relation.role, relation.impact) if term is not None]
    said += [f"since {relation.since}"] if relation.since else []
    said += [f"until {relation.until}"] if relation.until else []
    said += [f"{plain(relation.percentage)} %"] if relation.percentage is not None else []
    said += [relation.locator] if relation.locator else []
    told = f" ({escape(', '.join(said))})" if said else ""
    stated = [numbers[source] for source in relation.sources if source in numbers]
    notes = f" <span class=note>[{', '.join(map(str, stated))}]</span>" if stated else ""
    return f"<li><a dir=auto href={_quoted(address(other, base))}>{name}</a>{told}{notes}</li>"


def _source(source: Source, locator: str | None, base: str) -> str:
    where = f" ({escape(locator)})" if locator else ""
    link = f"<a href={_quoted(address(source.id, base))}>about this source</a>"
    url = f" {_link(source.url)}" if source.url and source.url.startswith(("https://", "http://")) else ""
    return f"<li><span dir=auto>{escape(source.citation)}</span>{where}{url} · {link}</li>"

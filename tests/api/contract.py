"""Comparing two schemas by what they promise to clients.

A schema is flattened into names and what each promises: "Project.status" -> "ProjectStatus". Schemas are those that
graphql-core builds from text, so what is compared is what clients are given, not the code that means to give it.
"""

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLSchema,
    OperationType,
    is_introspection_type,
    is_named_type,
    is_specified_scalar_type,
    print_ast,
)


def definitions(schema: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """Each type, interface of a type, field, input field, argument and enum value, after what it belongs to."""
    for operation in OperationType:
        if root := schema.get_root_type(operation):
            yield f"{root.name} answers {operation.value}", root
    for type_ in schema.type_map.values():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield type_.name, type_
        for interface in getattr(type_, "interfaces", ()):
            yield f"{type_.name} implements {interface.name}", interface
        members = getattr(type_, "values", None) or getattr(type_, "fields", {})
        for member, definition in members.items():
            yield f"{type_.name}.{member}", definition
            for argument, accepted in getattr(definition, "args", {}).items():
                yield f"{type_.name}.{member}({argument})", accepted


def promise(definition: Any) -> str:
    """What a client relies on: of a type what sort it is, of a field its type, of an argument the default too."""
    node: Any = definition.ast_node
    if is_named_type(definition):
        return str(node.kind).replace("_", " ")
    default = getattr(node, "default_value", None)
    return str(getattr(definition, "type", "")) + (f" = {print_ast(default)}" if default else "")


def promises(schema: GraphQLSchema) -> dict[str, str]:
    return {name: promise(definition) for name, definition in definitions(schema)}


def owner(name: str) -> str:
    """What a name belongs to: "Query.node(id)" to "Query.node", that to "Query", and a type to itself."""
    return re.sub(r"(\.|\(| implements | answers )\w+\)?$", "", name)


def broken(due: dict[str, str], given: dict[str, str]) -> list[str]:
    """Where `given` falls short of `due`. It may offer more, as long as what clients send today remains enough."""
    faults = []
    for name, what in due.items():
        if name not in given:
            if owner(name) == name or owner(name) in given:
                faults.append(f"{name} is missing")
        elif given[name] != what:
            faults.append(f"{name}: promised {what}, is {given[name]}")
    for name in given.keys() - due.keys():
        is_sent = name.endswith(")") or given[owner(name)].startswith("input")
        if is_sent and owner(name) in due and given[name].endswith("!"):
            faults.append(f"{name} is required, clients do not know of it")
    return sorted(faults)


def stands_for(pattern: str, name: str) -> bool:
    """Whether a line of later.txt means this name: the same, or what belongs to it."""
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", r"\w*") + r"([.( ].*)?", name))


def read_later(text: str) -> dict[str, str]:
    """Each line of later.txt with the title of the issue it stands under."""
    issue, later = "", {}
    for line in text.splitlines():
        if line.startswith("["):
            issue = line.strip("[]")
        elif line and not line.startswith("#"):
            later[line] = issue
    return later

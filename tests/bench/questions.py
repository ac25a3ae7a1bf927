"""Questions to a world of 100,000 entities and 500,000 relations, in process: how long 95 of 100 take at most."""

import sys
from typing import NamedTuple

from tests.bench import graph_questions, group_questions, search_questions
from tests.bench.lab import Lab, loaded
from tests.bench.report import Goal, Part

TITLE = "Questions"
ENTITIES, RELATIONS = 100_000, 500_000


class Section(NamedTuple):
    """What was found of some questions, in Markdown, and the goals it was held against."""

    text: str
    goals: list[Goal]


SECTIONS = [graph_questions.measure, search_questions.measure, group_questions.measure]


def measure(lab: Lab) -> Part:
    path = lab.directory / "questions.jsonl"
    lab.tell("writing the world")
    lab.write([sys.executable, "-m", "seed.world", str(ENTITIES), str(RELATIONS)], path)
    lab.tell("loading it")
    graph = loaded(path)
    path.unlink()
    sections = [Section(*section(lab, graph)) for section in SECTIONS]
    head = f"{ENTITIES:,} entities and {RELATIONS:,} relations of all kinds (`seed/world.py`), in process, one by one."
    goals = [goal for section in sections for goal in section.goals]
    return Part(TITLE, "\n\n".join([head, *(section.text.strip() for section in sections)]), goals)

#!/usr/bin/env python3
"""Writes a synthetic world as graph lines (see FORMAT.md).

    world.py COUNTRIES PROJECTS EVENTS PARTNERS METRICS [SEED] > world.jsonl

At most 676 countries, with codes AA to ZZ; they get unequal shares (exponential), as in life.
Names are unique within a kind, so every order is total.
"""

import json
import random
import sys

PARTNER_TYPES = ["GOVERNMENT", "INTERNATIONAL_NGO", "NATIONAL_NGO", "MULTILATERAL", "ACADEMIC"]
STATUSES = ["IMPLEMENTATION"] * 6 + ["CLOSED"] * 2 + ["SUSPENDED", "PIPELINE"]
EVENT_TYPES = ["FLOOD", "EPIDEMIC", "DISPLACEMENT", "ARMED_CONFLICT", "DROUGHT"]
INDICATORS = 30

countries, projects, events, partners, metrics = (int(argument) for argument in sys.argv[1:6])
draw = random.Random(int(sys.argv[6]) if len(sys.argv) > 6 else 7)


def code(i: int) -> str:
    return chr(65 + i // 26) + chr(65 + i % 26)


def emit(**record: object) -> None:
    sys.stdout.write(json.dumps(record, separators=(",", ":")) + "\n")


def some_country() -> str:
    return "country:" + code(min(countries - 1, int(draw.expovariate(5 / countries))))


for i in range(countries):
    emit(
        id="country:" + code(i),
        kind="COUNTRY",
        name=f"Country {i:04d}",
        code=code(i),
        alpha3=code(i) + "X",
        numeric=f"{i:03d}",
    )
for i in range(INDICATORS):
    emit(
        id=f"indicator:i{i}",
        kind="INDICATOR",
        name=f"Indicator {i:02d}",
        code=f"i{i}",
        unit="people",
        countBasis="INDIVIDUALS",
    )
for i in range(partners):
    emit(id=f"partner:p{i}", kind="PARTNER", name=f"Partner {i:06d}", type=PARTNER_TYPES[i % 5])
for i in range(projects):
    emit(
        id=f"project:p{i}",
        kind="PROJECT",
        name=f"Project {i:07d}",
        status=draw.choice(STATUSES),
        startedOn=str(2000 + i % 24),
    )
    emit(relation="LOCATED_IN", subject=f"project:p{i}", object=some_country())
    for j in draw.sample(range(partners), draw.randint(0, min(4, partners))):
        emit(relation="PARTICIPATES_IN", subject=f"partner:p{j}", object=f"project:p{i}", role="IMPLEMENTING")
for i in range(events):
    day = f"{2000 + i % 24}-{1 + i % 12:02d}-{1 + i % 28:02d}"
    emit(id=f"event:e{i}", kind="EVENT", name=f"Event {i:07d}", type=draw.choice(EVENT_TYPES), startedOn=day)
    emit(relation="OCCURRED_IN", subject=f"event:e{i}", object=some_country())
for i in range(metrics):
    year = str(2000 + i % 24)
    value = float(draw.randrange(1_000_000))
    emit(
        id=f"metric:m{i}",
        kind="METRIC",
        name=f"Metric {i:07d}",
        value=value,
        unit="people",
        startedOn=year,
        endedOn=year,
    )
    emit(relation="ABOUT", subject=f"metric:m{i}", object=some_country())
    emit(relation="MEASURES", subject=f"metric:m{i}", object=f"indicator:i{i % INDICATORS}")

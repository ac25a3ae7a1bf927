"""Reading tables of the field: 50,000 rows with HXL tags, each into a store of its own."""

import csv
from pathlib import Path
from random import Random
from statistics import median

from tests.bench.lab import Lab
from tests.bench.report import Goal, Part, figure, table

TITLE = "HXL tables"
ROWS = 50_000
MOST_SECONDS = 10
MOST_ROUNDS = 3

WORKS = {
    "Organisation": "#org+name", "Acronym": "#org+acronym", "Type": "#org+type", "Cluster": "#sector",
    "Project code": "#activity+code", "Project": "#activity+name", "Country": "#country+code",
    "Admin 1 code": "#adm1+code", "Admin 1": "#adm1+name", "Admin 2 code": "#adm2+code", "Admin 2": "#adm2+name",
    "Status": "#status", "Start": "#date+start", "End": "#date+end",
}  # fmt: skip
"""Who does what where: each row is a project of its own."""

PEOPLE = {
    "Country": "#country+code", "Admin 1": "#adm1+code", "Admin 2": "#adm2+code", "Month": "#date",
    "In need": "#inneed",
}  # fmt: skip
"""Figures: each row is a figure of a place and month."""


def write_works(path: Path, rows: int = ROWS) -> None:
    chance = Random(6)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerows([WORKS, WORKS.values()])
        for number in range(rows):
            org, region, district = chance.randrange(200), chance.randrange(10), chance.randrange(20)
            place = ["MLI", f"ML{region:02}", f"Region {region}", f"ML{region:02}{district:02}", f"District {district}"]
            cluster, month = chance.choice(["Health", "WASH", "Protection"]), number % 12 + 1
            who = [f"Organisation {org}", f"O{org}", "International NGO", cluster]
            out.writerow([*who, f"P-{number}", f"Project {number}", *place, "Ongoing", f"2023-{month:02}", "2023-12"])


def write_people(path: Path, rows: int = ROWS) -> None:
    chance = Random(6)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerows([PEOPLE, PEOPLE.values()])
        for number in range(rows):
            month, place = divmod(number, 500)
            date = f"{2010 + month // 12}-{month % 12 + 1:02}"
            out.writerow(
                ["MLI", f"ML{place // 50:02}", f"ML{place // 50:02}{place % 50:02}", date, chance.randrange(9**6)]
            )


def measure(lab: Lab) -> Part:
    rows, goals = [], []
    for name, make in {"who does what where": write_works, "people in need": write_people}.items():
        file = lab.directory / f"{name.replace(' ', '-')}.csv"
        make(file)
        lab.tell(f"importing {ROWS:,} rows: {name}")
        stores = [lab.directory / f"{file.stem}-{turn}" for turn in range(min(lab.rounds, MOST_ROUNDS))]
        works = [lab.imported(file, store) for store in stores]
        seconds = median(work.seconds for work in works)
        rows.append([name, figure(seconds), f"{max(work.peak for work in works) / 2**20:,.0f} MB"])
        goals.append(Goal(f"seconds to import {ROWS:,} rows, {name}", seconds, MOST_SECONDS, at_most=True))
    text = f"""
`fieldgraph import` of a table of {ROWS:,} rows with HXL tags into a new store, from the start of the command to its \
end:

{table(["", "seconds", "memory at most"], rows)}
"""
    return Part(TITLE, text, goals)

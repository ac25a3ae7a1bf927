"""Specifies what all tables have in common that refuse rows: `reasoned` in graph/formats/rows.py."""

from itertools import pairwise

import pytest

from api.files import CannotTransfer
from graph.errors import Refused
from graph.graph import Graph
from tests.graph.conftest import text_of
from tests.graph.formats.reading import taken

NASTY = 'a ""quoted"", one'
TABLES = {
    "hxl": f"""#org,#activity+code,#activity,#date+start,#country+code
Filet Bleu,a-1,Wells,2023-01,MLI
Filet Bleu,a-2,Wells,"{NASTY}",MLI
""",
    "pcodes": f"""Location,Admin Level,P-Code,Name,Parent P-Code,Valid from date
MLI,1,ML05,Mopti,MLI,2021-12-20
MLI,1,ML04,Ségou,MLI,"{NASTY}"
""",
    "gdacs-csv": f"""id,iso3,country,title,event_type,from_date,to_date,link
EQ1,MLI,Mali,Quake,EQ,2022-08-18,2022-08-18,https://example.org/1
EQ2,MLI,Mali,Quake,EQ,"{NASTY}",2022-08-18,https://example.org/2
""",
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("format", TABLES)
def test_rows_that_are_refused_again_and_again_keep_their_form_until_they_are_right(tmp_path, format, delimiter):
    graph, at_once = Graph.in_memory(), Graph.in_memory()
    files = [tmp_path / f"{number}" / "table.csv" for number in range(4)]
    for file in files:
        file.parent.mkdir()
    text = TABLES[format].replace(",", delimiter).replace(f"{delimiter} one", ", one")
    files[0].write_text(text, encoding="utf-8")
    for file, rejects in pairwise(files):
        assert taken(graph, file, skip_invalid=True, rejects=rejects).refused == 1
        with pytest.raises(Refused, match="quoted"):
            taken(graph, rejects)
    assert len({file.read_text(encoding="utf-8").partition("line")[0] for file in files[1:]}) == 1
    wrong = f'"{NASTY}"'
    files[3].write_text(files[3].read_text(encoding="utf-8").replace(f"{wrong}\n", "2022-08-18\n").replace(
        f"{wrong}{delimiter}", f"2022-08-18{delimiter}"), encoding="utf-8")  # fmt: skip
    taken(graph, files[3])
    files[0].write_text(text.replace(wrong, "2022-08-18"), encoding="utf-8")
    taken(at_once, files[0])
    assert text_of(graph) == text_of(at_once)


def test_refused_records_of_before_are_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "bad.csv"
    bad.write_text(TABLES["hxl"], encoding="utf-8")
    graph = Graph.in_memory()
    with pytest.raises(CannotTransfer, match=r"bad\.csv is there already, and is not overwritten"):
        taken(graph, bad, skip_invalid=True, rejects=bad)
    assert graph.version == 0
    assert bad.read_text(encoding="utf-8") == TABLES["hxl"]
    copy = tmp_path / "copy.csv"
    copy.write_text(TABLES["hxl"], encoding="utf-8")
    found = [taken(graph, bad, copy, skip_invalid=True).rejects, taken(graph, bad, skip_invalid=True).rejects]
    assert [[path.name for path in paths] for paths in found] == [["rejects.csv", "rejects-2.csv"], ["rejects-3.csv"]]

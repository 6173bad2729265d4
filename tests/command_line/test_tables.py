"""Tables fit the terminal; elsewhere a row is a line."""

from __future__ import annotations

from tui.commands.tables import fitted, fitted_rows, table

HEADER = ("NAME", "AGE", "REMARK")
ROWS = [
    ("snapshot-etcd-20261122-000000-10.0.0.11.tar", "14 h", "the trailing sha256 does not fit it"),
    ("snapshot-etcd-20261121-000000-10.0.0.11.tar", "38 h", ""),
]


def test_a_row_is_a_line_where_no_terminal_is() -> None:
    lines = table(HEADER, ROWS).splitlines()
    assert lines == fitted(HEADER, ROWS, None).splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("the trailing sha256 does not fit it")
    assert lines[2].endswith("38 h")


def test_what_fits_stays_as_it_is() -> None:
    assert fitted(HEADER, ROWS, 200) == fitted(HEADER, ROWS, None)


def test_the_last_column_is_folded_where_there_is_room_for_it() -> None:
    lines = fitted(HEADER, ROWS, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("the trailing sha256 does not")
    assert lines[2].split() == ["fit", "it"]
    assert lines[2].index("fit") == lines[1].index("the trailing")


def test_else_what_does_not_fit_stands_below_its_row() -> None:
    lines = fitted(HEADER, ROWS, 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines == [
        "NAME                                         AGE",
        "    REMARK",
        "snapshot-etcd-20261122-000000-10.0.0.11.tar  14 h",
        "    the trailing sha256 does not fit it",
        "snapshot-etcd-20261121-000000-10.0.0.11.tar  38 h",
    ]


def test_nothing_is_lost_on_the_narrowest_terminal() -> None:
    assert "".join(fitted(HEADER, ROWS, 10).split()) == "".join(table(HEADER, ROWS).split())


def test_each_row_can_be_had_for_itself() -> None:
    """What is told below a row belongs to it, however many lines it has."""
    assert [row.count("\n") for row in fitted_rows(HEADER, ROWS, 60)] == [1, 1, 0]
    assert [row.count("\n") for row in fitted_rows(HEADER, ROWS, 80)] == [0, 1, 0]

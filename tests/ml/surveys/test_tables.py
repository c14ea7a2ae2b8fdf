"""Tables as recorders of answers write them."""

import pytest

from apexline.ml.surveys import tables

COLUMNS = ("rater", "level")
TEXT = "rater,level\nR\u00e9n,4\n"


@pytest.fixture
def read(tmp_path):
    def read(content, needed=COLUMNS):
        path = tmp_path / "survey.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tables.read_table(path, needed)

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_name_is_the_same_in_every_encoding(read, encoding):
    assert read(TEXT.encode(encoding)).rows == ((2, ["R\u00e9n", "4"]),)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_found(read, separator, end):
    table = read(TEXT.replace(",", separator).replace("\n", end))
    assert (table.separator, table.rows) == (separator, ((2, ["R\u00e9n", "4"]),))


def test_columns_are_found_in_any_order_and_case_behind_a_hint_to_spreadsheets(read):
    table = read("sep=;\n LEVEL ;note;Rater;\n4;x;r1;\n;;;\n")
    assert (table.place("rater"), table.place("level")) == (2, 0)
    assert [number for number, _ in table.rows] == [3]
    assert read("Rater,rater,level\nr0,r1,4\n").place("rater") == 1


def test_a_decimal_comma_is_one_where_commas_do_not_separate(read):
    assert read("rater;level\n").number("2,5") == "2.5"
    assert read("rater,level\n").number("2,5") == "2,5"


def test_a_quoted_field_may_hold_separators_and_line_ends(read):
    table = read('rater,note,level\nr1,"a, ""b""\nc",4\nr2,,5\n')
    assert table.rows == ((2, ["r1", 'a, "b"\nc', "4"]), (4, ["r2", "", "5"]))


def test_a_quote_that_nobody_closes_costs_one_line(read):
    table = read('rater,level\nr1,4\n"r2,4\n' + "r3,4\n" * 3)
    assert [number for number, _ in table.rows] == [2, 4, 5, 6]
    [(number, fields, reason)] = table.torn
    assert (number, fields) == (3, ["r2,4\nr3,4\nr3,4\nr3,4\n"])
    assert reason == "saw 1 fields, expected 2; a quote is open to line 6, close it"


def test_a_huge_field_and_a_nul_byte_cost_one_line_each(read):
    table = read("rater,level\n" + "x" * 200_000 + ",4\nr\0,4\nr3,4\n")
    assert table.rows == ((4, ["r3", "4"]),)
    huge, nul = table.torn
    assert "field limit" in huge[2]
    assert len(huge[1][0]) < 100
    assert "NUL byte" in nul[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"survey.csv, line 1: .*lacks \['rater', 'level'\].*rename"),
        ("rater,LEVEL,Level\n", r"names \['level'\] more than once; keep one"),
        (b"rater,level\n\x81,4\n", r"survey.csv, line 2: saw the byte 0x81.*save the table as CSV in UTF-8"),
        ("x" * 300_000, "lacks"),
    ],
)
def test_what_cannot_be_read_names_file_line_and_remedy(read, content, message):
    with pytest.raises(ValueError, match=message) as refused:
        read(content)
    assert len(str(refused.value)) < 400


def test_a_file_is_no_larger_than_memory_allows(read, monkeypatch):
    monkeypatch.setattr(tables, "MAX_BYTES", len(TEXT.encode()))
    assert len(read(TEXT).rows) == 1
    with pytest.raises(ValueError, match="split it"):
        read(TEXT + "\n")


def test_rows_are_left_out_and_all_other_lines_stay(tmp_path):
    """Quotes over two lines, torn rows, a hint for spreadsheets and cp1252: what stays is what was written."""
    path = tmp_path / "answers.csv"
    lines = ["sep=;", "Rater;Pair;Level", '"Zoë\n2";p;1', "r1;p;2", '"r1\n";p;3', 'torn;"p', "r2;p;4", ""]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    text, count = tables.without_rows(
        path, "rater", lambda value, row: value.strip() == "r1" or "torn" in row
    )
    assert (text.splitlines(), count) == (["sep=;", "Rater;Pair;Level", '"Zoë', '2";p;1', "r2;p;4"], 3)
    assert tables.without_rows(path, "rater", lambda value, row: False)[1] == 0

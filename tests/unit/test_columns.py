"""Lines and tables on a terminal whose characters differ in width."""

from __future__ import annotations

from etl.alerts import columns


def test_wide_characters_take_two_columns() -> None:
    """Chinese and emoji count twice, combining marks not at all."""
    assert columns.width("ab中文e\u0301😀") == 2 + 4 + 1 + 2


def test_lines_break_at_spaces_and_between_wide_characters() -> None:
    """No line is wider than asked, nothing is lost, and no line starts with a closing mark."""
    text = "the kubelet 镜像拉取失败，请检查镜像名称（registry）是否正确。 and so on"
    made = columns.wrapped(text, 20, first="- ", rest="  ")
    lines = made.splitlines()
    assert all(columns.width(line) <= 20 for line in lines)
    assert "".join(made.split()) == "-" + "".join(text.split())
    assert not any(line.lstrip()[0] in "，。）" for line in lines)
    assert not any(line.endswith("（") for line in lines)


def test_a_long_word_stays_whole() -> None:
    """An address that is longer than the line can still be copied."""
    address = "https://runbooks.example/" + "x" * 50
    assert address in columns.wrapped(f"see {address} there", 30).splitlines()


def test_tables_are_aligned_by_width() -> None:
    """Numbers end in one column whatever stands before them."""
    made = columns.table(["名", "n"], [["中文", "5"], ["a", "4,120"]], right={1}, columns=None)
    assert made.splitlines() == ["名        n", "中文      5", "a     4,120"]


def test_a_table_that_is_too_wide_loses_the_middle_of_names() -> None:
    """The widest column is shortened in its middle, because pods differ at their ends."""
    rows = [["4,120", "Pod shop/payments-api-7d9f8b6c5d-x2vq8", "BackOff"]]
    made = columns.table(["now", "object", "reason"], rows, right={0}, columns=40)
    line = made.splitlines()[1]
    assert columns.width(line) <= 40
    assert "…" in line
    assert "-x2vq8" in line
    assert line.startswith("4,120  Pod shop")

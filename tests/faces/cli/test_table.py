from __future__ import annotations

from nodehours.faces.cli.table import table


def test_columns_are_as_wide_as_what_is_in_them_and_numbers_stand_to_the_right() -> None:
    lines = table(("user", "h"), [["alice", "1.00"], ["bo", "12.50"]], right=("h",)).splitlines()

    assert lines == ["user       h", "alice   1.00", "bo     12.50"]


def test_characters_of_double_width_do_not_shift_what_stands_behind_them() -> None:
    lines = table(("name", "id"), [["山田太郎", "1"], ["alice", "2"]]).splitlines()

    assert lines == ["name      id", "山田太郎  1", "alice     2"]


def test_nothing_but_a_head_is_a_head() -> None:
    assert table(("name", "id"), []) == "name  id"

"""Slurm's accounts as projects and its users as people: by convention, by a list of associations, by a mapping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.accounts import (
    Accounts,
    accounts_of,
    read_associations,
    read_mapping,
)
from nodehours.terms.fault import Fault
from nodehours.terms.identifiers import ProjectIdentifier
from tests.sources.slurm.samples import document, sample

HEADER = "account,user,project,person"
names = st.text(max_size=12) | st.text("ab.-_|/ ", max_size=12)


def project(account: str, cluster: str = "isca", accounts: Accounts | None = None) -> str:
    return str((accounts or Accounts()).project_of(account, cluster))


def user(account: str, local_user: str, accounts: Accounts | None = None) -> str | None:
    known = accounts or Accounts()
    found = known.user_of(account, local_user, known.project_of(account, "isca"))
    return str(found) if found else None


def mapping(*lines: str, header: str = HEADER) -> tuple[Accounts, list[Fault]]:
    faults: list[Fault] = []
    return read_mapping(document("\n".join([header, *lines])), faults), faults


def mapped(*lines: str) -> Accounts:
    accounts, faults = mapping(*lines)
    assert faults == []
    return accounts


class TestConvention:
    def test_an_account_of_two_parts_is_a_project_of_a_portal(self) -> None:
        assert project("brics.climate") == "climate.brics"

    def test_another_account_is_a_project_of_its_own_where_its_cluster_is_the_portal(self) -> None:
        assert project("physics") == "physics.isca"
        assert project("proj_upper", "lab") == "proj_upper.lab"

    @pytest.mark.parametrize(
        "account", ["", ".", "a.b.c", "a.", ".b", "a b", "../x", "a/b", "-x", "naïve", "a.-b", "x" * 65, "\n", "\x00"]
    )  # fmt: skip
    def test_what_cannot_be_a_part_of_a_name_gets_one_that_is_told_apart(
        self, account: str
    ) -> None:
        told = project(account)

        assert told.endswith(".isca")
        assert told.count(".") == 1
        assert told != project(account + "x")

    @given(names, names)
    def test_every_account_is_a_project_and_another_cluster_s_is_another_one(
        self, account: str, cluster: str
    ) -> None:
        told = ProjectIdentifier.parse(project(account, cluster))

        assert str(told) == project(account, cluster)
        assert told.portal != "lab" or cluster == "lab" or account.startswith("lab.")

    @given(names, names)
    def test_accounts_of_own_names_are_told_apart(self, one: str, other: str) -> None:
        both = [account for account in (one, other) if project(account).endswith(".isca")]

        assert len(set(both)) == len({project(account) for account in both})

    def test_a_user_is_a_person_of_the_project_with_its_name_behind_or_without(self) -> None:
        assert user("brics.climate", "alice") == "alice.climate.brics"
        assert user("brics.climate", "alice.climate") == "alice.climate.brics"
        assert user("physics", "u1234") == "u1234.physics.isca"

    @pytest.mark.parametrize(
        "local_user", ["unknown", "", "alice.genome", "a b", "-x", "naïve", "x" * 65, ".climate"]
    )
    def test_who_cannot_be_a_person_is_nobody(self, local_user: str) -> None:
        assert user("brics.climate", local_user) is None


class TestAssociations:
    def test_members_are_those_that_sacctmgr_tells(self) -> None:
        members = read_associations(sample("live/sacctmgr_assoc.txt"))

        assert members == {
            ("root", "root"), ("brics.climate", "alice"), ("brics.climate", "bob"), ("brics.genome", "alice"),
            ("brics.genome", "carol"), ("proj_upper", "carol"), ("proj_upper", "dave"),
        }  # fmt: skip

    def test_only_members_are_people_and_the_mapping_has_the_last_word(self) -> None:
        members = read_associations(sample("live/sacctmgr_assoc.txt"))
        accounts = accounts_of(mapped("brics.climate,carol,,carla", ",alice,,-"), members)

        assert user("brics.climate", "bob", accounts) == "bob.climate.brics"
        assert user("brics.climate", "dave", accounts) is None
        assert user("brics.climate", "carol", accounts) == "carla.climate.brics"
        assert user("brics.climate", "alice", accounts) is None

    def test_fields_may_come_in_any_order_and_lines_end_in_any_way(self) -> None:
        told = "\ufeffUser|Cluster|ACCOUNT\r\nalice|lab|a\r\n|lab|a\r\nbob\r\n\r\ncarol|lab|b"

        assert read_associations(document(told)) == {("a", "alice"), ("b", "carol")}

    @pytest.mark.parametrize("content", ["\n", "Cluster|Account\n", "alice,bob\n"])
    def test_without_names_of_fields_it_is_refused(self, content: str) -> None:
        with pytest.raises(UnreadableError, match="no fields Account and User"):
            read_associations(document(content))
        with pytest.raises(UnreadableError, match="no fields Account and User"):
            read_associations(sample("live/sacctmgr_assoc_noheader.txt"))


class TestMapping:
    def test_it_names_projects_of_accounts_and_people_of_users(self) -> None:
        accounts = mapped(
            "physics,,quarks.brics,", "physics,u1,,alice", ",u9,,bob", "physics,u9,,carol"
        )

        assert project("physics", accounts=accounts) == "quarks.brics"
        assert user("physics", "u1", accounts) == "alice.quarks.brics"
        assert user("physics", "u9", accounts) == "carol.quarks.brics"
        assert user("brics.climate", "u9", accounts) == "bob.climate.brics"
        assert user("physics", "u2", accounts) == "u2.quarks.brics"
        assert accounts.names_person("physics", "u1")
        assert not accounts.names_person("physics", "u2")

    def test_columns_may_come_in_any_order_and_be_left_out(self) -> None:
        accounts, faults = mapping("bob, u9 ", header="Person , USER")

        assert (accounts.people, faults) == ({("", "u9"): "bob"}, [])
        assert mapping("x,quarks.brics", header="account,project")[0].projects.keys() == {"x"}

    def test_names_with_commas_are_quoted(self) -> None:
        assert mapped('"a,b",,quarks.brics,').projects.keys() == {"a,b"}

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            ("physics,,quarks,", "'quarks' is not of the form project.portal"),
            ("physics,,a.b.c,", "'a.b.c' is not of the form project.portal"),
            ("physics,u1,,al ice", "'al ice' is no person: letters"),
            ("physics,u1,,alice.climate", "'alice.climate' is no person"),
            ("physics,u1,quarks.brics,alice", "it names neither"),
            ("physics,,,", "it names neither"),
            (",u1,,", "it names neither"),
            (",,quarks.brics,", "it names neither"),
            ("physics,,quarks.brics,,more", "5 fields, where 4 are named"),
            ('"physics,,quarks.brics,', "it is no line of CSV: "),
            ("a\rb,,quarks.brics,", "it is no line of CSV: "),
            ("x" * 200_000 + ",,quarks.brics,", "it is no line of CSV: field larger than"),
            ("known,,other.brics,", "other.brics is said, but a line before says known.brics"),
            (",u7,,bob", "bob is said, but a line before says alice"),
        ],
    )  # fmt: skip
    def test_a_line_that_is_wrong_is_told_by_its_number_and_others_hold(
        self, line: str, sentence: str
    ) -> None:
        accounts, faults = mapping("known,,known.brics,", ",u7,,alice", "", line, ",u8,,bob", ",,,")

        assert [fault.place for fault in faults] == ["line 5"]
        assert faults[0].sentence.startswith(sentence)
        assert accounts.people == {("", "u7"): "alice", ("", "u8"): "bob"}
        assert project("known", accounts=accounts) == "known.brics"

    def test_what_is_said_twice_and_the_same_is_no_fault(self) -> None:
        mapped("physics,,quarks.brics,", "physics,,quarks.brics,", ",u1,,a", ",u1,,a")

    @pytest.mark.parametrize(
        "header",
        ["", "physics,quarks.brics", "project,person", "account,user,email", "user,user", "account,account,project"],
    )  # fmt: skip
    def test_without_names_of_columns_it_is_refused(self, header: str) -> None:
        with pytest.raises(UnreadableError, match="its first line does not name its columns"):
            mapping("physics,,quarks.brics,", header=header)

    @given(st.lists(st.text(max_size=20)))
    def test_every_line_is_understood_or_told(self, lines: list[str]) -> None:
        accounts, faults = mapping(*lines)
        told = len([line for line in "\n".join(lines).split("\n") if line.strip()])

        assert len(accounts.projects) + len(accounts.people) + len(faults) <= told

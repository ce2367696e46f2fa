"""The rules by which jobs become node-seconds, as they are written and read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.rule import BILLING, CPU, GPU, MEMORY, Kind, NodeShape, Rule

counts = st.integers(0, 10**15 - 1)
shapes = st.builds(NodeShape, st.integers(1, 10**15 - 1), counts, counts, counts)
tres = st.one_of(
    st.sampled_from(["billing", "cpu", "energy", "mem", "node", "pages", "vmem"]),
    st.from_regex(r"(bb|fs|gres|ic|license|interconnect)/[A-Za-z0-9_.:@-]{1,9}", fullmatch=True),
)
factors = st.fractions(min_value=Fraction(1, 10**8), max_value=10**8, max_denominator=10**8)
counted = st.one_of(
    st.just(Rule(Kind.ALLOCATED_NODES)),
    st.builds(Rule, st.just(Kind.LARGEST_SHARE), shapes),
    st.builds(lambda name, factor: Rule(Kind.TRES, None, name, factor), tres, factors),
)
rules = st.builds(lambda rule, last: replace(rule, only_last=last), counted, st.booleans())


@given(rules)
def test_a_rule_is_read_as_it_is_written(rule: Rule) -> None:
    assert Rule.parse(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("allocated-nodes", Rule(Kind.ALLOCATED_NODES)),
        (" allocated-nodes ", Rule(Kind.ALLOCATED_NODES)),
        ("largest-share:cpus=8", Rule(Kind.LARGEST_SHARE, NodeShape(8))),
        ("largest-share:memory=4000, cpus=8", Rule(Kind.LARGEST_SHARE, NodeShape(8, memory=4000))),
        ("tres:billing", Rule(Kind.TRES, tres="billing")),
        ("tres:gres/gpu:a100*3/8", Rule(Kind.TRES, tres="gres/gpu:a100", factor=Fraction(3, 8))),
        ("allocated-nodes,last-attempts", Rule(Kind.ALLOCATED_NODES, only_last=True)),
        (
            "largest-share:cpus=8,last-attempts",
            Rule(Kind.LARGEST_SHARE, NodeShape(8), only_last=True),
        ),
        ("tres:cpu*0.0078125", Rule(Kind.TRES, tres="cpu", factor=Fraction(1, 128))),
    ],
)
def test_what_people_write(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nodes",
        "allocated-nodes:2",
        "largest-share",
        "largest-share:",
        "largest-share:cpus=0",
        "largest-share:cpus=8,cpus=8",
        "largest-share:cores=8",
        "largest-share:cpus=٨",
        "largest-share:cpus=-8",
        "tres:",
        "tres:CPU",
        "tres:gpu",
        "tres:gres",
        "allocated-nodes,",
        "allocated-nodes,last",
        ",last-attempts",
        "tres:cpu*0",
        "tres:cpu*1/0",
        "tres:cpu*1e9",
        "tres:cpu*-1",
        "tres:cpu,node",
        "tres:.*",
    ],
)
def test_what_is_no_rule_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (rule|shape)|at least one of"):
        Rule.parse(text)


@given(shapes)
def test_every_share_of_a_node_is_a_whole_number_of_its_parts(shape: NodeShape) -> None:
    assert all(shape.denominator % count == 0 for count in shape.by_tres.values())


def test_only_what_a_node_is_said_to_have_is_reckoned_with() -> None:
    assert NodeShape(8, 4, 4000).by_tres == {CPU: 8, GPU: 4, MEMORY: 4000}
    assert NodeShape(billing=96).by_tres == {BILLING: 96}
    with pytest.raises(ValueError, match="at least one"):
        NodeShape()

"""The rule by which jobs become node-seconds. A centre chooses one; figures of two rules may differ by half.

``allocated-nodes``
    nodes times seconds: a job on part of a node counts as if it had all of it. It is Slurm's own figure of nodes
    (sreport's TRES ``node``), but for seconds in which the job was suspended: they do not count.
``largest-share``
    OpenPortal's rule: the seconds of each day times the largest share that the job has of a node's processors,
    graphics processors, memory and billing units, rounded up for each job and day. Suspended seconds do count.
``tres``
    seconds times the count of one TRES times a factor, the sum of a user's day rounded half-even. Suspended seconds do
    not count.

Each of them counts all attempts of a job that was put back into the queue, or with ``,last-attempts`` only the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from enum import Enum
from fractions import Fraction
from math import lcm

from nodehours.terms.fault import shown

NODE, CPU, GPU, MEMORY, BILLING = "node", "cpu", "gres/gpu", "mem", "billing"
"""Slurm's names of the TRES that rules know by themselves."""

_TRES = re.compile(
    r"billing|cpu|energy|mem|node|pages|vmem|(bb|fs|gres|ic|license|interconnect)/[A-Za-z0-9_.:@-]+",
    re.ASCII,
)
_SHAPE = re.compile(r"([a-z]+)=([0-9]{1,15})", re.ASCII)
_LAST = ",last-attempts"
_FACTOR = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|[0-9]{1,18}/[1-9][0-9]{0,17}", re.ASCII)


class Kind(Enum):
    """What a rule counts."""

    ALLOCATED_NODES = "allocated-nodes"
    LARGEST_SHARE = "largest-share"
    TRES = "tres"


@dataclass(frozen=True, slots=True)
class NodeShape:
    """What a whole node has, memory in MB (2**20 bytes); 0: not reckoned with. Raises ``ValueError`` if nothing is."""

    cpus: int = 0
    gpus: int = 0
    memory: int = 0
    billing: int = 0

    def __post_init__(self) -> None:
        """Refuse a node without anything."""
        if not any(self._parts().values()):
            raise ValueError("a node's shape has at least one of cpus, gpus, memory and billing")

    def __str__(self) -> str:
        """Write it as it is read."""
        return ",".join(f"{name}={count}" for name, count in self._parts().items() if count)

    @classmethod
    def parse(cls, text: str) -> NodeShape:
        """Read ``cpus=8,gpus=4,memory=4000``. Raises ``ValueError`` with a sentence."""
        known, parts = {field.name for field in fields(cls)}, {}
        for part in text.split(","):
            found = _SHAPE.fullmatch(part.strip())
            if not found or found[1] not in known or found[1] in parts:
                raise ValueError(
                    f"{shown(text)} is no shape of a node (such as cpus=128,gpus=4,memory=512000, memory in MB)"
                )
            parts[found[1]] = int(found[2])
        return cls(**parts)

    @property
    def by_tres(self) -> dict[str, int]:
        """What is reckoned with, by Slurm's names."""
        parts = zip((CPU, GPU, MEMORY, BILLING), self._parts().values(), strict=True)
        return {tres: count for tres, count in parts if count}

    @property
    def denominator(self) -> int:
        """The number by which every share of such a node is a whole number."""
        return lcm(*self.by_tres.values())

    def _parts(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: for the largest share the ``shape`` of a node, for a TRES its name and the factor.

    ``only_last``: of a job that was put back into the queue, only the attempt that came last counts.
    """

    kind: Kind
    shape: NodeShape | None = None
    tres: str = ""
    factor: Fraction = Fraction(1)
    only_last: bool = False

    @property
    def counts(self) -> frozenset[str]:
        """The TRES that it reckons with, by Slurm's names."""
        if self.shape:
            return frozenset(self.shape.by_tres)
        return frozenset({self.tres or NODE})

    def __str__(self) -> str:
        """Write it as it is read, and as statements carry it."""
        return self._counted() + (_LAST if self.only_last else "")

    def _counted(self) -> str:
        match self.kind:
            case Kind.ALLOCATED_NODES:
                return str(self.kind.value)
            case Kind.LARGEST_SHARE:
                return f"{self.kind.value}:{self.shape}"
            case Kind.TRES:
                factor = "" if self.factor == 1 else f"*{self.factor}"
                return f"{self.kind.value}:{self.tres}{factor}"

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Raises ``ValueError`` with a sentence.

        >>> [str(Rule.parse(text)) for text in ("allocated-nodes", "tres:gres/gpu*0.25")]
        ['allocated-nodes', 'tres:gres/gpu*1/4']
        >>> str(Rule.parse("largest-share:gpus=4,cpus=8,last-attempts"))
        'largest-share:cpus=8,gpus=4,last-attempts'
        """
        counted = text.strip().removesuffix(_LAST)
        return replace(cls._parse_counted(counted), only_last=counted != text.strip())

    @classmethod
    def _parse_counted(cls, text: str) -> Rule:
        name, _, rest = text.partition(":")
        if name == Kind.ALLOCATED_NODES.value and not rest:
            return cls(Kind.ALLOCATED_NODES)
        if name == Kind.LARGEST_SHARE.value and rest:
            return cls(Kind.LARGEST_SHARE, NodeShape.parse(rest))
        tres, _, factor = rest.partition("*")
        if name == Kind.TRES.value and _TRES.fullmatch(tres) and (read := _factor(factor or "1")):
            return cls(Kind.TRES, tres=tres, factor=read)
        raise ValueError(
            f"{shown(text)} is no rule: allocated-nodes, largest-share:cpus=128,gpus=4,memory=512000,"
            " or tres:NAME with a factor, such as tres:gres/gpu*0.25; each may end in ,last-attempts"
        )


def _factor(text: str) -> Fraction | None:
    return Fraction(text) if _FACTOR.fullmatch(text) else None

"""What a figure is made of, all of it, as JSON. Figures are node-seconds; times are UTC."""

from __future__ import annotations

import json
from typing import Any

from nodehours.faces.cli.shown import exact, plain_rules
from nodehours.queries.explanation import Explanation, LocalUser, Origin, Pending, Used
from nodehours.queries.versions import Version


def as_json(found: Explanation) -> str:
    """Write it as one JSON object."""
    whole = _subject(found) | {
        "incomplete_days": [str(day.day) for day in found.days if not day.is_complete],
        "rows": [
            {"row": one.id, "user": one.username, "node_seconds": one.node_seconds}
            for one in found.rows
        ],
        "days": [_used(one) for one in found.used],
        "local_users": [_local_user(one) for one in found.local_users],
        "origins": [_origin(one) for one in found.origins],
        "versions": [_version(one) for one in found.versions],
        "pending": [_pending(one) for one in found.pending],
        "quarantined": [one._asdict() for one in found.quarantined],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _subject(found: Explanation) -> dict[str, Any]:
    told, row = found.statement, found.row
    return {
        "project": told.project,
        "resource": told.resource,
        "month": str(found.month),
        "as_of_revision": found.snapshot.revision,
        "as_of": exact(found.snapshot.instant),
        "row": row and {"id": row.id, "user": row.username, "full_name": row.full_name},
        "unit": "node-seconds",
        "node_seconds": found.node_seconds,
        "revision": told.revision if row is None else row.revision,
        "adds_up": found.adds_up,
        "statement": _statement(found),
    }


def _statement(found: Explanation) -> dict[str, Any]:
    told = found.statement
    return {
        "state": found.state.value,
        "is_closed": told.is_closed,
        "node_seconds": told.node_seconds,
        "complete_days": told.complete_days,
        "rules": plain_rules(found.rules),
        "revision": told.revision,
    }


def _version(one: Version) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "recorded": exact(one.recorded),
        "kind": one.kind,
        "reason": one.reason,
        "before_node_seconds": one.former,
        "after_node_seconds": one.node_seconds,
    }


def _pending(one: Pending) -> dict[str, Any]:
    return {
        "id": one.id,
        "made": exact(one.made),
        "reason": one.reason,
        "before_node_seconds": one.former,
        "after_node_seconds": one.node_seconds,
        "days": list(one.days),
    }


def _used(one: Used) -> dict[str, Any]:
    return {
        "day": str(one.day),
        "local_user": one.local_user,
        "node_seconds": one.node_seconds,
        "jobs": one.jobs,
        "wait_seconds": one.wait_seconds,
        "component_seconds": dict(one.components),
        "revision": one.revision,
    }


def _local_user(one: LocalUser) -> dict[str, Any]:
    attribution = one.attribution
    decision = attribution.decision
    return {
        "local_user": attribution.local_user,
        "node_seconds": one.node_seconds,
        "is_attributed": attribution.owner is not None,
        "claims": [
            {"user": claim.user_identifier, "since": exact(claim.since)}
            for claim in attribution.claims
        ],
        "decision": decision and {"user": decision.user_identifier, "revision": decision.revision},
    }


def _origin(one: Origin) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "recorded": exact(one.recorded),
        "kind": one.kind,
        "reason": one.reason,
        "run": one.run,
        "source": one.source,
        "document": one.document,
        "document_sha256": one.sha256.hex() if one.sha256 else None,
    }

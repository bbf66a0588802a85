"""What must hold at the end, judged by the simulator's own ledger of effects."""

from __future__ import annotations

from typing import Any


def each_effect_once(effects: list[dict[str, Any]]) -> None:
    """Two records created, a customer renamed, nothing deleted."""
    assert count(effects, "create") == 2, describe(effects)
    assert count(effects, "delete") == 0, describe(effects)
    assert len(set(records(effects, "create"))) == 2, describe(effects)
    assert renamings(effects)[-1:] == ["again"], describe(effects)


def each_effect_undone(effects: list[dict[str, Any]]) -> None:
    """Every record that was created was deleted, once; at least one effect was there to undo."""
    created, deleted = records(effects, "create"), records(effects, "delete")
    assert sorted(created) == sorted(deleted), describe(effects)
    assert len(set(created)) == len(created) == 2, describe(effects)


def undone_in_reverse(effects: list[dict[str, Any]]) -> None:
    assert records(effects, "delete") == list(reversed(records(effects, "create"))), describe(effects)


def records(effects: list[dict[str, Any]], operation: str) -> list[str]:
    return [effect["record"] for effect in effects if effect["operation"] == operation]


def count(effects: list[dict[str, Any]], operation: str) -> int:
    return len(records(effects, operation))


def renamings(effects: list[dict[str, Any]]) -> list[str]:
    """The last word of each name that a customer got by an update; other updates are the other side of a link."""
    updates = [effect.get("fields") or {} for effect in effects if effect["operation"] == "update"]
    return [fields["Name"].split()[-1] for fields in updates if "Name" in fields]


def describe(effects: list[dict[str, Any]]) -> str:
    return "\n".join(f"{e['seq']} {e['operation']} {e['table']} {e['record']} {e.get('fields')}" for e in effects)

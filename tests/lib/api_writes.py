"""Writes that an API server has answered, by its own count."""

from __future__ import annotations

from collections import Counter

VERBS = {"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}


def writes(metrics: str) -> Counter[str]:
    """`verb resource[/subresource]` and how often, from the text of /metrics; without leases and what the server does for itself."""
    counted: Counter[str] = Counter()
    for line in metrics.splitlines():
        if not line.startswith("apiserver_request_total{"):
            continue
        labels = dict(part.split("=", 1) for part in line[line.index("{") + 1 : line.index("}")].replace('"', "").split(","))
        if labels["verb"] in VERBS and labels["resource"] not in {"leases", "apiservices"}:
            target = "/".join(part for part in (labels["resource"], labels["subresource"]) if part)
            counted[f"{labels['verb']} {target}"] += int(float(line.rsplit(" ", 1)[1]))
    return counted

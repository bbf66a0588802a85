"""Schema as code through gateways that the operator deployed: one declares and creates, another one, which only looks, agrees."""

from __future__ import annotations

import json

from node import Shelf, base, secret, wait_until
from test_troubles import strict_simulator

TABLES = [
    {"name": "Fleet", "description": "What drives", "fields": [
        {"name": "Plate", "type": "singleLineText"},
        {"name": "Bought", "type": "date"},
        {"name": "Trips", "type": "multipleRecordLinks", "linkedTable": "Trips", "inverseField": "Vehicle"},
    ]},
    {"name": "Trips", "fields": [
        {"name": "Trip", "type": "singleLineText"},
        {"name": "Vehicle", "type": "multipleRecordLinks", "linkedTable": "Fleet"},
    ]},
]


def test_tables_are_created_through_the_deployed_gateway(shelf: Shelf) -> None:
    url = strict_simulator(shelf, "pat")
    shelf.apply(secret("token", "pat"), base("observer", endpoint=url, schema={"policy": "Observe", "tables": TABLES}))
    await_schema(shelf, "observer", "SchemaDrift")
    missing = {entry["table"] for entry in shelf.get("airtablebases", "observer")["status"]["drift"]}
    assert missing == {"Fleet", "Trips"}

    shelf.apply(base("creator", endpoint=url, schema={"policy": "Create", "tables": TABLES}))
    await_schema(shelf, "creator", "SchemaMatches")
    await_schema(shelf, "observer", "SchemaMatches")
    assert not shelf.get("airtablebases", "observer")["status"].get("drift")


def await_schema(shelf: Shelf, name: str, reason: str) -> None:
    """An observer looks again once a minute."""

    def holds() -> bool:
        return shelf.condition("airtablebases", name, "SchemaMatches").get("reason") == reason

    wait_until(holds, lambda: json.dumps(shelf.get("airtablebases", name).get("status"), indent=1), 120)

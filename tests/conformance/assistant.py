"""Somebody who works on a base through an MCP server for Airtable that others publish."""

import json
import os
import subprocess
from pathlib import Path

from target import BASE

FOLDER = Path(__file__).parent / "mcp"


class Refused(Exception):
    """What the server said instead of a result."""


class Assistant:
    """Starts on construction; `said` is each result since it was emptied."""

    def __init__(self, url: str, key: str) -> None:
        setting = os.environ | {"AIRTABLE_ENDPOINT_URL": url, "AIRTABLE_API_KEY": key}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(["node", "client.js"], cwd=FOLDER, env=setting, stdin=pipe, stdout=pipe, text=True)
        self.said: list[dict] = []
        self.tools = {tool["name"] for tool in self.hear()}

    def call(self, tool: str, **arguments: object) -> dict:
        """The structured result of a tool for the base."""
        self.process.stdin.write(json.dumps({"name": tool, "arguments": {"baseId": BASE} | arguments}) + "\n")
        self.process.stdin.flush()
        result = self.hear()
        self.said.append(result)
        if result.get("isError"):
            raise Refused(result["content"][0]["text"])
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]

    def hear(self) -> object:
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()

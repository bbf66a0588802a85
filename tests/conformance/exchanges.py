"""What was said over HTTP, with ids and times replaced, so that two targets can be compared."""

import json
import re
from urllib.parse import unquote_plus

import requests

MADE = re.compile(r"\b(?:rec|itr|tbl|fld|viw|sel|app|com|att|ach)[A-Za-z0-9]{14}\b")
# Ports differ from run to run, and so do the signatures behind them.
HERE = re.compile(r"http://127\.0\.0\.1:\d+(?:/attachments/[^\"\s]+)?")
# Opaque: which record it names is the business of who gave it.
OFFSET = re.compile(r"\bitr[A-Za-z0-9]{14}/rec[A-Za-z0-9]{14}\b")
SECRET = re.compile(r'(?<="macSecretBase64": ")[^"]+')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


class Names:
    """Gives each id a name by the order in which it appears."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def plain(self, text: str) -> str:
        for what, found in {"OFFSET": OFFSET, "SECRET": SECRET, "HERE": HERE, "TIME": TIME}.items():
            text = found.sub(what, text)
        return MADE.sub(lambda found: self.name(found[0]), text)

    def name(self, id: str) -> str:
        return self.known.setdefault(id, f"{id[:3]}#{len(self.known)}")


class Exchanges:
    """Records every request of a session with its answer."""

    def __init__(self, session: requests.Session) -> None:
        self.names = Names()
        self.plain: list[str] = []
        self.statuses: list[int] = []
        session.hooks["response"].append(self.record)

    def record(self, answer: requests.Response, **_: object) -> None:
        asked = answer.request
        body = asked.body.decode() if isinstance(asked.body, bytes) else asked.body or ""
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        said = f"{answer.status_code} {kind} {ordered(answer.text)}"
        self.statuses.append(answer.status_code)
        self.plain.append(self.names.plain(f"{asked.method} {unquote_plus(asked.path_url)} {body} -> {said}"))


def ordered(text: str) -> str:
    """JSON without its accidental whitespace; the order of keys stays, for clients show it."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text

"""A client whose host name can't be changed: DNS leads it to the gateway, which shows a certificate for that name."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyairtable
import pytest
import requests
import urllib3.util.connection
from service import Service, free_port
from target import BASE, TOKEN, start_simulator


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority (`ca.crt`) and, signed by it, `tls.crt` and `tls.key` for Airtable's name."""
    folder = tmp_path_factory.mktemp("authority")
    openssl = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)  # noqa: E731
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
    openssl("req", "-x509", *new, "-subj", "/CN=authority of the tests", "-keyout", "ca.key", "-out", "ca.crt")
    name = ["-subj", "/CN=gateway", "-addext", "subjectAltName=DNS:api.airtable.com,DNS:content.airtable.com"]
    openssl("req", "-x509", *new, *name, "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "tls.key", "-out", "tls.crt")
    return folder


@pytest.fixture(scope="module")
def port(program: Path, authority: Path) -> Iterator[int]:
    """Where a gateway serves TLS."""
    key, token, port = authority / "key", authority / "token", free_port()
    key.write_text("client-key\n")
    token.write_text(TOKEN + "\n")
    simulator = start_simulator(program, authority, "airtable")
    upstream = [f"--upstream={simulator.url}", f"--base={BASE}", f"--token-file={token}", f"--client-key-file={key}"]
    tls = [f"--tls-listen=127.0.0.1:{port}", f"--tls-cert-file={authority / 'tls.crt'}", f"--tls-key-file={authority / 'tls.key'}"]
    try:
        gateway = Service(program, "gateway", authority, *upstream, *tls)
        try:
            yield port
        finally:
            gateway.stop()
    finally:
        simulator.stop()


@contextmanager
def dns_leads_to(port: int) -> Iterator[None]:
    """As an entry for Airtable's name in the cluster's DNS and a Service on port 443 do."""
    real = urllib3.util.connection.create_connection

    def create_connection(address: tuple[str, int], *rest: object, **options: object) -> socket.socket:
        assert address[1] == 443
        return real(("127.0.0.1", port), *rest, **options)

    urllib3.util.connection.create_connection = create_connection
    try:
        yield
    finally:
        urllib3.util.connection.create_connection = real


def test_a_client_with_airtables_own_url_is_served_by_the_gateway(port: int, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority / "ca.crt"))
    api = pyairtable.Api("client-key", retry_strategy=None, timeout=(5, 60))
    assert api.endpoint_url.startswith("https://api.airtable.com")
    with dns_leads_to(port):
        table = api.table(BASE, "Everything")
        created = table.create({"text": "over TLS"})
        assert table.get(created["id"])["fields"]["text"] == "over TLS"
        table.delete(created["id"])


def test_a_client_that_does_not_trust_the_authority_does_not_talk(port: int) -> None:
    api = pyairtable.Api("client-key", retry_strategy=None, timeout=(5, 60))
    with dns_leads_to(port), pytest.raises(requests.exceptions.SSLError):
        api.table(BASE, "Everything").all()

"""The Kubernetes API over plain HTTP: its answers as they are, without kubectl's own checks."""

import base64
import itertools
import tempfile
import time
from pathlib import Path

import requests
import yaml

Manifest = dict


def documents(file: Path) -> list[Manifest]:
    """The manifests of a file, in order."""
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


class Api:
    """One API server, reached with the certificate of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server = cluster["server"]
        self.folder = tempfile.TemporaryDirectory()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = self._file(cluster, "certificate-authority")
        self.session.cert = (self._file(user, "client-certificate"), self._file(user, "client-key"))
        self.numbers = itertools.count(1)

    def _file(self, entry: dict[str, str], key: str) -> str:
        if key in entry:
            return entry[key]
        file = Path(self.folder.name) / key
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(entry[f"{key}-data"]))
        return str(file)

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        return self.session.request(method, self.server + path, timeout=30, **options)

    def new_namespace(self) -> str:
        name = f"test-{next(self.numbers)}"
        self.call("POST", "/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
        return name

    def apply(self, manifest: Manifest, namespace: str) -> requests.Response:
        """Applies as GitOps tools do, strictly; a manifest with `status` goes to the status subresource.

        One with `generateName` is created, as it has to be.
        """
        version, metadata = manifest["apiVersion"], manifest["metadata"]
        prefix = "/api/v1" if version == "v1" else f"/apis/{version}"
        kind = manifest["kind"].lower()
        path = f"{prefix}/namespaces/{namespace}/{kind}{'es' if kind.endswith('s') else 's'}"
        manifest = manifest | {"metadata": metadata | {"namespace": namespace}}
        if "name" not in metadata:
            return self.call("POST", path, params={"fieldValidation": "Strict"}, json=manifest)
        return self.call(
            "PATCH",
            f"{path}/{metadata['name']}" + ("/status" if "status" in manifest else ""),
            params={"fieldManager": "test", "fieldValidation": "Strict", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            data=yaml.safe_dump(manifest),
        )

    def define(self, file: Path) -> None:
        """Installs a definition and waits until its kind is served."""
        (definition,) = documents(file)
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        answer = self.call("POST", path, params={"fieldValidation": "Strict"}, json=definition)
        assert answer.status_code == 201, answer.text
        spec = definition["spec"]
        kind = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        until = time.monotonic() + 30
        while self.call("GET", kind).status_code != 200:
            assert time.monotonic() < until, f"{file.name} is not served after 30 seconds"
            time.sleep(0.05)

"""A server of MedMNIST files on this machine, with one small set."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from tests.sources.small import medmnist_bytes
from voisin.sources import medmnist
from voisin.sources.medmnist import MedMNISTSet


@pytest.fixture
def medmnist_server(monkeypatch, tmp_path):
    """Serves ``breastmnist.npz`` and its sizes; `asked` lists the paths that were fetched."""
    content = medmnist_bytes()
    server = SimpleNamespace(asked=[], content=content, cache=tmp_path / "cache")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            exists = self.path.startswith("/breastmnist")
            self.send_response(200 if exists else 404)
            self.send_header("Content-Length", str(len(server.content) if exists else 0))
            self.end_headers()
            if exists:
                self.wfile.write(server.content)

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    server.md5 = hashlib.md5(content).hexdigest()
    known = {
        name: MedMNISTSet(name, ("malignant", "benign"), dict.fromkeys((28, 64), server.md5))
        for name in ("breastmnist", "bloodmnist")
    }
    monkeypatch.setattr(medmnist, "read_sets", lambda: known)
    monkeypatch.setenv("VOISIN_MEDMNIST_URL", server.url)
    monkeypatch.setenv("VOISIN_CACHE", str(server.cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    http.shutdown()
    http.server_close()
    thread.join()

"""Downloads, from a server in this process: whole, resumed, limited, and the same file ever after."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import caffe_files
import dgnam_models
import pytest
from dgnam_models import CardError, Generator
from dgnam_models.commands import main
from dgnam_models.fetch import fetch
from dgnam_models.importers import published
from dgnam_models.importers.published import Published


@dataclass
class Site:
    """What the server has, how it behaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    stop_after: int | None = None  # bytes, once
    ranges: bool = True
    says_length: bool = True


@pytest.fixture
def site() -> Iterator[Site]:
    told = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            told.asked.append((self.path, wanted))
            content = told.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and told.ranges else 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206 if start else 200)
            if told.says_length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end, told.stop_after = told.stop_after, None
            self.wfile.write(content[start : None if end is None else start + end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


CONTENT = bytes(range(256)) * 5000  # 1.28 MB


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once_and_its_digest_recorded(site: Site, tmp_path: Path) -> None:
    site.files["/net.bin"] = CONTENT
    told = list[str]()
    for _ in range(2):
        path = fetch(f"{site.address}/net.bin", tmp_path, 2, told.append)
        assert path.read_bytes() == CONTENT
    assert site.asked == [("/net.bin", None)] and names(tmp_path) == ["net.bin", "net.bin.sha256"]
    assert told[-1].endswith(hashlib.sha256(CONTENT).hexdigest())
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(CardError, match="its SHA-256 is .* says .* Delete that file only if you know why"):
        fetch(f"{site.address}/net.bin", tmp_path, 2)


def test_another_file_under_the_address_is_refused(site: Site, tmp_path: Path) -> None:
    site.files["/net.bin"] = CONTENT
    fetch(f"{site.address}/net.bin", tmp_path, 2).unlink()
    site.files["/net.bin"] = CONTENT[::-1]
    with pytest.raises(CardError, match="net.bin: its SHA-256 is "):
        fetch(f"{site.address}/net.bin", tmp_path, 2)
    assert names(tmp_path) == ["net.bin.sha256"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_stopped_download_goes_on(ranges: bool, site: Site, tmp_path: Path) -> None:
    site.files["/net.bin"], site.stop_after, site.ranges = CONTENT, 700_000, ranges
    with pytest.raises(CardError, match="cannot be fetched: .*what has come so far is kept, so try again"):
        fetch(f"{site.address}/net.bin", tmp_path, 2)
    assert names(tmp_path) == [".net.bin.part"]
    assert fetch(f"{site.address}/net.bin", tmp_path, 2).read_bytes() == CONTENT
    assert site.asked[1] == ("/net.bin", "bytes=700000-")


def test_one_that_was_stopped_at_its_last_byte_is_whole(site: Site, tmp_path: Path) -> None:
    site.files["/net.bin"] = CONTENT
    (tmp_path / ".net.bin.part").write_bytes(CONTENT)
    assert fetch(f"{site.address}/net.bin", tmp_path, 2).read_bytes() == CONTENT
    (tmp_path / "net.bin").rename(tmp_path / ".net.bin.part")
    (tmp_path / ".net.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{site.address}/net.bin", tmp_path, 2).read_bytes() == CONTENT


@pytest.mark.parametrize("says_length", [True, False])
def test_no_more_is_taken_than_may_be(says_length: bool, site: Site, tmp_path: Path) -> None:
    site.files["/net.bin"], site.says_length = CONTENT, says_length
    with pytest.raises(CardError, match="it has 1 MB or more; at most 1 MB are taken"):
        fetch(f"{site.address}/net.bin", tmp_path, 1)
    assert not names(tmp_path)


def test_what_cannot_be_had_is_said(site: Site, tmp_path: Path) -> None:
    with pytest.raises(CardError, match="404"):
        fetch(f"{site.address}/nothing", tmp_path, 1)
    with pytest.raises(CardError, match="is not an http or https address"):
        fetch("file:///etc/passwd", tmp_path, 1)
    assert main(["import", "caffe", "--fetch", "nobody", "--into", str(tmp_path)]) == 2


def test_the_command_fetches_without_importing(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.files |= {"/deploy.prototxt": b"layers", "/net.caffemodel": CONTENT}
    entry = Published(f"{site.address}/deploy.prototxt", f"{site.address}/net.caffemodel", 2)
    monkeypatch.setitem(published.PUBLISHED, "caffenet", entry)
    assert main(["fetch", "caffenet", "--cache", str(tmp_path)]) == 0
    weights = tmp_path / "caffenet" / "net.caffemodel"
    assert weights.read_bytes() == CONTENT
    assert f"caffenet: {weights}\n" in capsys.readouterr().out
    assert main(["fetch", "nobody", "--cache", str(tmp_path)]) == 2
    assert "no address is known for 'nobody'; there are caffenet" in capsys.readouterr().err


def test_published_networks_import_by_name(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier's two files, then a generator's in a zip with its bounds elsewhere: all that the command needs is in the table."""
    prototxt, weights = caffe_files.caffenet(side=67).write(tmp_path)
    site.files |= {"/deploy.prototxt": prototxt.read_bytes(), "/net.caffemodel": weights.read_bytes(), "/fc6.txt": b"12 " * 20}
    prototxt, weights = caffe_files.upconv(code=(20,), seed_side=9).write(tmp_path)
    with ZipFile(tmp_path / "release.zip", "w") as archive:
        archive.write(prototxt, "fc6/generator.prototxt")
        archive.write(weights, "fc6/generator.caffemodel")
    site.files["/release.zip"] = (tmp_path / "release.zip").read_bytes()
    a, inside = site.address, f"{site.address}/release.zip#fc6/generator"
    monkeypatch.setitem(published.PUBLISHED, "caffenet", Published(f"{a}/deploy.prototxt", f"{a}/net.caffemodel", 2))
    prior = Published(f"{inside}.prototxt", f"{inside}.caffemodel", 2, encoder="caffenet", tap="relu6", bounds=f"{a}/fc6.txt")
    monkeypatch.setitem(published.PUBLISHED, "upconv-fc6", prior)
    monkeypatch.setenv("DGNAM_CACHE", str(tmp_path / "cache"))
    for name in ("caffenet", "upconv-fc6"):
        assert main(["import", "caffe", "--fetch", name, "--into", str(tmp_path / "pack")]) == 0
    drawer = dgnam_models.load("upconv-fc6", packs=[tmp_path / "pack"])
    assert isinstance(drawer, Generator) and drawer.card.code is not None
    assert drawer.card.code.encoder == "caffenet" and drawer.code_std[0] == 4
    assert [path for path, _ in site.asked].count("/release.zip") == 1

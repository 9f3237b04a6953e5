"""Settings are checked wherever they are made."""

import os
from pathlib import Path
from typing import Any

import pytest
from dgnam_server.settings import MOST_STEPS, Settings, SettingsError
from dgnam_server.synth.methods import METHODS


def faults(**values: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    return str(caught.value).splitlines()


def test_defaults() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.max_start_image_pixels, settings.exposed) == ("127.0.0.1", 7433, 16_000_000, False)
    assert settings.max_steps == MOST_STEPS == max(method.option("steps").maximum for method in METHODS.values())


def test_only_keywords_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DGNAM_PORT", "1")
    assert Settings().port == 7433


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"max_batch_rows": 0}, "max_batch_rows: 0 is not between 1 and 4096"),
        ({"max_batch_rows": "4097"}, "max_batch_rows: 4097 is not between 1 and 4096"),
        ({"max_start_image_pixels": 80_000_001}, "max_start_image_pixels: 80000001 is not between 256 and 80000000"),
        ({"max_memory_mib": "much"}, "max_memory_mib: 'much' is not a whole number between 64 and 1073741824"),
        ({"queue_timeout_s": 0}, "queue_timeout_s: 0 is not between 0.001 and 604800"),
        ({"batch_rows": 2.5}, "batch_rows: 2.5 is not a whole number between 1 and 4096"),
        ({"threads": "many"}, "threads: 'many' is not a whole number between 0 and 1024"),
        ({"max_steps": 2.5}, "max_steps: 2.5 is not a whole number between 1 and 2000"),
        ({"port": True}, "port: True is not a whole number between 0 and 65535"),
        ({"port": None}, "port: None is not a whole number between 0 and 65535"),
        ({"drain_timeout_s": float("nan")}, "drain_timeout_s: nan is not between 0 and 3600"),
        ({"drain_timeout_s": "soon"}, "drain_timeout_s: 'soon' is not a number between 0 and 3600"),
        ({"precision": "float16"}, "precision: 'float16' is not auto, float32 or bfloat16"),
        ({"log_level": "loud"}, "log_level: 'loud' is not debug, info, warning or error"),
        ({"device": "CUDA 1"}, "device: 'CUDA 1' is not auto or a device as PyTorch names it: cpu, cuda, cuda:1, mps, ..."),
        ({"host": ""}, "host: it is empty"),
        ({"default_prior": 3}, "default_prior: 3 is not text"),
        ({"models": "/none/here"}, "models: /none/here is not a folder"),
        ({"models": 3}, "models: 3 is not a list of folders"),
        ({"only": ["a", ""]}, "only: ['a', ''] is not a list of names"),
        ({"only": "a,,b"}, "only: 'a,,b' is not a list of names"),
        ({"metrics_port": 70_000}, "metrics_port: 70000 is not between 0 and 65535"),
        ({"web": -1}, "web: -1 is not between 0 and 65535"),
        ({"web_token_file": "/none"}, "web_token_file: /none cannot be read: No such file or directory"),
        ({"log_format": "xml"}, "log_format: 'xml' is not text or json"),
        ({"traces_endpoint": "localhost:4318"}, "traces_endpoint: 'localhost:4318' is not an address that begins with http:// or https://"),
        ({"models": [".", ""]}, "models: ['.', ''] is not a list of folders"),
        ({"port_file": "/none/port"}, "port_file: the folder of /none/port does not exist"),
        ({"port_file": "."}, "port_file: . is a folder, not a file"),
        ({"token_file": "/none"}, "token_file: /none cannot be read: No such file or directory"),
        ({"token_file": True}, "token_file: True is not a path"),
        ({"jobs": "mysql://host/dgnam", "job_pictures": "a"}, "jobs: mysql is not supported: use sqlite or postgresql"),
        ({"jobs": "postgresql://host/dgnam"}, "jobs: it needs job_pictures, which is not set"),
        ({"job_lease_s": 0}, "job_lease_s: 0 is not between 1 and 3600"),
        ({"max_batch_row": 3}, "max_batch_row: no such setting; did you mean max_batch_rows?"),
        ({"colour": 3}, "colour: no such setting"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(values: dict[str, Any], says: str) -> None:
    assert faults(**values) == [says]


def test_all_faults_at_once(tmp_path: Path) -> None:
    told = faults(max_steps=0, max_stpes=3, tls_cert=tmp_path)
    assert told == [
        "max_steps: 0 is not between 1 and 2000",
        f"tls_cert: {tmp_path} is not a file",
        "max_stpes: no such setting; did you mean max_steps?",
        "tls_cert: it needs tls_key, which is not set",
    ]


def test_a_gallery_that_others_reach_wants_a_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    told = "web_host: other machines can reach the gallery there: it needs web_token_file, which is not set"
    assert faults(web=8080, web_host="0.0.0.0") == [told]
    assert Settings(web=8080, web_host="0.0.0.0", web_token_file=tmp_path / "token").web == 8080
    assert Settings(web=8080, web_host="::1").web == Settings(web=8080).web == 8080
    tls = {"tls_cert": tmp_path / "token", "tls_key": tmp_path / "token"}
    assert faults(web=8080, **tls) == [
        "web: the gallery beside a server calls it without TLS; with tls_cert start `dgnam gallery` by itself"
    ]


@pytest.mark.parametrize("device", ["auto", "cpu", "cpu:0", "cuda", "cuda:1", "mps", "xpu:0"])
def test_devices_are_named_as_pytorch_names_them(device: str) -> None:
    assert Settings(device=device).device == device


def test_folders_of_models(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    for given in ((one, two), [str(one), two], f"{one}{os.pathsep}{two}"):
        assert Settings(models=given).models == (one, two)
    assert Settings(models=one).models == (one,)


def test_certificates_belong_together(tmp_path: Path) -> None:
    path = tmp_path / "some.pem"
    path.touch()
    assert faults(tls_client_ca=path) == ["tls_client_ca: it needs tls_cert, which is not set"]
    assert faults(tls_key=path) == ["tls_key: it needs tls_cert, which is not set"]
    assert Settings(tls_cert=path, tls_key=path, tls_client_ca=path).tls_key == path


def test_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    assert Settings(token="s3cret").tokens == Settings(token_file=path).tokens == ("s3cret",)
    assert Settings().tokens == ()
    for settings in (Settings(token="s3cret"), Settings(token_file=path)):
        assert "s3cret" not in repr(settings) + str(settings)
    assert faults(token_file=path, token="x") == ["token_file: token (DGNAM_TOKEN) is set too; set only one of them"]
    assert faults(token="s3\ncret") == ["token: it must be printable ASCII characters, at least one"]
    for wrong in ("", "s3cr\u00e9t", "good\n\ts3\x00"):
        assert faults(token=wrong) == ["token: it must be printable ASCII characters, at least one"]
        path.write_text(wrong, encoding="utf-8")
        told = f"token_file: {path} does not hold tokens, one a line: printable ASCII characters, at least one"
        assert faults(token_file=path) == [told]


def test_a_token_for_each_client(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("anns\n\n  bobs  \n")
    settings = Settings(token_file=path)
    assert settings.tokens == ("anns", "bobs")
    assert "anns" not in repr(settings) + str(settings)


def test_a_changed_copy_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    changed = Settings(port=1, token_file=path).model_copy(update={"threads": 2})
    assert (changed.port, changed.threads, changed.tokens) == (1, 2, ("s3cret",))
    with pytest.raises(SettingsError, match="max_batch_rows: 0 is not"):
        changed.model_copy(update={"max_batch_rows": 0})


@pytest.mark.parametrize(
    ("host", "exposed"),
    [("127.0.0.1", False), ("::1", False), ("[::1]", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("a.b", True)],
)
def test_exposed(host: str, exposed: bool) -> None:
    assert Settings(host=host).exposed is exposed


def test_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Settings().state_folder == tmp_path / "dgnam"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().state_folder == tmp_path / ".local" / "state" / "dgnam"
    assert Settings(state_dir=tmp_path / "new").state_folder == tmp_path / "new"
    (tmp_path / "file").touch()
    assert faults(state_dir=tmp_path / "file") == [f"state_dir: {tmp_path / 'file'} is a file, not a folder"]

"""Where settings come from, which wins, and that everything wrong is told at once."""

import os
from dataclasses import fields
from pathlib import Path

import pytest
from dgnam_server.__main__ import main
from dgnam_server.config import Config, ConfigError, load


def problems(arguments: list[str], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(arguments, environment or {})
    return list(caught.value.problems)


def test_defaults() -> None:
    config = load([], {})
    assert config == Config()
    assert (config.host, config.port, config.max_start_image_pixels, config.exposed) == ("127.0.0.1", 7433, 16_000_000, False)


def test_the_later_source_wins(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('port = 1\nmax_steps = 1\nthreads = 1\nmodels = ["."]\ndrain_timeout_s = 2\n')
    config = load(["--config", str(path), "--port", "3"], {"DGNAM_PORT": "2", "DGNAM_THREADS": "2", "DGNAM_DEVICE": ""})
    assert (config.port, config.threads, config.max_steps, config.device) == (3, 2, 1, "auto")
    assert (config.models, config.drain_timeout_s) == ((Path(),), 2.0)
    assert load([], {"DGNAM_CONFIG": str(path)}).port == 1


def test_lists(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert load(["--models", str(one), str(two)], {}).models == (one, two)
    assert load(["--models", str(one), "--models", str(two)], {}).models == (one, two)
    assert load([], {"DGNAM_MODELS": f"{one}{os.pathsep}{two}"}).models == (one, two)


def test_every_setting_has_a_flag_in_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--help"], {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for setting in fields(Config):
        assert ("--" + setting.name.replace("_", "-") + " " in text) == (setting.name != "token")


def test_all_problems_at_once(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('prot = 1\nthreads = "many"\nport = true\ntoken = "x"\ndrain_timeout_s = nan\nmodels = "/none/here"\n')
    told = problems(
        ["--config", str(path), "--max-steps", "0", "--devise", "cpu", "--tls-cert", str(tmp_path), "--port-file", "/none/port"],
        {"DGNAM_PRECISION": "float16"},
    )
    for part in (
        "prot in",
        "did you mean port?",
        "threads = 'many'",
        "port = True",
        "token_file or set DGNAM_TOKEN",
        "drain_timeout_s = nan",
        "max_steps = '0' as a flag",
        "did you mean --device?",
        "precision = 'float16' in the environment: it must be one of auto, float32, bfloat16",
        "tls_cert and tls_key belong together",
        "is not a file",
        "/none/here is not a folder",
        "the folder of /none/port does not exist",
    ):
        assert any(part in problem for problem in told), part


@pytest.mark.parametrize(
    ("text", "says"), [(None, "cannot be read"), ("port = ", "not a TOML file"), ("[limits]\n", "unknown setting limits")]
)
def test_bad_file(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "server.toml"
    if text is not None:
        path.write_text(text)
    assert says in problems(["--config", str(path)])[0]


def test_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    assert load(["--token-file", str(path)], {}).token == "s3cret"
    config = load([], {"DGNAM_TOKEN": "s3cret"})
    assert config.token == "s3cret"
    assert "s3cret" not in repr(config)
    assert "both token_file and DGNAM_TOKEN" in problems(["--token-file", str(path)], {"DGNAM_TOKEN": "x"})[0]
    path.write_text(" \n")
    assert "printable ASCII" in problems(["--token-file", str(path)])[0]
    assert "cannot be read" in problems(["--token-file", str(tmp_path / "none")])[0]
    assert "s3cr\u00e9t" not in problems([], {"DGNAM_TOKEN": "s3cr\u00e9t"})[0]


def test_client_authority_needs_a_certificate(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.touch()
    assert problems(["--tls-client-ca", str(path)]) == ["tls_client_ca needs tls_cert and tls_key"]


@pytest.mark.parametrize(
    ("host", "exposed"),
    [("127.0.0.1", False), ("::1", False), ("[::1]", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("a.b", True)],
)
def test_exposed(host: str, exposed: bool) -> None:
    assert Config(host=host).exposed is exposed


def test_main_tells_all_problems_without_a_trace(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DGNAM_")]:
        monkeypatch.delenv(name)
    assert main(["--port", "x", "--threads", "-1"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all(line.startswith("dgnam-server: ") for line in told)

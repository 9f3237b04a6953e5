"""Where a program's settings come from, which source wins, and that everything wrong is told at once."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from dgnam_server.settings import Settings, SettingsError
from dgnam_server.sources import load


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("DGNAM_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def faults(arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (variables or {}).items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load(arguments)
    return str(caught.value).splitlines()


def test_the_later_source_wins(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    assert load([]) == Settings()
    path = tmp_path / "server.toml"
    path.write_text('port = 1\nmax_steps = 1\nthreads = 1\nmodels = ["."]\ndrain_timeout_s = 2\n')
    for name, value in (("PORT", "2"), ("THREADS", "2"), ("DEVICE", ""), ("UNKNOWN", "")):
        environment.setenv(f"DGNAM_{name}", value)
    settings = load(["--config", str(path), "--port", "3"])
    assert (settings.port, settings.threads, settings.max_steps, settings.device) == (3, 2, 1, "auto")
    assert (settings.models, settings.drain_timeout_s) == ((Path(),), 2.0)
    environment.setenv("DGNAM_CONFIG", str(path))
    assert load([]).max_steps == 1


def test_lists(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    for flag in ("--models", "--indices"):
        name = flag[2:]
        assert getattr(load([flag, str(one), str(two)]), name) == (one, two)
        assert getattr(load([flag, str(one), f"{flag}={two}"]), name) == (one, two)
    environment.setenv("DGNAM_MODELS", f"{one}{os.pathsep}{two}")
    environment.setenv("DGNAM_INDICES", f"{two}{os.pathsep}{one}")
    assert (load([]).models, load([]).indices) == ((one, two), (two, one))
    assert load(["--only", "a", "b", "--only=c,d"]).only == ("a", "b", "c", "d")
    environment.setenv("DGNAM_ONLY", "a, b")
    assert load([]).only == ("a", "b")


def test_the_flag_for_ray_may_stand_alone() -> None:
    assert load(["--ray"]).ray == load(["--ray", "--replicas", "2"]).ray == "local"
    assert load(["--port", "0", "--ray", "10.0.0.1:6379"]).ray == "10.0.0.1:6379"
    assert faults(["--replicas", "2"]) == ["replicas: it needs ray, which is not set (flag --replicas)"]


def test_help_has_every_flag_its_range_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, setting in Settings.model_fields.items():
        assert (f"--{name.replace('_', '-')} " in text) == (name != "token")
        assert name == "token" or str(setting.description) in text
    assert "most rows that share a batch, but for those of other clients that join (default: 64; 1 to 4096)" in text
    assert "--precision auto|float32|bfloat16" in text and "DGNAM_CONFIG" in text


def test_all_faults_of_all_sources_at_once(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('prot = 1\nthreads = "many"\ntoken = "s3cret"\nmodels = "/none/here"\n[limits]\n')
    arguments = ["--config", str(path), "--max-steps", "0", "--devise", "cpu", "--max_terms=3", "--token", "s3cret", "stray"]
    variables = {"DGNAM_MAX_BATCH_ROWS": "0", "DGNAM_MAX_STPES": "3", "DGNAM_TLS_CERT": str(path)}
    assert sorted(faults(arguments, variables)) == sorted(
        [
            f"prot: no such setting; did you mean port? (file {path})",
            f"limits: no such setting (file {path})",
            f"threads: 'many' is not a whole number between 0 and 1024 (file {path})",
            f"token: others can read it there; set DGNAM_TOKEN or token_file (file {path})",
            f"models: /none/here is not a folder (file {path})",
            "max_batch_rows: 0 is not between 1 and 4096 (environment DGNAM_MAX_BATCH_ROWS)",
            "max_stpes: no such setting; did you mean max_steps? (environment DGNAM_MAX_STPES)",
            "tls_cert: it needs tls_key, which is not set (environment DGNAM_TLS_CERT)",
            "max_steps: 0 is not between 1 and 2000 (flag --max-steps)",
            "--devise: no such flag; did you mean --device?",
            "--max_terms: no such flag; did you mean --max-terms?",
            "token: others can read it there; set DGNAM_TOKEN or token_file (flag --token)",
            "stray: it belongs to no flag",
        ]
    )
    assert faults(["--port"], {"DGNAM_PORT": "x"}) == [
        "port: 'x' is not a whole number between 0 and 65535 (environment DGNAM_PORT)",
        "--port: expected one argument",
    ]


def test_sources_are_contradicted_only_together(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.pem"
    path.write_text("s3cret")
    environment.setenv("DGNAM_TLS_CERT", str(path))
    assert load(["--tls-key", str(path)]).tls_cert == path
    environment.setenv("DGNAM_TOKEN", "s3cret")
    assert load(["--tls-key", str(path)]).token == "s3cret"
    told = faults(["--tls-key", str(path), "--token-file", str(path)])
    assert told == ["token_file: token (DGNAM_TOKEN) is set too; set only one of them (flag --token-file)"]


def test_a_token_is_never_shown() -> None:
    assert faults([], {"DGNAM_TOKEN": "s3cr\u00e9t"}) == [
        "token: it must be printable ASCII characters, at least one (environment DGNAM_TOKEN)"
    ]


def test_variables_of_the_other_packages_are_not_settings(environment: pytest.MonkeyPatch) -> None:
    for name in ("DGNAM_SERVER", "DGNAM_SERVER_PORT_7433_TCP_ADDR", "DGNAM_CACHE"):
        environment.setenv(name, "x")
    assert load([]) == Settings()
    assert faults([], {"DGNAM_SERVERS": "x"}) == ["servers: no such setting (environment DGNAM_SERVERS)"]


@pytest.mark.parametrize(("text", "says"), [(None, "cannot be read: No such file"), ("port = ", "is not a TOML file: "), ("\xff", "utf-8")])
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "server.toml"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    (told,) = faults(["--config", str(path)])
    assert told.startswith(f"config: {path} ") and says in told and told.endswith("(flag --config)")
    (told,) = faults([], {"DGNAM_CONFIG": str(path)})
    assert told.endswith("(environment DGNAM_CONFIG)")

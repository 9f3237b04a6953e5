"""What a server tells the gallery that it starts beside itself."""

from pathlib import Path

import pytest
from dgnam_server import gallery
from dgnam_server.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("host", "called"),
    [
        ("127.0.0.1", "127.0.0.1:7433"),
        ("0.0.0.0", "127.0.0.1:7433"),
        ("::", "[::1]:7433"),
        ("[::1]", "[::1]:7433"),
        ("192.168.0.9", "192.168.0.9:7433"),
        ("gpu-box", "gpu-box:7433"),
    ],
)
def test_how_it_reaches_the_server(host: str, called: str) -> None:
    command = gallery._command(Settings(host=host, web=8080), 7433)
    assert command[command.index("--server") + 1] == called


def test_no_token_is_among_its_arguments(tmp_path: Path) -> None:
    """Others could read it there."""
    (tmp_path / "page").write_text("page-s3cret")
    settings = Settings(web=8080, web_token_file=tmp_path / "page", token="s3cret", state_dir=tmp_path)
    command = gallery._command(settings, 7433)
    assert not any("s3cret" in word for word in command)
    assert command[command.index("--folder") + 1] == str(tmp_path / "gallery")


def test_without_its_packages_the_server_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "_NEEDED", ("dgnam_client", "no_such_package"))
    gallery.check(Settings())
    with pytest.raises(SettingsError, match=r'web: .*no_such_package is missing.*pip install "dgnam-server\[web\]"'):
        gallery.check(Settings(web=8080))

"""How a caller's own text is repeated, and which names are suggested."""

from dgnam_server.rpc.wording import listed, nearest, quoted


def test_names_in_messages() -> None:
    assert quoted("a\nb") == "'a\\nb'"
    assert len(quoted("x" * 10_000)) < 80
    assert nearest("FC8", ["fc8", "conv1"]) == "did you mean fc8?"
    assert nearest("zzz", ["fc8", "conv1"]) == "there are fc8, conv1"
    assert listed([str(i) for i in range(20)], 3) == "0, 1, 2 and 17 more"

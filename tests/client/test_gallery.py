from __future__ import annotations

from typing import Any

from dgnam_client import Client, Gallery, Picture

LEMON = "alexnet64:fc8:lemon"


def test_a_list_of_pictures_shows_them_with_captions(client: Client) -> None:
    outcomes: Any = client.synthesize_many([LEMON, "alexnet64:fc8:wrong", "alexnet64:fc8:<b>"])
    assert isinstance(outcomes, Gallery) and isinstance(outcomes, list) and repr(outcomes) == "<Gallery of 2 pictures and 1 errors>"
    shown = outcomes._repr_html_()
    assert shown.count('<img src="data:image/png;base64,') == 2
    assert "lemon" in shown and "activation 12.5" in shown and "dgn-am, seed 0" in shown and "no unit &#x27;wrong&#x27;" in shown
    assert "<b>" not in shown and "&lt;b&gt;" in shown
    assert isinstance(outcomes[:1], Gallery) and outcomes[0] is next(iter(outcomes))


def test_variants_and_codes_are_galleries_too(client: Client) -> None:
    variants: Any = client.synthesize(LEMON, variants=3)
    drawn: Any = client.draw([[0.0] * 5] * 2)
    assert isinstance(variants, Gallery) and isinstance(drawn, Gallery) and isinstance(drawn[0], Picture)
    assert Gallery([variants, drawn])._repr_html_().count("<img") == 5
    assert "and 5 more" in Gallery([drawn[0]] * 205)._repr_html_()

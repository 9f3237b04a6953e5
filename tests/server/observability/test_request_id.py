"""A call has its caller's id where that is fit for a log."""

import pytest
from dgnam_server.observability import request_id


@pytest.mark.parametrize("sent", ["a1", "0123456789abcdef", "trace.7_x-y"])
def test_a_fit_id_is_kept(sent: str) -> None:
    assert request_id.of_call([("user-agent", "x"), (request_id.KEY, sent)]) == sent


@pytest.mark.parametrize("sent", ["", "a b", "a\nERROR forged", "x" * 65, b"bytes"])
def test_others_are_replaced(sent: str | bytes) -> None:
    made = {request_id.of_call([(request_id.KEY, sent)]), request_id.of_call(None)}
    assert len(made) == 2 and sent not in made and all(len(one) == 16 for one in made)

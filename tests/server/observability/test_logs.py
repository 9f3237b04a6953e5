"""The log in both its forms."""

import io
import json
import logging
from collections.abc import Callable

import pytest
from dgnam_server.observability import logs, request_id

Write = Callable[[Callable[[logging.Logger], None]], str]


@pytest.fixture
def write(request: pytest.FixtureRequest) -> Write:
    """`write(do)`: what `do(logger)` logs, in the form that the test asks for."""

    def write(do: Callable[[logging.Logger], None]) -> str:
        stream, logger = io.StringIO(), logging.Logger("dgnam_server.test")
        logger.addHandler(logs.handler(request.param, stream))
        do(logger)
        return stream.getvalue()

    return write


def fail(logger: logging.Logger) -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("it failed: %s", "why", extra={"seconds": 1.5})


@pytest.mark.parametrize("write", ["json"], indirect=True)
def test_json_is_an_object_a_line(write: Write) -> None:
    line = write(fail)
    assert line.count("\n") == 1
    said = json.loads(line)
    assert said.items() >= {"level": "ERROR", "logger": "dgnam_server.test", "message": "it failed: why", "seconds": 1.5}.items()
    assert said["timestamp"].endswith("+00:00") and "ValueError: two" in said["exc_info"]
    assert "request_id" not in said


@pytest.mark.parametrize("write", ["text", "json"], indirect=True)
def test_lines_of_a_call_have_its_id(write: Write) -> None:
    token = request_id.CURRENT.set("ab12")
    try:
        line = write(lambda logger: logger.warning("slow"))
    finally:
        request_id.CURRENT.reset(token)
    assert json.loads(line)["request_id"] == "ab12" if line.startswith("{") else line.endswith(" WARNING slow [ab12]\n")


@pytest.mark.parametrize("write", ["text"], indirect=True)
def test_lines_of_no_call_have_none(write: Write) -> None:
    assert write(lambda logger: logger.info("started")).endswith(" INFO started\n")

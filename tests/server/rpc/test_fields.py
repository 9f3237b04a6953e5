"""The reader: paths, which kind of violation wins, and how values are shown."""

import numpy as np
import pytest
from dgnam_proto.v1.target_pb2 import Balance
from dgnam_server.catalog import Catalog
from dgnam_server.rpc.errors import FailedPrecondition, InvalidRequest, NotFound, Reason
from dgnam_server.rpc.fields import Reader, shown
from dgnam_server.settings import Settings


@pytest.fixture
def reader(tiny: Catalog) -> Reader:
    return Reader(tiny, Settings())


def test_the_gravest_kind_wins_and_tells_the_others(reader: Reader) -> None:
    reader.raise_any()
    reader.at("c").unmet(Reason.NO_ENCODER, "too small")
    reader.at("c").unmet(Reason.NO_ENCODER, "no encoder")
    with pytest.raises(FailedPrecondition, match=r"^c: too small; c: no encoder$") as unmet:
        reader.raise_any()
    assert unmet.value.reason is Reason.NO_ENCODER
    reader.at("b").missing("tap", "x", "no x")
    with pytest.raises(NotFound, match=r"^b: no x$"):
        reader.raise_any()
    reader.at("a").invalid("bad")
    with pytest.raises(InvalidRequest) as caught:
        reader.raise_any()
    assert [violation.field for violation in caught.value.violations] == ["a", "b", "c", "c"]


def test_paths(reader: Reader) -> None:
    assert reader.at("target").at("terms", 1).at("unit").path == "target.terms[1].unit"


def test_a_long_description_is_cut(reader: Reader) -> None:
    reader.at("a").invalid("x" * 10_000)
    assert len(reader.violations[0].description) == 500


@pytest.mark.parametrize(
    ("value", "text"),
    [(2**63 - 4, str(2**63 - 4)), (1e6, "1000000"), (0.999, "0.999"), (np.nan, "nan"), (-np.inf, "-inf"), (1e300, "1e+300")],
)
def test_numbers_in_messages(value: float, text: str) -> None:
    assert shown(value) == text


def test_an_unset_choice_is_none_and_an_unknown_one_a_violation(reader: Reader) -> None:
    at = reader.at("balance")
    assert at.choice(0, {1: "none"}, Balance) is None
    assert at.choice(1, {1: "none"}, Balance) == "none"
    assert not reader.violations
    assert at.choice(2, {1: "none"}, Balance) is None
    assert [str(violation) for violation in reader.violations] == ["balance: 2 is unknown; it may be BALANCE_NONE"]

"""The table of objectives; `test_ascent` reads terms of every kind off real networks."""

from dgnam_server.synth.objectives import OBJECTIVES
from dgnam_server.synth.spec import Readout


def test_every_readout_has_one_objective() -> None:
    assert [objective.readout for objective in OBJECTIVES.values()] == list(Readout)


def test_what_reads_probabilities_reads_no_maps() -> None:
    """They are of output units, which have none."""
    assert {objective.readout for objective in OBJECTIVES.values() if not objective.of_maps} == {
        Readout.PROBABILITY,
        Readout.LOG_PROBABILITY,
    }

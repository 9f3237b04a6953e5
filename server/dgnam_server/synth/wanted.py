"""What terms want of a whole tap, as vectors: given with the request, or made of what its pictures give the tap."""

from collections.abc import Sequence

import torch
from dgnam_models import Network
from torch import Tensor

from dgnam_server.synth import objectives
from dgnam_server.synth.objectives import Shown
from dgnam_server.synth.problem import Problem
from dgnam_server.synth.spec import Term, Unit


def vectors(problem: Problem, terms: Sequence[Term], seed: int, device: torch.device) -> Tensor:
    """What the terms of a row with this seed want, (1, T, L), filled up with zeros."""
    found = [_vector(problem, term, seed, device) for term in terms]
    return torch.nn.utils.rnn.pad_sequence(found, batch_first=True)[None]


def _vector(problem: Problem, term: Term, seed: int, device: torch.device) -> Tensor:
    if term.vector is not None:
        return torch.from_numpy(term.vector).to(device).flatten()
    if term.pictures is None:
        return torch.empty(0, device=device)
    wanted = objectives.OBJECTIVES[term.readout].wanted
    assert wanted is not None, f"{term.readout} wants nothing of pictures"
    network = next(network for network in problem.networks if network.name == term.unit.model)
    activation, relevance = _look(network, term, torch.from_numpy(term.pictures).permute(0, 3, 1, 2).to(device))
    return wanted(Shown(activation, term.unit.index, seed, relevance))


def _look(network: Network, term: Term, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
    """The pictures' activations at the term's tap, and each map's relevance to the unit that the term names. One picture at a time, so
    that many take no more memory than one."""
    if term.relevant_to is None:
        with torch.no_grad():
            looks = [network.activations(picture[None], [term.unit.tap])[term.unit.tap].float() for picture in pictures]
        return torch.cat(looks), None
    found = [_slope(network, term.unit.tap, term.relevant_to, picture[None]) for picture in pictures]
    activation, slope = (torch.cat(each) for each in zip(*found, strict=True))
    return activation, objectives.relevance(activation, slope)


def _slope(network: Network, tap: str, unit: Unit, picture: Tensor) -> tuple[Tensor, Tensor]:
    """The activations of a tap for a picture (1, 3, H, W), and the slope of a unit behind it by them."""
    with torch.enable_grad():
        seen = network.own_activations(picture.requires_grad_(), [tap, unit.tap])
        (slope,) = torch.autograd.grad(_unit(seen[unit.tap], unit), seen[tap])
    return seen[tap].detach().float(), slope.float()


def _unit(tap: Tensor, unit: Unit) -> Tensor:
    """A unit's activation, of a map without a position the mean."""
    found = tap[0, unit.index]
    return found.mean() if unit.position is None else found[unit.position]

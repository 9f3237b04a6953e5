from __future__ import annotations

from dataclasses import replace

import pytest
from dgnam_client import Method, Methods, Model
from dgnam_client._web.form import Choices, Problems, job_wish, wishes

from .conftest import target


def test_what_is_left_empty_is_left_to_the_server(methods: Methods, models: list[Model]) -> None:
    (wish,) = wishes(Choices.of(methods, models, {}, ["alexnet64"]), target(3), {"method": "dgn-am", "option.steps": "", "prior": ""}, None)
    sent = {name: value for name, value in wish.keywords.items() if value is not None}
    assert sent == {"method": "dgn-am", "prior": "fc6-prior", "seed": 0, "include": ["png", "history"], "preview_interval": 2}
    assert not wish.pixels and wish.steps == 50


def test_what_is_filled_in_is_asked_for(methods: Methods, models: list[Model]) -> None:
    fields = {"method": "dgn-am", "prior": "fc6-prior", "seed": "7", "count": "3", "option.steps": "24", "option.decay": "0"}
    choices = Choices.of(methods, models, {"method": "dgn-am", "prior": "fc6-prior"})
    asked = wishes(choices, target(3, 4), fields | {"readout": "probability", "balance": "none"}, b"photograph")
    assert [wish.seed for wish in asked] == [7, 8, 9]
    first = asked[0].keywords
    assert (first["steps"], first["decay"], first["prior"], first["start"]) == (24, 0, "fc6-prior", b"photograph")
    assert (first["readout"], first["balance"], first["preview_interval"]) == ("probability", "none", 1)


def test_a_method_of_pixels_has_no_prior(methods: Methods, models: list[Model]) -> None:
    (wish,) = wishes(Choices.of(methods, models, {"method": "pyramid"}), target(3), {"method": "pyramid", "prior": "fc6-prior"}, None)
    assert wish.pixels and "prior" not in wish.keywords


def test_every_problem_is_told_at_once(methods: Methods, models: list[Model]) -> None:
    fields = {"method": "dgn-am", "prior": "none", "seed": "1.5", "count": "99", "readout": "loud"}
    options = {"option.steps": "many", "option.decay": "nan", "option.start_learning_rate": "-1", "option.colour": "1"}
    with pytest.raises(Problems) as caught:
        wishes(Choices.of(methods, models, {"prior": "none"}), target(3), fields | options, None)
    assert dict(caught.value.found) == {
        "prior": "there is no 'none' on this server",
        "seed": "1.5 is not a whole number",
        "count": "99 is not between 1 and 16",
        "steps": "many is not a number",
        "start_learning_rate": "-1 is not between 0 and 100",
        "decay": "nan is not between 0 and 1",
        "colour": "dgn-am has no such option",
        "readout": "'loud' is none of activation, probability, log-probability",
    }


def test_a_method_that_is_not_there_is_told(methods: Methods, models: list[Model]) -> None:
    with pytest.raises(Problems, match="method: there is no 'magic' on this server"):
        wishes(Choices.of(methods, models, {"method": "magic"}), target(3), {"method": "magic"}, None)


def test_a_prior_has_defaults_of_its_own(methods: Methods, models: list[Model]) -> None:
    """And the prior that suits the target is chosen, so that what the form shows is what is drawn with."""
    assert models[1].code is not None
    large = replace(models[0], name="large", image_size=(224, 224))
    other = replace(models[1], name="large-prior", code=replace(models[1].code, encoder="large", option_defaults={}))
    every = [*models, large, other]
    for network, name, defaults in (("alexnet64", "fc6-prior", [50, 0.25, 0.01]), ("large", "large-prior", [200, 0.25, 0.01])):
        chosen = Choices.of(methods, every, {}, [network])
        assert chosen.prior is not None and chosen.prior.name == name
        assert [knob.default for knob in chosen.knobs] == defaults
    near = Choices.of(methods, [*every, replace(large, name="near", image_size=(192, 192))], {}, ["near"])
    assert near.prior is not None and near.prior.name == "large-prior", "that for pictures of about the size"
    assert [part for part, _ in near.parts] == ["method", "ascent", "decay"]


def test_a_job_takes_the_methods_options(methods: Methods, models: list[Model]) -> None:
    choices = Choices.of(methods, models, {}, ["alexnet64"])
    wish = job_wish(choices, {"place": "alexnet64:fc8", "seeds": "3", "option.decay": "0.5", "option.steps": ""})
    assert wish.template == {"method": "dgn-am", "decay": 0.5, "prior": "fc6-prior", "pixels": False}
    assert (wish.model, wish.tap, wish.seeds) == ("alexnet64", "fc8", 3)
    with pytest.raises(Problems) as caught:
        job_wish(choices, {"place": "alexnet64:fc8", "prior": "none", "option.decay": "2", "option.colour": "1"})
    assert dict(caught.value.found) == {
        "prior": "there is no 'none' on this server",
        "decay": "2 is not between 0 and 1",
        "colour": "dgn-am has no such option",
    }


def test_a_job_may_show_photographs_beside_its_pictures(methods: Methods, models: list[Model]) -> None:
    projecting = replace(methods, projections=(Method("deconvnet", "", "", ()), Method("saliency", "", "", ())))
    choices = Choices.of(projecting, models, {}, ["alexnet64"])
    asked = {"place": "alexnet64:fc8", "exemplars": "4"}
    for chosen, project, beside in (("", True, 8), ("none", False, 4), ("saliency", True, 8)):
        wish = job_wish(choices, {**asked, "projections": chosen})
        assert wish.exemplars == {"count": 4, "project": project, "method": chosen if chosen == "saliency" else None}
        assert wish.beside == beside
    for without in ("", "0"):
        wish = job_wish(choices, {**asked, "exemplars": without, "projections": "saliency"})
        assert wish.exemplars is None and wish.beside == 0
    with pytest.raises(Problems) as caught:
        job_wish(choices, {**asked, "exemplars": "65", "projections": "magic"})
    assert dict(caught.value.found) == {
        "exemplars": "65 is not between 0 and 64",
        "projections": "'magic' is none of none, deconvnet, saliency",
    }


def test_without_a_prior_the_default_is_a_method_of_pixels(methods: Methods, models: list[Model]) -> None:
    assert Choices.of(methods, models[:1], {}).method.name == "pyramid"

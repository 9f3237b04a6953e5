"""A search through a real server: it climbs, it survives kills on both sides, and it says what is wrong."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dgnam_client import AsyncClient, Client, InvalidRequestError, NotFoundError, SearchError, local_server
from dgnam_client._cli import main
from PIL import Image

UNIT = "tiny:fc8:lemon"


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.mark.parametrize("optimizer", ["cma", "diagonal-cma", "spherical-cma", "genetic"])
def test_units_of_served_networks_are_neurons_too(client: Client, optimizer: str, tmp_path: Path) -> None:
    search = client.search(optimizer=optimizer, population=12, max_pictures=96, seed=1)
    for pictures in search:
        done = search.tell(client.activations(pictures, UNIT))
        assert done is not None and done.scored == 12
    assert search.over and search.state.ending == "pictures" and len(search.history) == 8
    means = [one.mean for one in search.history]
    assert max(means[-2:]) > means[0]
    best = search.best()
    assert best is not None and search.state.best_score == max(one.best for one in search.history)
    again = client.draw(best.code)
    assert np.abs(np.asarray(best.image, int) - np.asarray(again.image, int)).max() <= 1
    record = json.loads(search.export(tmp_path / "search.json").read_text())
    assert len(record["pictures"]) == 96 and record["best"]["score"] == search.state.best_score
    assert record["search"]["optimizer"] == optimizer and record["search"]["versions"]["cma"]
    search.delete()
    with pytest.raises(NotFoundError, match="there is no search"):
        search.ask()


def test_spectra_are_searched_without_a_prior(client: Client) -> None:
    search = client.search(size=(24, 32), optimizer="diagonal-cma", population=20, max_pictures=400, sigma=1.0)
    for pictures in search:
        assert pictures[0].image.size == (32, 24)
        search.tell([float(np.asarray(one.image)[..., 0].mean() / 255) for one in pictures])
    assert (search.state.prior, search.state.dimensions) == (None, 24 * 17 * 6)
    assert search.history[0].mean is not None and abs(search.history[0].mean - 0.5) < 0.15
    assert search.history[-1].mean > search.history[0].best, "redder"
    first = client.search(size=64, population=4, optimizer="genetic").ask()[0]
    assert 0.1 < (np.asarray(first.image) / 255).std() < 0.35, "as contrasty as a photograph"


def test_with_the_same_arguments_it_goes_on_and_with_others_it_says_so(client: Client) -> None:
    search = client.search("mine", optimizer="genetic", seed=3, population=6, max_pictures=60)
    assert not search.resumed
    search.tell([1.0] * len(search.ask()))
    shown = [one.png for one in search.ask()]
    for again in (client.search("mine"), client.search("mine", optimizer="genetic", population=6)):
        assert again.resumed and len(again.history) == 1
        assert [one.png for one in again.ask()] == shown
    with pytest.raises(SearchError) as caught:
        client.search("mine", optimizer="cma", seed=4, population=6)
    assert caught.value.reason == "SEARCH_EXISTS" and caught.value.code == "ALREADY_EXISTS"
    assert "optimizer: this search was begun with genetic" in str(caught.value)
    assert "seed: this search was begun with 3" in str(caught.value)
    assert [one.name for one in client.searches() if one.name == "mine"] == ["mine"]


def test_references_and_repeats(client: Client, tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        Image.new("RGB", (50, 40), colour).save(tmp_path / f"{name}.png")
    references = [tmp_path / "red.png", tmp_path / "blue.png"]
    search = client.search(references=references, references_per_generation=1, repeats=2, population=6, max_pictures=12)
    for number, pictures in enumerate(search):
        (reference,) = [one for one in pictures if one.reference is not None]
        assert reference.reference == number and reference.name.endswith(f"-reference{number:03}")
        assert reference.image.size == pictures[0].image.size
        assert np.asarray(reference.image).mean((0, 1)).argmax() == (0, 2)[number]
        done = search.tell(np.array([[5.0, 7.0] if one is reference else [0.0, 2.0] for one in pictures]))
        assert done is not None and (done.mean, done.reference_mean) == (1.0, 6.0)


def test_what_is_told_wrongly(client: Client) -> None:
    search = client.search(population=4, max_pictures=8, optimizer="genetic")
    pictures = search.ask()
    with pytest.raises(InvalidRequestError, match="3 are not those of the 4 pictures"):
        search.tell([1.0, 2.0, 3.0])
    with pytest.raises(InvalidRequestError, match=r"scores\[2\]: nan is not a finite number: say `missing`"):
        search.tell([1.0, 2.0, float("nan"), 3.0])
    with pytest.raises(InvalidRequestError, match="inf is not a finite number"):
        search.tell({0: float("inf")})
    with pytest.raises(InvalidRequestError, match="2 values are more than the 1 times"):
        search.tell({0: [1.0, 2.0]})
    with pytest.raises(InvalidRequestError, match="'high' is neither a number"):
        search.tell({0: "high"})
    with pytest.raises(NotFoundError, match="the search has shown no picture 99; the last is 3"):
        search.tell({99: 1.0})
    assert client.search(search.name).state.pictures_done == 0, "nothing was taken in"
    assert search.tell({pictures[2].number: 1.0}) is None
    assert [one.number for one in search.ask()] == [0, 1, 3]
    with pytest.raises(InvalidRequestError, match="picture 2 has its scores already; did another client tell them"):
        search.tell({2: 1.0})
    search.tell([None, 3.0, 2.0])
    assert search.history[0].missing == 1
    search.tell({0: 9.0})
    assert search.best().number == 0
    search.tell([0.0] * len(search.ask()))
    assert search.over and search.ask() == []
    with pytest.raises(SearchError, match="the search is over and takes no more scores") as caught:
        search.tell({1: 1.0})
    assert caught.value.reason == "SEARCH_OVER"


def test_what_is_asked_wrongly(client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.search("no name", optimizer="genetic", kept=0.5, heritability=2.0, size=(8, 32), repeats=0, max_pictures=10**7, axes="units")
    assert {field for field, _ in caught.value.violations} == {
        *("name", "options.kept", "options.heritability", "spectrum.height", "repeats", "max_pictures", "axes")
    }
    with pytest.raises(InvalidRequestError, match="cma searches at most 6000 values, and here are"):
        client.search(size=64)
    with pytest.raises(InvalidRequestError, match="values to search are more than 65536: choose a smaller picture"):
        client.search(size=256, optimizer="genetic")
    with pytest.raises(InvalidRequestError, match="has no option 'sigmar'; it has population, sigma"):
        client.search(sigmar=1)
    with pytest.raises(InvalidRequestError, match=r"references\[0\]: the file is not a PNG"):
        client.search(references=[b"no picture"])
    with pytest.raises(InvalidRequestError, match="start_code.*is not"):
        client.search(start=np.zeros(3))
    with pytest.raises(NotFoundError, match="there is no optimizer 'cmaa'; did you mean cma"):
        client.search(optimizer="cmaa")
    with pytest.raises(NotFoundError, match="there is no prior 'tiny-priors'"):
        client.search(prior="tiny-priors")


def test_two_clients_of_one_search_in_asyncio(server: Any) -> None:
    async def tell(search: Any, value: float) -> bool:
        try:
            await search.tell([value] * len(search.pictures))
        except InvalidRequestError as error:
            return "did another client tell them?" not in str(error)
        except SearchError as error:  # in the last generation
            return error.reason != "SEARCH_OVER"
        return True

    async def both() -> None:
        async with AsyncClient(server.address) as one, AsyncClient(server.address) as two:
            searches = [await each.search("shared", population=4, max_pictures=12, optimizer="genetic") for each in (one, two)]
            async for _ in searches[0]:
                await searches[1].ask()
                heard = await asyncio.gather(tell(searches[0], 1.0), tell(searches[1], 2.0))
                assert sorted(heard) == [False, True]
            best, state = await searches[0].best(), searches[0].state
            assert state.ending == "pictures" and len(state.history) == 3
            assert best.number == 4 * next(done.number for done in state.history if done.best == state.best_score), "of equals the first"
            assert [one.name for one in await one.searches() if one.name == "shared"]
            assert (await one.optimizers())[0].name == "cma"

    asyncio.run(both())


def test_on_the_command_line(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DGNAM_SERVER", server.address)
    Image.new("RGB", (40, 40), (255, 0, 0)).save("red.png")
    code = "import sys; from PIL import Image; [print(Image.open(p).resize((1, 1)).getpixel((0, 0))[0]) for p in sys.argv[1:]]"
    Path("measure.py").write_text(code)
    asked = ["search", "cli", "--score", f"{sys.executable} measure.py", "--max-pictures", "12", "--option", "population=6"]
    asked += ["--references", "red.png", "--plot", "scores.png", "--export", "all.json", "-o", "shown"]
    assert main(asked) == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert lines[0] == "search cli begins: 0 of 12 pictures"
    assert lines[1].startswith("generation 0: mean ") and "references 255; 6 of 12 pictures" in lines[1]
    assert lines[2].endswith("12 of 12 pictures, over (pictures)")
    assert printed.out.splitlines()[0] == "all.json" and printed.out.splitlines()[1].startswith("shown/best.png: picture ")
    assert len(list(Path("shown").glob("generation*.png"))) == 14 and len(list(Path("shown").glob("*-reference000.png"))) == 2
    with Image.open("scores.png") as plot:
        assert plot.size == (840, 480)
    assert main(asked) == 0
    assert capsys.readouterr().err == "search cli goes on: 12 of 12 pictures, over (pictures)\n"
    assert main(["search", "cli-unit", "--unit", UNIT, "--max-pictures", "6", "--option", "population=6", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["searches", "cli"]) == 0
    assert "best score" in capsys.readouterr().out
    assert main(["searches", "cli", "--export", "again.json", "--delete"]) == 0
    assert json.loads(Path("again.json").read_text()) == json.loads(Path("all.json").read_text())
    assert main(["searches"]) == 0
    listed = capsys.readouterr().out
    assert "cli-unit" in listed and "over (pictures)" in listed and "\ncli " not in listed
    assert main(["searches", "--optimizers"]) == 0
    assert "heritability" in capsys.readouterr().out
    for wrong, says in (
        (["search", "x"], "name the neuron: a command with --score, or a served unit with --unit"),
        (["search", "x", "--unit", UNIT, "--option", "sigma"], "--option sigma: write NAME=NUMBER"),
        (["searches", "cli"], "there is no search 'cli'"),
        (["searches", "--delete"], "--export and --delete are of one search"),
    ):
        assert main(wrong) == 2
        assert says in capsys.readouterr().err


def test_it_survives_a_kill_of_the_server(tiny_settings: dict[str, Any], tmp_path: Path) -> None:
    def serving(folder: str, **settings: Any) -> Any:
        (tmp_path / folder).mkdir()
        return local_server(tmp_path / folder, **{**tiny_settings, "state_dir": tmp_path / "state", "max_searches": 1, **settings})

    plain = {"optimizer": "cma", "population": 6, "max_pictures": 60, "seed": 5}
    with serving("first") as server, Client(server.address) as client:
        search = client.search("durable", **plain)
        for _ in range(3):
            search.tell(client.activations(search.ask(), UNIT))
        search.tell({search.ask()[0].number: 1.0})
        shown = [one.png for one in search.ask()]
        with pytest.raises(SearchError, match="keeps as many searches as it may"):
            client.search("another")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with serving("second") as server, Client(server.address) as client:
        again = client.search("durable", **plain)
        assert again.resumed and again.history == search.history
        assert [one.png for one in again.ask()] == shown
        assert [one.number for one in again.pictures] == [one.number for one in search.pictures]

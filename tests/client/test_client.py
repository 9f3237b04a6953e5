from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dgnam_client
import grpc
import numpy as np
import pytest
from dgnam_client import Client, Picture, Progress, Queued, Result, Started

LEMON = "alexnet64:fc8:lemon"
SLOW = "alexnet64:fc8:slow"


def test_synthesize(client: Client, server: Any) -> None:
    result = client.synthesize(LEMON, seed=3)
    assert isinstance(result, Result)
    assert result.array.shape == (8, 8, 3) and result.array.dtype == np.float32
    assert result.image.size == (8, 8) and result.image.mode == "RGB"
    assert result.activation == 12.5 and result.term_activations == (12.5,)
    assert result.history.shape == (4, 1) and result.code.shape == (5,)
    assert result.ending == "steps-done"
    assert result.recipe.target == LEMON and result.recipe.seed == 3
    (request,) = server.requests
    assert request.seed == 3 and not request.options


def test_several_units_are_one_picture(client: Client, server: Any) -> None:
    result = client.synthesize([LEMON, "alexnet64:fc8:teapot"])
    assert result.history.shape == (4, 2)
    assert [term.unit.label for term in server.requests[0].target.terms] == ["lemon", "teapot"]


def test_variants_come_as_a_list_in_order(client: Client) -> None:
    results = client.synthesize(LEMON, variants=3, seed=5)
    assert isinstance(results, list)
    assert [(result.variant, result.recipe.seed) for result in results] == [(0, 5), (1, 6), (2, 7)]
    assert isinstance(client.synthesize(LEMON, variants=1), Result)


def test_stream_tells_all_in_order(client: Client) -> None:
    events = list(client.stream(LEMON, preview_interval=2))
    assert [type(event) for event in events] == [Queued, Started, Progress, Progress, Progress, Progress, Result]
    assert events[0] == Queued(2)
    last = events[5].variants[0]
    assert (last.step, last.total_steps, last.activation) == (4, 4, 2.0)
    assert last.image is not None and last.image.size == (8, 8)
    assert events[4].variants[0].preview is None and events[4].variants[0].image is None


def test_on_progress_sees_each_event(client: Client) -> None:
    seen: list[Any] = []
    result = client.synthesize(LEMON, on_progress=seen.append)
    assert seen[-1] is result and len(seen) == 7


def test_options_travel_by_name(client: Client, server: Any) -> None:
    client.synthesize(LEMON, method="dgn-am", steps=2, decay=0.5)
    client.synthesize_pixels(LEMON, size=48, steps=2, tv_weight=0.2)
    list(client.stream_pixels(LEMON, steps=3))
    client.synthesize_pixels_many([LEMON, LEMON], octaves=3)
    sent = [(type(request).__name__, dict(request.options)) for request in server.requests]
    assert sent == [
        ("SynthesizeRequest", {"steps": 2, "decay": 0.5}),
        ("SynthesizePixelsRequest", {"steps": 2, "tv_weight": 0.2}),
        ("SynthesizePixelsRequest", {"steps": 3}),
        *[("SynthesizePixelsRequest", {"octaves": 3})] * 2,
    ]


def test_a_value_of_the_wrong_type_is_refused_at_once(client: Client, server: Any) -> None:
    for call in (client.synthesize, client.stream, client.synthesize_pixels, client.stream_pixels):
        with pytest.raises(dgnam_client.InvalidRequestError, match="steps: 'many' is not a number"):
            call(LEMON, steps="many")  # type: ignore[operator]
    for many in (client.synthesize_many, client.synthesize_pixels_many):
        with pytest.raises(dgnam_client.InvalidRequestError, match="seed: -1 is not an integer"):
            many([LEMON], seed=-1)  # type: ignore[operator]
    with pytest.raises(dgnam_client.InvalidAddressError):
        client.stream("lemon")
    assert not server.requests


def test_closing_the_stream_stops_the_server(client: Client, server: Any) -> None:
    stream = client.stream(SLOW)
    assert isinstance(next(stream), Queued)
    stream.close()
    assert server.cancelled.acquire(timeout=60)


def test_leaving_the_loop_stops_the_server(client: Client, server: Any) -> None:
    with contextlib.closing(client.stream(SLOW)) as stream:
        for event in stream:
            if isinstance(event, Progress):
                break
    assert server.cancelled.acquire(timeout=60)


def test_a_failing_callback_stops_the_server(client: Client, server: Any) -> None:
    def fail(event: object) -> None:
        if isinstance(event, Progress):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        client.synthesize(SLOW, on_progress=fail)
    assert server.cancelled.acquire(timeout=60)


def test_ctrl_c_stops_the_server(client: Client, server: Any) -> None:
    def interrupt(event: object) -> None:
        if isinstance(event, Started):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        client.synthesize(SLOW, on_progress=interrupt)
    assert server.cancelled.acquire(timeout=60)


@pytest.mark.usefixtures("heard_first")
def test_a_timeout_is_an_error_and_stops_the_server(client: Client, server: Any) -> None:
    with pytest.raises(dgnam_client.DeadlineExceededError, match="timeout="):
        client.synthesize(SLOW, timeout=0.2)
    assert server.cancelled.acquire(timeout=60)
    with Client(server.url, synthesis_timeout=0.2) as hasty, pytest.raises(dgnam_client.DeadlineExceededError):
        hasty.synthesize(SLOW)
    # Infinity is none.
    assert isinstance(client.synthesize(LEMON, timeout=float("inf")), Result)


def test_a_stream_without_result_is_the_servers_fault(client: Client) -> None:
    with pytest.raises(dgnam_client.ProtocolError, match="after 0 of 1 results"):
        client.synthesize("alexnet64:fc8:cut")
    with pytest.raises(dgnam_client.ProtocolError, match="takes 768 bytes, but the message holds 767"):
        client.synthesize("alexnet64:fc8:broken")


def test_many_keep_their_order_and_lose_none_to_a_failure(client: Client) -> None:
    seen: list[tuple[int, Any]] = []
    threads = set()

    def note(index: int, event: Any) -> None:
        threads.add(threading.current_thread())
        seen.append((index, event))

    targets = [LEMON, "alexnet64:fc8:wrong", "alexnet64:fc8:cut", "alexnet64:fc8:teapot"]
    first, wrong, cut, last = client.synthesize_many(targets, on_progress=note)
    assert isinstance(first, Result) and first.recipe.target == LEMON
    assert isinstance(wrong, dgnam_client.NotFoundError) and isinstance(cut, dgnam_client.ProtocolError)
    assert isinstance(last, Result) and last.recipe.target == targets[3]
    assert {index for index, event in seen if isinstance(event, Result)} == {0, 3}
    assert threads == {threading.current_thread()}


def test_many_with_variants_and_more_targets_than_places(client: Client) -> None:
    outcomes = client.synthesize_many([LEMON] * 5, variants=2, concurrency=2)
    assert [len(outcome) if isinstance(outcome, list) else outcome for outcome in outcomes] == [2] * 5


def test_many_of_none(client: Client) -> None:
    assert client.synthesize_many([]) == []


def test_many_send_nothing_if_one_address_is_bad(client: Client, server: Any) -> None:
    with pytest.raises(dgnam_client.InvalidAddressError):
        client.synthesize_many([LEMON, "lemon"])
    assert not server.requests


def test_ctrl_c_stops_all_of_many(client: Client, server: Any) -> None:
    started = set()

    def interrupt(index: int, event: object) -> None:
        started.add(index)
        if len(started) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.synthesize_many([SLOW] * 5, concurrency=2, on_progress=interrupt)
    for _ in started:
        assert server.cancelled.acquire(timeout=60)
    assert len(server.requests) == 2


def test_replay_takes_every_form_of_a_recipe(client: Client, server: Any, tmp_path: Any) -> None:
    result = client.synthesize("0.5*alexnet64:conv5:12@6,6", seed=9, steps=2, start=np.arange(5))
    path = result.recipe.save(tmp_path / "recipe.json")
    forms: list[Any] = [result.recipe, result.recipe.to_dict(), result.recipe.to_json(), path, str(path)]
    for form in forms:
        again = client.replay(form)
        assert again.png == result.png and again.recipe == result.recipe
        assert server.requests[-1] == result.recipe.request()
    with pytest.raises(dgnam_client.InvalidRequestError, match="not a recipe"):
        client.replay(3)  # type: ignore[arg-type]


def test_parts_left_out(client: Client) -> None:
    result = client.synthesize(LEMON, include=["png"])
    assert result.image.size == (8, 8) and not hasattr(result, "array") and not hasattr(result, "code")
    whole = client.replay(result.recipe)
    assert whole.png == result.png and whole.array.shape == (8, 8, 3)
    assert result.recipe.differences(whole.recipe) == []


def test_pixels_replay(client: Client, server: Any) -> None:
    result = client.synthesize_pixels(LEMON, steps=2, seed=4)
    again = client.replay(result.recipe)
    assert again.png == result.png and server.requests[-1] == result.recipe.request()
    assert repr(result.recipe) == "<Recipe alexnet64:fc8:lemon method=pyramid steps=2 seed=4>"


def test_draw(client: Client, server: Any, tmp_path: Any) -> None:
    picture = client.draw(np.arange(5))
    assert isinstance(picture, Picture) and picture.array.shape == (8, 8, 3)
    assert picture.save(tmp_path / "drawn.png").read_bytes() == picture.png
    several = client.draw(np.array([[0, 1], [7, 1]]), prior="fc6-prior", include=["png"])
    assert isinstance(several, list) and len(several) == 2 and several[0].png == picture.png != several[1].png
    assert not hasattr(several[0], "array")
    assert server.requests[-1].prior == "fc6-prior"
    server.drawn_at_most = 1
    with pytest.raises(dgnam_client.ProtocolError, match="sent 1 pictures of 2 codes"):
        client.draw(np.zeros((2, 5)))


def test_activations(client: Client, server: Any) -> None:
    result = client.synthesize(LEMON)
    one = client.activations(result, LEMON)
    assert one.array == 0 and one.model_digests == {"alexnet64": "c" * 64}
    places = [
        "alexnet64",
        "alexnet64:conv1",
        "alexnet64:conv1:3",
        "alexnet64:conv1@1,2",
        dgnam_client.Unit("alexnet64", "conv1", 3, (1, 2)),
    ]
    read = client.activations([result, result.png, result.image], places)
    assert [array.shape for array in read] == [(3, 1205), (3, 16, 4, 4), (3, 4, 4), (3, 16), (3,)]
    assert read["alexnet64:conv1:3@1,2"].tolist() == [3 * 16 + 6 + 1000 * index for index in range(3)]
    assert client.activations([result], places[0])[0].shape == (1, 1205)
    assert client.activations(result, places[0]).array.shape == (1205,)


def test_activations_of_nonsense(client: Client, server: Any, tmp_path: Any) -> None:
    with pytest.raises(dgnam_client.InvalidAddressError, match="is not the address of a tap or a unit"):
        client.activations(b"", "alexnet64::3")
    with pytest.raises(dgnam_client.InvalidRequestError, match="is not a picture"):
        client.activations(3, "alexnet64")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        client.activations(tmp_path / "none.png", "alexnet64")
    assert not server.requests


def test_catalogue(client: Client, server: Any) -> None:
    classifier, prior = client.models()
    assert (classifier.name, classifier.role, classifier.image_size, classifier.code) == ("alexnet64", "classifier", (8, 8), None)
    assert prior.code == dgnam_client.Code(5, "alexnet64", "fc6", 0.25)
    full = client.model("alexnet64")
    assert full.taps[0] == dgnam_client.Tap("conv1", (16, 4, 4)) and full.labels[0] == "lemon" and full.training == {"top1": 0.5}
    with pytest.raises(dgnam_client.NotFoundError, match="no model 'vgg'"):
        client.model("vgg")
    methods = client.methods()
    assert (methods.default_method, methods.default_prior, len(methods)) == ("dgn-am", "fc6-prior", 3)
    method = next(iter(methods))
    assert method.options[0] == dgnam_client.Option("steps", "Steps.", 1, 2000, 4, True, "method") and method.options[1].default is None
    assert [(method.name, method.pixels) for method in methods] == [("dgn-am", False), ("pyramid", True), ("inversion", True)]


def test_units_come_from_all_pages(client: Client, server: Any) -> None:
    units = client.units("alexnet64")
    assert [unit.index for unit in units] == list(range(1205))
    assert len(server.requests) == 2
    assert client.units("alexnet64", "fc8", filter="LEM") == [dgnam_client.UnitInfo(0, "lemon", LEMON)]


def test_server(client: Client, server: Any) -> None:
    info = client.server_info()
    assert (info.version, info.precision, info.limits.max_steps, info.versions) == ("0.1.0", "float32", 2000, {"torch": "2"})
    load = client.load()
    assert (load.queued_jobs, load.lanes, load.draining) == (1, (dgnam_client.Lane("k", 3, 0),), False)
    assert load.own == dgnam_client.OwnLoad(client="me")
    assert client.health() == "SERVING"
    server.health.enter_graceful_shutdown()
    assert client.health() == "NOT_SERVING"
    with pytest.raises(dgnam_client.NotFoundError):
        client.health("no.such.Service")


def test_synthesis_is_not_tried_again(client: Client, server: Any) -> None:
    server.fail(grpc.StatusCode.UNAVAILABLE, "restarting")
    assert len(client.models()) == 2
    assert len(server.requests) == 2
    server.fail(grpc.StatusCode.UNAVAILABLE, "restarting")
    with pytest.raises(dgnam_client.UnavailableError):
        client.synthesize(LEMON)
    assert len(server.requests) == 3
    server.fail(grpc.StatusCode.UNAVAILABLE, "restarting")
    client.draw([1.0])
    server.fail(grpc.StatusCode.UNAVAILABLE, "restarting")
    client.activations(b"", "alexnet64")
    assert len(server.requests) == 7
    server.fail(grpc.StatusCode.INTERNAL, "a bug")
    with pytest.raises(dgnam_client.ServerError):
        client.models()
    assert len(server.requests) == 8


def test_nobody_there() -> None:
    with Client("grpc://127.0.0.1:1") as client, pytest.raises(dgnam_client.UnavailableError, match="cannot reach.*:1.*dgnam-server"):
        client.models(timeout=60)


def test_many_threads_share_a_client(client: Client) -> None:
    with ThreadPoolExecutor(12) as pool:
        seeds = list(pool.map(lambda seed: client.synthesize(LEMON, seed=seed).recipe.seed, range(48)))
    assert seeds == list(range(48))


def test_nothing_is_opened_before_the_first_call(server: Any) -> None:
    client = Client(server.url)
    assert client._calls.channel is None
    client.models()
    assert client._calls.channel is not None
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.models()
    with pytest.raises(RuntimeError, match="closed"):
        next(client.stream(LEMON))


@pytest.mark.parametrize("used_before", [False, True])
def test_a_forked_child_opens_its_own_channel(server: Any, used_before: bool) -> None:
    script = f"""
        import os, sys, warnings
        warnings.simplefilter("ignore")
        from dgnam_client import Client
        client = Client({server.url!r})
        if {used_before}:
            client.models()
        pid = os.fork()
        if pid == 0:
            print("child", len(client.models()), client.synthesize({LEMON!r}).recipe.target, flush=True)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        print("parent", len(client.models()), flush=True)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [f"child 2 {LEMON}", "parent 2"]


def test_it_prints_nothing(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    client.synthesize_many([LEMON, "alexnet64:fc8:wrong"])
    with pytest.raises(dgnam_client.NotFoundError):
        client.synthesize("alexnet64:fc8:wrong")
    assert capfd.readouterr() == ("", "")


def test_waiting_in_the_queue_does_not_count(client: Client, server: Any, clock: Any) -> None:
    """Thirty pictures that take ten seconds each are not lost because the last one has waited longer than its timeout."""
    seen = []

    def note(event: object) -> None:
        seen.append(event)
        if isinstance(event, Queued):
            clock.go_on(20)
            server.vacancy.set()

    assert isinstance(client.synthesize("alexnet64:fc8:queued", timeout=10, on_progress=note), Result)
    assert isinstance(seen[-1], Result)
    assert not clock.alarms, "the alarm went with the call"

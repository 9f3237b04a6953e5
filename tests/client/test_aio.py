from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from typing import Any

import dgnam_client
import pytest
from dgnam_client import AsyncClient, Client, Picture, Progress, Queued, Result, Started

LEMON = "alexnet64:fc8:lemon"
SLOW = "alexnet64:fc8:slow"


@pytest.fixture
async def aio(server: Any) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.url) as client:
        yield client


async def stopped(server: Any) -> bool:
    return await asyncio.to_thread(server.cancelled.acquire, timeout=60)


async def test_synthesize(aio: AsyncClient) -> None:
    seen: list[Any] = []
    result = await aio.synthesize(LEMON, seed=3, on_progress=seen.append)
    assert isinstance(result, Result) and result.recipe.seed == 3
    assert [type(event) for event in seen] == [Queued, Started, *[Progress] * 4, Result]
    results = await aio.synthesize(LEMON, variants=2)
    assert isinstance(results, list) and [result.variant for result in results] == [0, 1]
    again = await aio.replay(result.recipe)
    assert again.png == result.png


async def test_pixels_draw_and_activations(aio: AsyncClient, server: Any) -> None:
    result = await aio.synthesize_pixels(LEMON, tv_weight=0.5)
    many = await aio.synthesize_pixels_many([LEMON, LEMON], variants=2)
    assert [len(one) for one in many if isinstance(one, list)] == [2, 2]
    assert isinstance([event async for event in aio.stream_pixels(LEMON)][-1], Result)
    assert {type(request).__name__ for request in server.requests} == {"SynthesizePixelsRequest"}
    with Client(server.url) as client:
        drawn, same = await aio.draw(result.code), client.draw(result.code)
        assert isinstance(drawn, Picture) and isinstance(same, Picture) and drawn.png == same.png
        read, expected = await aio.activations([result], ["alexnet64:conv1"]), client.activations([result], ["alexnet64:conv1"])
        assert read.places == expected.places and (read.array == expected.array).all()


async def test_closing_the_stream_stops_the_server(aio: AsyncClient, server: Any) -> None:
    stream = aio.stream(SLOW)
    async for event in stream:
        if isinstance(event, Progress):
            break
    await stream.aclose()
    assert await stopped(server)


async def test_cancelling_the_task_stops_the_server(aio: AsyncClient, server: Any) -> None:
    running = asyncio.Event()
    task = asyncio.create_task(aio.synthesize(SLOW, on_progress=lambda event: running.set()))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stopped(server)


@pytest.mark.usefixtures("heard_first")
async def test_timeout(aio: AsyncClient, server: Any) -> None:
    with pytest.raises(dgnam_client.DeadlineExceededError):
        await aio.synthesize(SLOW, timeout=0.2)
    assert await stopped(server)


async def test_waiting_in_the_queue_does_not_count(aio: AsyncClient, server: Any, clock: Any) -> None:
    def note(event: object) -> None:
        if isinstance(event, Queued):
            clock.go_on(20)
            server.vacancy.set()

    assert isinstance(await aio.synthesize("alexnet64:fc8:queued", timeout=10, on_progress=note), Result)
    assert not clock.alarms, "the alarm went with the call"


async def test_many(aio: AsyncClient) -> None:
    seen = set()
    targets = [LEMON, "alexnet64:fc8:wrong", "alexnet64:fc8:teapot"]
    first, wrong, last = await aio.synthesize_many(targets, concurrency=2, on_progress=lambda index, event: seen.add(index))
    assert isinstance(first, Result) and isinstance(last, Result) and isinstance(wrong, dgnam_client.NotFoundError)
    assert last.recipe.target == targets[2]
    assert seen == {0, 2}
    with pytest.raises(dgnam_client.InvalidAddressError):
        await aio.synthesize_many([LEMON, "lemon"])


async def test_a_failing_callback_stops_all_of_many(aio: AsyncClient, server: Any) -> None:
    begun = set()

    def fail(index: int, event: object) -> None:
        begun.add(index)
        if len(begun) == 2:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await aio.synthesize_many([SLOW] * 4, concurrency=2, on_progress=fail)
    assert await stopped(server)
    assert await stopped(server)


async def test_the_rest(aio: AsyncClient, server: Any) -> None:
    with Client(server.url) as client:
        assert await aio.models() == client.models()
        assert await aio.model("alexnet64") == client.model("alexnet64")
        assert await aio.units("alexnet64", filter="thing") == client.units("alexnet64", filter="thing")
        assert await aio.methods() == client.methods()
        assert await aio.server_info() == client.server_info()
        assert await aio.load() == client.load()
        assert await aio.health() == client.health() == "SERVING"


async def test_tokens(server: Any) -> None:
    async def fetch() -> str:
        return "fetched"

    async with AsyncClient(server.url, token=fetch) as client:
        await client.models()
        await client.synthesize(LEMON)
    async with AsyncClient(server.url, token=lambda: "given") as client:
        await client.models()
    assert [sent["authorization"] for sent in server.metadata] == ["Bearer fetched"] * 2 + ["Bearer given"]


async def test_closed(server: Any) -> None:
    client = AsyncClient(server.url)
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await client.models()


def test_one_client_in_two_loops(server: Any) -> None:
    client = AsyncClient(server.url)

    async def count() -> int:
        return len(await client.models())

    assert [asyncio.run(count()), asyncio.run(count())] == [2, 2]


def test_both_clients_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        return {name: list(inspect.signature(call).parameters) for name, call in vars(kind).items() if callable(call) and name[0] != "_"}

    assert calls(AsyncClient) == calls(Client)
    assert inspect.signature(AsyncClient.__init__).parameters.keys() == inspect.signature(Client.__init__).parameters.keys()


@pytest.mark.parametrize("used", [False, True])
def test_after_a_fork_it_works_or_says_why_not(server: Any, used: bool) -> None:
    script = f"""
        import asyncio, os, warnings
        warnings.simplefilter("ignore")
        from dgnam_client import AsyncClient

        client = AsyncClient({server.url!r})

        async def count(client):
            return len(await client.models(timeout=50))

        if {used}:
            print(asyncio.run(count(client)), flush=True)
        pid = os.fork()
        if pid == 0:
            try:
                print("child", asyncio.run(count(client)), flush=True)
            except RuntimeError as error:
                print("child", error, flush=True)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        os._exit(0)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    child = run.stdout.splitlines()[-1]
    assert child.startswith("child this process was forked from one that had used an AsyncClient") if used else child == "child 2"

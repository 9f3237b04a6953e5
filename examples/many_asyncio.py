"""Many pictures at once from asyncio, with their progress. The server draws them in one batch.

dgnam-server                                            # in another terminal
python examples/many_asyncio.py lemon goldfish alp
"""

import argparse
import asyncio

from dgnam_client import AsyncClient, Progress, Result


async def draw(client: AsyncClient, label: str, steps: int | None) -> Result:
    """Draw one class unit of alexnet64; say every fiftieth step how far it is."""
    async for event in client.stream(f"alexnet64:fc8:{label}", steps=steps, seed=0):
        if isinstance(event, Progress) and event.variants[0].step % 50 == 0:
            print(f"{label}: step {event.variants[0].step}, activation {event.variants[0].activation:.1f}")
        elif isinstance(event, Result):
            result = event
    return result


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", nargs="*", default=["lemon", "goldfish", "alp"], help="class units of alexnet64")
    parser.add_argument("--server", help="grpc://host:port (default: $DGNAM_SERVER, else this machine)")
    parser.add_argument("--steps", type=int, help="default: the method's own")
    options = parser.parse_args()

    async with AsyncClient(options.server) as client:
        pictures = await asyncio.gather(*(draw(client, label, options.steps) for label in options.labels))
    for label, picture in zip(options.labels, pictures, strict=True):
        print(picture.save(f"{label}.png", recipe=False), f"activation {picture.activation:.1f}")


if __name__ == "__main__":
    asyncio.run(main())

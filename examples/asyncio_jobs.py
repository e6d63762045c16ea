"""Jobs in an asyncio program: submit, go on with other things, and await. Needs the client alone."""

import asyncio
from pathlib import Path

from qserver import AsyncClient

CIRCUITS = [Path(__file__).with_name(name) for name in ("bell.qasm", "ghz5.qasm")]


async def main() -> None:
    """Submit both circuits, follow one, and wait for both."""
    async with AsyncClient() as client:
        bell, ghz = await client.submit(CIRCUITS, shots=100)
        async for event in bell.events():
            print("bell is", event.status)
        for result in await asyncio.gather(bell, ghz):
            print(result.counts)


asyncio.run(main())

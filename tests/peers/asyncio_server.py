#!/usr/bin/env python3
"""An echo server for frames: an N-byte big-endian length, then the message.

Listens on a free port of 127.0.0.1, prints `port PORT`, and echoes every
message on every connection. Ends with its standard input, or exits 1 after
the timeout (60 seconds without one).
"""

import argparse
import asyncio
import os
import struct
import sys
import threading

LENGTH_FORMATS = {1: ">B", 2: ">H", 4: ">I"}


async def echo(reader, writer, packet: int) -> None:
    try:
        while True:
            header = await reader.readexactly(packet)
            (length,) = struct.unpack(LENGTH_FORMATS[packet], header)
            writer.write(header + await reader.readexactly(length))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def end_of_input() -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wait() -> None:
        # Not sys.stdin, whose lock would be held when the timeout ends Python.
        while os.read(0, 4096):
            pass
        try:
            loop.call_soon_threadsafe(ended.set)
        except RuntimeError:
            pass  # The timeout came first and closed the loop.

    # A thread, because the event loop cannot watch a file or /dev/null.
    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


async def serve(packet: int) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: echo(reader, writer, packet), "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await end_of_input()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--packet", type=int, choices=LENGTH_FORMATS, default=4)
    parser.add_argument("--timeout", type=int, default=60000, metavar="MS")
    args = parser.parse_args()
    try:
        asyncio.run(asyncio.wait_for(serve(args.packet), args.timeout / 1000))
    except asyncio.TimeoutError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

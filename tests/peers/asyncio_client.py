#!/usr/bin/env python3
"""A client that sends frames to an echo server and checks what comes back.

A frame is an N-byte big-endian length, then the message.

echo: one message after the other, of the sizes given and then of COUNT random
sizes up to SIZE.
burst: sends all messages without waiting for a reply; sending and receiving
are two tasks, so that an echo server cannot block both sides.
drip: sends one frame a byte at a time.

Prints `ok COUNT` and exits 0, or prints `error ...` and exits 1, after the
timeout (8 seconds without one) at the latest.
"""

import argparse
import asyncio
import random
import struct
import sys

LENGTH_FORMATS = {1: ">B", 2: ">H", 4: ">I"}


def frame(message: bytes, packet: int) -> bytes:
    return struct.pack(LENGTH_FORMATS[packet], len(message)) + message


async def receive(reader: asyncio.StreamReader, packet: int) -> bytes:
    header = await reader.readexactly(packet)
    (length,) = struct.unpack(LENGTH_FORMATS[packet], header)
    return await reader.readexactly(length)


async def receive_exactly(reader, packet: int, message: bytes) -> None:
    reply = await receive(reader, packet)
    if reply != message:
        raise ValueError(f"sent {len(message)} bytes, received {len(reply)} others")


def numbered(number: int, size: int) -> bytes:
    """Gives a message that begins with its number, where there is room for it."""
    return (struct.pack(">I", number) + bytes([number % 256]) * size)[:size]


async def echo(reader, writer, args) -> int:
    rng = random.Random(args.seed)
    sizes = args.sizes + [rng.randint(0, args.max) for _ in range(args.random)]
    for size in sizes:
        message = rng.randbytes(size)
        # Not drained: an echo server may answer before it has read all of it.
        writer.write(frame(message, args.packet))
        await receive_exactly(reader, args.packet, message)
    return len(sizes)


async def burst(reader, writer, args) -> int:
    async def send() -> None:
        for number in range(args.count):
            writer.write(frame(numbered(number, args.size), args.packet))
            await writer.drain()

    async def check() -> None:
        for number in range(args.count):
            await receive_exactly(reader, args.packet, numbered(number, args.size))

    await asyncio.gather(send(), check())
    return args.count


async def drip(reader, writer, args) -> int:
    message = numbered(1, args.size)
    for byte in frame(message, args.packet):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    await receive_exactly(reader, args.packet, message)
    return 1


async def run(args) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", args.port)
    try:
        return await MODES[args.mode](reader, writer, args)
    finally:
        writer.close()


MODES = {"echo": echo, "burst": burst, "drip": drip}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--packet", type=int, choices=LENGTH_FORMATS, default=4)
    parser.add_argument("--mode", choices=MODES, default="echo")
    parser.add_argument("--timeout", type=int, default=8000, metavar="MS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", default=[], metavar="0,1,127",
                        type=lambda text: [int(size) for size in text.split(",")])
    parser.add_argument("--random", type=int, default=0, metavar="COUNT")
    parser.add_argument("--max", type=int, default=65536, metavar="SIZE")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--size", type=int, help="64 in a burst, else 20")
    args = parser.parse_args()
    if args.size is None:
        args.size = 64 if args.mode == "burst" else 20
    return args


def main() -> int:
    args = parse()
    try:
        count = asyncio.run(asyncio.wait_for(run(args), args.timeout / 1000))
    except Exception as error:
        print(f"error {error!r}")
        return 1
    print(f"ok {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

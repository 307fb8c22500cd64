/**
 * Compressing and inflating the messages of a connection.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { createDeflateRaw } from "node:zlib";
import { TransportError } from "../../../mod.ts";
import { MessageDeflater, MessageInflater } from "../../../src/transport/websocket/deflate.ts";
import { DeflateStream } from "../../../src/transport/websocket/deflate_stream.ts";
import { equal } from "../../framing/_feed.ts";
import { hex, join, unhex, utf8 } from "../../framing/websocket/websocket_feed.ts";
import { Random } from "../../support/random.ts";
import { inflateReference } from "./deflate_reference.ts";

const tail = unhex("00 00 ff ff");
const plain = { contextTakeover: true, windowBits: 15 };
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function using<T extends { close(): void }>(value: T, run: (value: T) => void): void {
  try {
    run(value);
  } finally {
    value.close();
  }
}

const deflater = (settings: object, run: (deflater: MessageDeflater) => void): void =>
  using(new MessageDeflater({ ...plain, ...settings }), run);
const inflater = (settings: object, run: (inflater: MessageInflater) => void): void =>
  using(new MessageInflater({ ...plain, maxMessageBytes: 1 << 20, ...settings }), run);

function refusal(run: () => void): TransportError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return error;
  }
  assert.fail("nothing was refused");
}

/** Words that come again, at all distances, and some that do not. */
function prose(random: Random, length: number): Uint8Array {
  const words = Array.from({ length: 400 }, () => random.bytes(1 + random.below(12)));
  const parts: Uint8Array[] = [];
  for (let size = 0; size < length; size += parts.at(-1)!.length) {
    parts.push(random.oneIn(20) ? random.bytes(30) : words[Math.min(random.below(400), random.below(400))]);
  }
  return join(...parts).subarray(0, length);
}

const sizes = [1, 5, 0, 64, 1000, 4, 30_000, 200, 65_535, 65_536, 65_537, 3, 150_000, 0, 10];

for (const contextTakeover of [true, false]) {
  for (let windowBits = 8; windowBits <= 15; windowBits++) {
    Deno.test(`messages come out as they went in, ${windowBits} bits, context takeover ${contextTakeover}`, () => {
      const random = new Random(windowBits);
      const settings = { contextTakeover, windowBits };
      for (const level of [1, 6]) {
        deflater({ ...settings, level }, (deflater) => {
          inflater(settings, (inflater) => {
            for (const size of sizes) {
              const message = random.oneIn(3) ? random.bytes(size) : prose(random, size);
              const compressed = deflater.deflate(message).slice();
              if (!equal(inflater.inflate(compressed, true), message)) assert.fail(`${size} bytes`);
            }
          });
        });
      }
    });

    Deno.test(`nothing refers further back than ${windowBits} bits allow, context takeover ${contextTakeover}`, () => {
      const random = new Random(windowBits);
      for (const level of [1, 6, 9]) {
        deflater({ contextTakeover, windowBits, level }, (deflater) => {
          const stream: Uint8Array[] = [];
          const messages: Uint8Array[] = [];
          for (const size of [40_000, 10, 300, 5000, 70_000, 1000]) {
            const message = prose(random, size);
            messages.push(message);
            const compressed = join(deflater.deflate(message), tail);
            if (contextTakeover) stream.push(compressed);
            const { data, farthest } = inflateReference(contextTakeover ? join(...stream) : compressed);
            assert.ok(equal(data, contextTakeover ? join(...messages) : message));
            assert.ok(farthest <= 2 ** windowBits, `level ${level}: ${farthest} bytes back`);
            if (windowBits >= 10 && size === 70_000) assert.ok(farthest > 2 ** (windowBits - 1), "the window is used");
          }
        });
      }
    });
  }
}

Deno.test("RFC 7692, section 7.2.3: the examples are what comes out, and go in", () => {
  deflater({ level: 6 }, (deflater) => {
    assert.equal(hex(deflater.deflate(utf8("Hello"))), "f2 48 cd c9 c9 07 00");
    assert.equal(hex(deflater.deflate(utf8("Hello"))), "f2 00 11 00 00");
    assert.equal(hex(deflater.deflate(new Uint8Array(0))), "00");
  });
  deflater({ contextTakeover: false }, (deflater) => {
    assert.equal(hex(deflater.deflate(utf8("Hello"))), "f2 48 cd c9 c9 07 00");
    assert.equal(hex(deflater.deflate(utf8("Hello"))), "f2 48 cd c9 c9 07 00");
  });
  for (const contextTakeover of [true, false]) {
    inflater({ contextTakeover }, (inflater) => {
      const examples = [
        "f2 48 cd c9 c9 07 00",
        "00 05 00 fa ff 48 65 6c 6c 6f 00",
        "f3 48 cd c9 c9 07 00 00",
        "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
      ];
      for (const digits of [...examples, ...examples]) {
        assert.equal(text(inflater.inflate(unhex(digits), true)), "Hello");
        assert.equal(inflater.inflate(unhex("00"), true).length, 0);
      }
    });
  }
});

Deno.test("a message is inflated piece by piece, however it is cut", () => {
  const random = new Random(7);
  const message = prose(random, 3000);
  for (const contextTakeover of [true, false]) {
    deflater({ contextTakeover }, (deflater) => {
      inflater({ contextTakeover }, (inflater) => {
        for (let size = 1; size < 60; size++) {
          const compressed = deflater.deflate(message).slice();
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < compressed.length; at += size) {
            pieces.push(inflater.inflate(compressed.subarray(at, at + size), false).slice());
          }
          pieces.push(inflater.inflate(new Uint8Array(0), true).slice());
          assert.ok(equal(join(...pieces), message), `pieces of ${size}`);
        }
      });
    });
  }
});

Deno.test("connections without context takeover that take turns in the middle of messages do not mix", () => {
  const random = new Random(8);
  const messages = Array.from({ length: 40 }, () => prose(random, 500));
  deflater({ contextTakeover: false }, (deflater) => {
    const compressed = messages.map((message) => deflater.deflate(message).slice());
    const inflaters = messages.map(() =>
      new MessageInflater({ contextTakeover: false, windowBits: 15, maxMessageBytes: 1000 })
    );
    for (let round = 0; round < 3; round++) {
      const first = inflaters.map((inflater, i) => inflater.inflate(compressed[i].subarray(0, 100), false).slice());
      inflaters.forEach((inflater, i) => {
        const rest = inflater.inflate(compressed[i].subarray(100), true);
        assert.ok(equal(join(first[i], rest), messages[i]));
      });
    }
    for (const inflater of inflaters) inflater.close();
  });
});

Deno.test("a compressed message without any bytes is an empty one, and leaves the next in order", () => {
  inflater({}, (inflater) => {
    assert.equal(inflater.inflate(new Uint8Array(0), true).length, 0);
    assert.equal(text(inflater.inflate(unhex("f2 48 cd c9 c9 07 00"), true)), "Hello");
    assert.equal(inflater.inflate(new Uint8Array(0), false).length, 0);
    assert.equal(inflater.inflate(new Uint8Array(0), true).length, 0);
    assert.equal(text(inflater.inflate(unhex("f2 00 11 00 00"), true)), "Hello");
  });
});

Deno.test("a block that is the last of its stream may end the message, or be followed by others", () => {
  inflater({}, (inflater) => {
    const last = unhex("f3 48 cd c9 c9 07 00");
    assert.equal(text(inflater.inflate(last, true)), "Hello");
    assert.equal(text(inflater.inflate(join(last, last, last, unhex("00")), true)), "HelloHelloHello");
    assert.equal(text(inflater.inflate(unhex("f2 48 cd c9 c9 07 00"), true)), "Hello");
    const endless = join(...Array.from({ length: 1002 }, () => unhex("03 00")));
    const error = refusal(() => inflater.inflate(endless, false));
    assert.equal(error.message, "Message refused: its compressed data is damaged: it has more than 1000 last blocks");
    assert.deepEqual(error.details, { closeCode: 1007 });
  });
});

Deno.test("damaged data is refused with 1007", () => {
  const cases: [string, string, RegExp][] = [
    ["a reserved kind of block", "07", /invalid block type/],
    ["a stored block with a wrong length", "00 05 00 fa fe 48", /invalid stored block lengths/],
    ["a reference to before the beginning", "f2 00 11 00 00", /invalid distance too far back/],
    ["a text that ends in the middle", "f2 48 cd", /it ends in the middle of a block|invalid/],
    ["an impossible code", "04 c0 81 08 00", /invalid|middle/],
  ];
  for (const [what, digits, message] of cases) {
    inflater({}, (inflater) => {
      const error = refusal(() => inflater.inflate(unhex(digits), true));
      assert.equal(error.code, "protocol", what);
      assert.match(error.message, message);
      assert.deepEqual(error.details, { closeCode: 1007 });
    });
  }
});

Deno.test("a message of exactly the limit is inflated, and one byte more refused with 1009", () => {
  deflater({ contextTakeover: false }, (deflater) => {
    for (const limit of [0, 1, 100, 65_535, 65_536, 65_537, 200_000]) {
      const settings = { contextTakeover: false, maxMessageBytes: limit };
      const fits = deflater.deflate(new Uint8Array(limit)).slice();
      inflater(settings, (inflater) => {
        assert.equal(inflater.inflate(fits, true).length, limit);
        assert.equal(inflater.inflate(unhex("00"), true).length, 0);
      });
    }
  });
  for (const limit of [0, 1, 100, 65_535, 65_536, 65_537, 200_000]) {
    deflater({}, (deflater) => {
      const over = deflater.deflate(new Uint8Array(limit + 1)).slice();
      inflater({ maxMessageBytes: limit }, (inflater) => {
        const error = refusal(() => inflater.inflate(over, true));
        assert.equal(error.code, "message-too-large");
        assert.deepEqual(error.details, { closeCode: 1009, length: limit + 1, maxBytes: limit });
      });
      inflater({ maxMessageBytes: limit }, (inflater) => {
        assert.equal(
          refusal(() => over.forEach((byte) => inflater.inflate(Uint8Array.of(byte), false))).code,
          "message-too-large",
        );
      });
    });
  }
});

/** A gigabyte of zeros, compressed: one mebibyte. */
function bomb(): Uint8Array {
  const stream = DeflateStream.compressing(9, 15);
  const out = new Uint8Array(2 * 1024 * 1024);
  const zeros = new Uint8Array(16 * 1024 * 1024);
  let length = 0;
  for (let i = 0; i < 64; i++) {
    stream.write(zeros, 0, out, length, out.length);
    length = out.length - stream.roomLeft;
  }
  stream.close();
  return out.subarray(0, length);
}

Deno.test("a gigabyte of zeros is stopped at the limit, within its time and its memory", () => {
  const bytes = bomb();
  assert.ok(bytes.length < 1_100_000);
  for (const limit of [1000, 1024 * 1024]) {
    inflater({ maxMessageBytes: limit }, (inflater) => {
      const before = Deno.memoryUsage();
      const error = refusal(() => inflater.inflate(bytes, true));
      const after = Deno.memoryUsage();
      assert.deepEqual(error.details, { closeCode: 1009, length: limit + 1, maxBytes: limit });
      // Twice the limit as the buffer doubles, and what the rest of the process did meanwhile.
      assert.ok(
        after.external - before.external <= 3 * limit + 256 * 1024,
        `${after.external - before.external} bytes`,
      );
    });
  }
});

Deno.test("results are views that are good until the next call, and long ones have bytes of their own", () => {
  deflater({ contextTakeover: false }, (deflater) => {
    inflater({ contextTakeover: false }, (inflater) => {
      const short = deflater.deflate(utf8("a short message")).slice();
      const one = inflater.inflate(short, true);
      assert.equal(inflater.inflate(short, true).buffer, one.buffer);
      const random = new Random(9).bytes(100_000);
      const long = deflater.deflate(random);
      const copy = long.slice();
      const inflated = inflater.inflate(copy, true);
      for (let i = 0; i < 5; i++) inflater.inflate(deflater.deflate(new Uint8Array(90_000)).slice(), true);
      assert.ok(equal(long, copy));
      assert.ok(equal(inflated, random));
    });
  });
});

Deno.test("after an error and after close() nothing is left open", () => {
  const damaged = new MessageInflater({ ...plain, maxMessageBytes: 100 });
  refusal(() => damaged.inflate(unhex("07"), true));
  damaged.close();
  damaged.close();
  const unused = new MessageDeflater(plain);
  unused.close();
  const used = new MessageDeflater(plain);
  used.deflate(utf8("x"));
  used.close();
  used.close();
});

Deno.test("a platform whose node:zlib is not as expected is refused by name", () => {
  const stream = createDeflateRaw();
  const prototype = Object.getPrototypeOf((stream as unknown as { _handle: object })._handle);
  stream.close();
  const { reset } = prototype;
  try {
    prototype.reset = undefined;
    const error = refusal(() => DeflateStream.compressing(1, 15));
    assert.equal(error.code, "unsupported");
    assert.equal(error.message, "Cannot compress messages: this platform's node:zlib is not as expected");
  } finally {
    prototype.reset = reset;
  }
});

/**
 * A file as a stream: its pieces go up, how far it is comes down, over one call.
 * The reader's pace is the sender's; neither holds more than a window of it.
 *
 * - `deno task upload FILE` serves, uploads the file to itself over TCP, and
 *   compares what arrived;
 * - without a file it uploads this program's own.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename } from "node:path";
import {
  chain,
  clientOf,
  contract,
  implement,
  methods,
  mux,
  reconnect,
  serve,
  tcp,
  TransportError,
} from "@wireway/wireway";
import { z } from "zod";

/** What both ends agree on. Pieces are text in JSON; base64 makes it of any bytes. */
const files = contract({
  name: "files",
  methods: {
    upload: {
      request: z.object({ name: z.string().max(255), bytes: z.number().int().nonnegative() }),
      items: z.string().max(100_000),
      replies: z.object({ received: z.number(), sha256: z.string().optional() }),
    },
  },
});

const maxBytes = 1024 ** 3;
const pieceBytes = 48 * 1024;

/** Takes a file piece by piece, and says after each how much there is; at the end, what it is. */
const handler = implement(files, {
  async *upload({ name, bytes }, pieces) {
    if (bytes > maxBytes) {
      throw new TransportError("message-too-large", `${name} has ${bytes} bytes, ${maxBytes} are allowed`);
    }
    const hash = createHash("sha256");
    let received = 0;
    for await (const piece of pieces) {
      const part = Uint8Array.fromBase64(piece);
      received += part.length;
      if (received > bytes) {
        throw new TransportError("invalid-request", `${name} has more than the ${bytes} bytes it said`);
      }
      hash.update(part);
      yield { received };
    }
    if (received < bytes) {
      throw new TransportError("invalid-request", `${name} ended after ${received} of ${bytes} bytes`);
    }
    yield { received, sha256: hash.digest("hex") };
  },
});

/** The file's pieces, read as they are asked for. */
async function* piecesOf(file: Deno.FsFile, hash: ReturnType<typeof createHash>): AsyncGenerator<string> {
  const buffer = new Uint8Array(pieceBytes);
  for (let length = await file.read(buffer); length !== null; length = await file.read(buffer)) {
    const piece = buffer.subarray(0, length);
    hash.update(piece);
    yield piece.toBase64();
  }
}

const path = Deno.args[0] ?? new URL(import.meta.url).pathname;
const streams = { streams: true } as const;
const server = await serve(chain(tcp({ port: 0 }), mux(streams), methods()), handler);
const call = chain(tcp({ port: server.addr.port! }), mux(streams), methods(), reconnect());
try {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const hash = createHash("sha256");
  let told = 0;
  let arrived: string | undefined;
  const request = { name: basename(path), bytes: size };
  for await (const { received, sha256 } of clientOf(files, call).upload(request, piecesOf(file, hash))) {
    arrived = sha256;
    const tenth = size === 0 ? 10 : Math.floor(10 * received / size);
    if (tenth > told) console.log(`${String(10 * tenth).padStart(3)} %  ${received} of ${size} bytes`);
    told = tenth;
  }
  const same = arrived === hash.digest("hex");
  console.log(same ? `${request.name} arrived as it was: sha256 ${arrived}` : `${request.name} arrived changed`);
  if (!same) Deno.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 1;
} finally {
  await call.close();
  await server.shutdown({ graceMs: 500 });
}

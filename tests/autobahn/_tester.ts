/**
 * Plays the cases of the public Autobahn test suite against an echo: against our
 * server as a client, and against our client as a server. Both by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type Listener, websocket, type WebSocketOptions } from "../../mod.ts";
import { Recorder, within } from "../support/channels.ts";
import { upgradeLines } from "../transport/websocket/_websocket_raw.ts";
import { acceptOf, close, encode, final, type Frame, FrameReader, opcode, shown } from "./_wire.ts";

/** Which of our ends is looked at. */
export type Target = "server" | "client";
export const targets: readonly Target[] = ["server", "client"];

/** One case: what is sent, and all that must come back. */
export interface Case {
  /** As the suite counts them. */
  readonly id: string;
  readonly what: string;
  readonly send: readonly Frame[];
  /** In writes of so many bytes each; all at once without it. */
  readonly chop?: number;
  /** Frames that must come back before the goodbye, as they are or as `shown()` has them; what was sent, if left out. */
  readonly back?: readonly (Frame | string)[];
  /** The code of the goodbye. 1000 is answered to the tester's own, which it says last; others come by themselves. */
  readonly code?: number | "without a code";
  /** Only this much of the last frame's payload is sent. */
  readonly until?: { readonly payload: number };
  /** The tester says no goodbye of its own: there is one in `send`, or the other end is to begin. */
  readonly silent?: boolean;
}

/** Registers the cases as tests of both ends. */
export function play(cases: readonly Case[], options: Partial<WebSocketOptions> = {}): void {
  const ids = new Set<string>();
  for (const each of cases) {
    assert.ok(!ids.has(each.id), `${each.id} is there once`);
    ids.add(each.id);
    for (const target of targets) {
      Deno.test(`Autobahn ${each.id}, our ${target}: ${each.what}`, () => playOne(target, each, options));
    }
  }
}

async function playOne(target: Target, each: Case, options: Partial<WebSocketOptions>): Promise<void> {
  const { send, chop, until, code = 1000 } = each;
  const back = (each.back ?? send).map((frame) => typeof frame === "string" ? frame : shown(frame));
  await using line = await open(target, options);
  const goodbye = each.silent === true || code !== 1000 ? [] : [close(1000)];
  const unsent = until === undefined ? 0 : send.at(-1)!.payload.length - until.payload;
  line.write([...send, ...goodbye], { chop, unsent });
  const got = await line.all();
  assert.deepEqual(got.map(shown), [...back, `close ${code}`]);
  const error = await line.recorder.over();
  line.recorder.checkOver();
  if (code === 1000 || code === "without a code") assert.equal(error, undefined);
  else assert.equal(error?.details?.closeCode, code);
}

/** How frames are written. */
export interface Writing {
  /** In writes of so many bytes each. */
  readonly chop?: number;
  /** Without so many bytes at the end. */
  readonly unsent?: number;
}

/** A connection with one of our ends, which echoes. */
export interface Line extends AsyncDisposable {
  /** What our end said of extensions, offered or chosen. */
  readonly extensions: string | undefined;
  readonly recorder: Recorder;
  /** Sends frames, without waiting: our end may stop reading until its answers are read. */
  write(frames: readonly Frame[], how?: Writing): void;
  /** All frames that came, once our end has said goodbye and closed. */
  all(): Promise<Frame[]>;
}

/** Opens a connection. `extensions` are what the tester offers as a client and chooses as a server. */
export async function open(
  target: Target,
  options: Partial<WebSocketOptions> = {},
  extensions?: string,
): Promise<Line> {
  const recorders: Recorder[] = [];
  const echo = (channel: Channel): void => {
    const recorder = new Recorder((message) => channel.send(message));
    recorders.push(recorder);
    const { message, closed } = recorder;
    channel.receive({
      message: message.bind(recorder),
      closed: closed.bind(recorder),
      end: () => {
        recorder.end();
        void channel.close();
      },
    });
  };
  const { conn, head, owner } = target === "server"
    ? await dialOurs(options, echo, extensions)
    : await acceptOurs(options, echo, extensions);
  const found = /^sec-websocket-extensions: *(.*)\r$/mi.exec(head)?.[1];
  return lineOf(conn, target, recorders[0], found, owner);
}

function lineOf(
  conn: Deno.TcpConn,
  target: Target,
  recorder: Recorder,
  extensions: string | undefined,
  owner: Listener | undefined,
): Line {
  const masks = target === "server";
  let writing: Promise<void> = Promise.resolve();
  let saidGoodbye = false;
  let cut = false;
  const write = (frames: readonly Frame[], { chop, unsent = 0 }: Writing = {}): void => {
    saidGoodbye ||= frames.some(({ first }) => first === (final | opcode.close));
    cut ||= unsent > 0;
    const all = encode(frames, masks);
    const bytes = all.subarray(0, all.length - unsent);
    writing = writing.then(() => writeAll(conn, bytes, chop)).catch(() => {
      // Our end has closed, which is what the case is about, or else shows in what came.
    });
  };
  return {
    extensions,
    recorder,
    write,
    async all() {
      const reader = new FrameReader(!masks);
      const frames: Frame[] = [];
      const buffer = new Uint8Array(64 * 1024);
      let closed = false;
      for (;;) {
        const count = await within(conn.read(buffer), `the end of ${frames.map(shown).slice(-5)}`);
        if (count === null) break;
        frames.push(...reader.push(buffer.subarray(0, count)));
        if (closed || frames.at(-1)?.first !== (final | opcode.close)) continue;
        closed = true;
        // In the middle of a frame there is no way to say goodbye.
        if (!saidGoodbye && !cut) write([close(1000)]);
        await writing;
        await conn.closeWrite().catch(() => {});
      }
      return frames;
    },
    async [Symbol.asyncDispose]() {
      await writing;
      conn.close();
      await within(recorder.over(), "the end of our side");
      await owner?.close();
    },
  };
}

async function dialOurs(
  options: Partial<WebSocketOptions>,
  echo: (channel: Channel) => void,
  extensions: string | undefined,
): Promise<{ conn: Deno.TcpConn; head: string; owner: Listener }> {
  const accepted = Promise.withResolvers<void>();
  const owner = await websocket({ ...options, port: 0 }).listen((channel) => {
    echo(channel);
    accepted.resolve();
  });
  const conn = await Deno.connect({ port: owner.addr.port! });
  conn.setNoDelay(true);
  const lines = [
    ...upgradeLines,
    ...extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`],
  ];
  await writeAll(conn, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const head = await readHead(conn);
  assert.match(head, /^HTTP\/1\.1 101 /);
  await within(accepted.promise, "the accepted channel");
  return { conn, head, owner };
}

async function acceptOurs(
  options: Partial<WebSocketOptions>,
  echo: (channel: Channel) => void,
  extensions: string | undefined,
): Promise<{ conn: Deno.TcpConn; head: string; owner: undefined }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dialled = websocket({ ...options, port: listener.addr.port }).dial();
  const conn = await listener.accept();
  conn.setNoDelay(true);
  const head = await readHead(conn);
  const key = /^sec-websocket-key: *(\S+)\r$/mi.exec(head)![1];
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...extensions === undefined ? [] : [`Sec-WebSocket-Extensions: ${extensions}`],
  ];
  await writeAll(conn, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  echo(await dialled);
  return { conn, head, owner: undefined };
}

async function readHead(conn: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (await conn.read(byte) === null) throw new Error(`The head ended: ${head}`);
    head += String.fromCharCode(byte[0]);
  }
  return head;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array, chop = bytes.length): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at, at + chop));
}

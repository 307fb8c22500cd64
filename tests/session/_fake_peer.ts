/**
 * A channel whose far side is a script: the test says what comes, frame by
 * frame, and sees what is sent. It can do what no peer of ours would.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Address,
  type Channel,
  type ChannelTransport,
  emptyCounters,
  type Handler,
  ManualClock,
  type Message,
  type Receiver,
  type Session,
  type SessionListener,
  type SessionTransport,
  TransportError,
} from "../../src/core/mod.ts";
import { mux, type MuxOptions } from "../../src/session/mux.ts";
import { helloFrame } from "./_frames.ts";
import { settle } from "./_settle.ts";

const address: Address = { transport: "fake", path: "script" };

/** See the module. */
export class FakeChannel implements Channel {
  readonly local = address;
  readonly remote = address;
  readonly maxMessageBytes: number;
  bufferedBytes = 0;
  /** The frames that were sent, joined where they were sent in parts. */
  readonly sent: Uint8Array[] = [];
  /** What `send()` returns: set it to play a peer that does not read. */
  full: Promise<void> | undefined = undefined;
  /** What `send()` throws: set it to play a buffer that is full to its limit. */
  refusal: TransportError | undefined = undefined;
  /** How often `close()` was called. */
  closes = 0;
  /** Why it was aborted. */
  aborted: TransportError | undefined = undefined;
  over = false;
  peerHoldsBack = false;
  #receiver: Receiver | undefined;
  readonly #closing = Promise.withResolvers<void>();

  constructor(maxMessageBytes = 16 * 1024 * 1024) {
    this.maxMessageBytes = maxMessageBytes;
  }

  send(message: Message): void | Promise<void> {
    if (this.over || this.closes > 0) throw new TransportError("closed", "Cannot send: the fake is closed");
    if (this.refusal !== undefined) throw this.refusal;
    assert.ok(typeof message !== "string", "mux sends bytes");
    if (message.length > this.maxMessageBytes) throw new TransportError("message-too-large", "Cannot send: too large");
    this.sent.push(message.slice());
    return this.full;
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  close(): Promise<void> {
    this.closes++;
    return this.#closing.promise;
  }

  abort(reason: TransportError): void {
    if (this.over) return;
    this.aborted = reason;
    this.finish(reason);
  }

  /** The far side sends a message. What the receiver throws ends the channel, as on any other. */
  deliver(message: Message): void | Promise<void> {
    if (this.over) return;
    try {
      return this.#receiver!.message(message);
    } catch (error) {
      assert.ok(error instanceof TransportError, `the receiver threw ${error}`);
      this.abort(error);
    }
  }

  /** A part of a message has come. */
  begin(): void {
    this.#receiver!.begun?.();
  }

  /** The far side sends no more. */
  end(): void {
    if (!this.over) this.#receiver!.end();
  }

  /** The channel is over. */
  finish(error?: TransportError): void {
    if (this.over) return;
    this.over = true;
    this.#closing.resolve();
    this.#receiver!.closed(error);
  }

  /** What was sent since the last time, as hexadecimal text. */
  taken(): string[] {
    return this.sent.splice(0).map((frame) => frame.toHex());
  }
}

/** A transport that dials to, and accepts, channels made by the test. */
export function fakeTransport(channel: Channel): ChannelTransport & { accept: (channel: Channel) => void } {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const transport = {
    accept: (_: Channel): void => assert.fail("nobody listens"),
    dial: () => Promise.resolve(channel),
    listen: (accept: (channel: Channel) => void) => {
      transport.accept = accept;
      const close = () => {
        resolve();
        return finished;
      };
      return Promise.resolve({ addr: address, counters: emptyCounters(), finished, close });
    },
  };
  return transport;
}

/** A session that was dialled, and the script at its other end. */
export interface Dialled {
  readonly clock: ManualClock;
  readonly channel: FakeChannel;
  readonly session: Session<Uint8Array, Uint8Array>;
}

/** Dials, with the hellos done and taken. */
export async function dialFake(
  options: MuxOptions & {
    handler?: Handler<Uint8Array, Uint8Array>;
    hello?: Parameters<typeof helloFrame>[0];
    channel?: FakeChannel;
  } = {},
): Promise<Dialled> {
  const { handler, hello, channel = new FakeChannel(), ...muxOptions } = options;
  const clock = (options.clock ?? new ManualClock()) as ManualClock;
  const transport: SessionTransport<Uint8Array, Uint8Array> = mux({ ...muxOptions, clock })(fakeTransport(channel));
  const dialling = transport.dial({ handler });
  await settle();
  channel.deliver(helloFrame(hello));
  const session = await dialling;
  channel.taken();
  return { clock, channel, session };
}

/** A listening mux, and the script that has connected to it. */
export async function acceptFake(
  handler: Handler<Uint8Array, Uint8Array>,
  options: MuxOptions & {
    onSession?: (session: Session<Uint8Array, Uint8Array>) => void;
    hello?: Parameters<typeof helloFrame>[0] | false;
    channel?: FakeChannel;
  } = {},
): Promise<{ clock: ManualClock; channel: FakeChannel; listener: SessionListener }> {
  const { onSession, hello, channel = new FakeChannel(), ...muxOptions } = options;
  const clock = (options.clock ?? new ManualClock()) as ManualClock;
  const transport = fakeTransport(channel);
  const listener = await mux({ ...muxOptions, clock })(transport).listen(handler, { onSession });
  transport.accept(channel);
  if (hello !== false) {
    channel.deliver(helloFrame(hello));
    await settle();
    channel.taken();
  }
  return { clock, channel, listener };
}

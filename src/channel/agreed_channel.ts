/**
 * A channel around another one, whose two ends agree by a hello on what they
 * do to the messages: see `agreed_channel.md` beside this file.
 *
 * @module
 */

import { type Channel, formatAddress, type Message, type Receiver } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import { type MessageCounts, WrappedChannel } from "./wrapped_channel.ts";

/** What marks the messages of a middleware, and what its hello says. */
export interface Agreement {
  /** The name of the middleware. */
  readonly name: string;
  /** The first byte of its own messages: one that no text in UTF-8 begins with, and another one for each middleware. */
  readonly marker: number;
  /** The version that this end speaks, and the oldest one that it can. */
  readonly version: number;
  readonly oldestVersion: number;
}

/** The second byte of a message that begins with the marker: from {@linkcode firstKind} on, the middleware's own. */
const Kind = { data: 0, hello: 1 } as const;

/** The first kind that is a middleware's own. */
export const firstKind = 2;

/** Marker and kind. */
export const markBytes = 2;

const magic = [0x77, 0x77]; // "ww"
const helloBytes = markBytes + magic.length + 2;

/** See the module. What is sent and what comes is changed by those who extend it. */
export abstract class AgreedChannel extends WrappedChannel implements Receiver {
  sendParts: Channel["sendParts"];
  /** It is over: nothing is handed out any more. */
  protected over = false;
  /** The peer's hello has come. */
  protected agreed = false;
  protected readonly agreement: Agreement;
  protected readonly counts: MessageCounts;
  /** Whoever receives; undefined until somebody does. */
  protected receiver: Receiver | undefined = undefined;
  protected closing: PromiseWithResolvers<void> | undefined = undefined;
  /** What the peer is told when all that was sent has gone out. */
  protected goodbye: TransportError | undefined = undefined;
  #reason: TransportError | undefined = undefined;
  /** Keeps the messages back until somebody receives. */
  #gate: PromiseWithResolvers<void> | undefined = undefined;
  /** Something was sent. Until then what is buffered is the hello, which its owner did not send. */
  protected used = false;

  constructor(inner: Channel, agreement: Agreement, counts: MessageCounts) {
    super(inner);
    this.agreement = agreement;
    this.counts = counts;
    this.sendParts = inner.sendParts === undefined ? undefined : this.parts;
  }

  /** Begins: receives from the channel within and says hello. To be called once, when the channel is made. */
  begin(hello: Uint8Array = new Uint8Array(0)): this {
    this.inner.receive(this);
    if (this.over) return this;
    const { marker, version, oldestVersion } = this.agreement;
    const frame = new Uint8Array(helloBytes + hello.length);
    frame.set([marker, Kind.hello, ...magic, version, oldestVersion]);
    frame.set(hello, helloBytes);
    this.control(frame);
    return this;
  }

  override get maxMessageBytes(): number {
    return this.inner.maxMessageBytes - markBytes;
  }

  override get bufferedBytes(): number {
    return this.innerBytes;
  }

  /** What the channel within has buffered. */
  protected get innerBytes(): number {
    return this.used ? this.inner.bufferedBytes : 0;
  }

  override send(message: Message, priority?: number): void | Promise<void> {
    this.admit(message.length);
    const room = this.pass(message, priority);
    this.counts.messagesOut++;
    return room;
  }

  override receive(receiver: Receiver): void {
    if (this.receiver !== undefined) throw new TransportError("unsupported", "Cannot receive twice on one channel");
    this.receiver = receiver;
    if (this.over) return receiver.closed(this.#reason);
    this.#gate?.resolve();
  }

  override close(reason?: TransportError): Promise<void> {
    if (this.closing === undefined) {
      this.goodbye = reason;
      this.closing = Promise.withResolvers<void>();
      if (this.receiver === undefined && !this.over) this.receive(nobody);
      if (this.over) this.closing.resolve(this.inner.close());
      else this.finish();
    }
    return this.closing.promise;
  }

  // Receiver, of the channel within

  message(message: Message): void | Promise<void> {
    const { marker } = this.agreement;
    if (typeof message !== "string" && message[0] === marker) {
      const kind = message[1];
      if (kind === Kind.data && this.agreed) return this.take(message.subarray(markBytes));
      if (kind === Kind.hello && !this.agreed) return this.#welcome(message);
      if (kind >= firstKind && this.agreed) return this.own(kind, message);
      throw new TransportError("protocol", `Message of ${this.agreement.name}() refused: its kind is ${kind}`);
    }
    if (!this.agreed) throw this.#noHello(message);
    return this.take(message);
  }

  end(): void {
    if (!this.agreed && this.closing === undefined) {
      const why = `Connection lost: ${
        formatAddress(this.remote)
      } ended it before the hello of ${this.agreement.name}()`;
      return this.inner.abort(new TransportError("connection-lost", why, { processed: "no" }));
    }
    this.receiver!.end();
  }

  closed(error: TransportError | undefined): void {
    this.over = true;
    this.#reason = error;
    this.lost(error);
    this.closing ??= Promise.withResolvers<void>();
    // The channel within may have more to let go of when it has told of its end.
    this.closing.resolve(this.inner.close());
    this.#gate?.resolve();
    this.receiver?.closed(error);
  }

  // What those who extend it may change

  /** A message of the middleware's own has come. Throws `protocol` for one that breaks its rules. */
  protected abstract own(kind: number, message: Uint8Array): void | Promise<void>;

  /** The peer's hello has come: what stands in it beside the versions. */
  protected welcomed(_hello: Uint8Array): void {}

  /** A message as it was sent has come. */
  protected take(message: Message): void | Promise<void> {
    return this.deliver(message);
  }

  /** `close()` was called. */
  protected finish(): void {
    void this.inner.close(this.goodbye);
  }

  /** The channel is over. */
  protected lost(_error: TransportError | undefined): void {}

  // What they are given

  /** Hands a message out. */
  protected deliver(message: Message): void | Promise<void> {
    this.counts.messagesIn++;
    return this.receiver!.message(message);
  }

  /** Throws where a message of this length is not taken. A text has at least as many bytes as characters. */
  protected admit(length: number): void {
    if (this.closing !== undefined || this.over) throw this.closedError();
    if (length <= this.maxMessageBytes) {
      this.used = true;
      return;
    }
    throw new TransportError(
      "message-too-large",
      `Cannot send message: it has ${length} bytes, ${this.maxMessageBytes} are allowed`,
      { details: { messageBytes: length, maxBytes: this.maxMessageBytes } },
    );
  }

  /** Sends a message as it is; one that begins as if it were the middleware's own is marked as data. */
  protected pass(message: Message, priority: number | undefined): void | Promise<void> {
    if (typeof message === "string" || message[0] !== this.agreement.marker) return this.inner.send(message, priority);
    return this.inner.send(joined([this.agreement.marker, Kind.data], 2, message), priority);
  }

  /** Sends a message of the middleware's own that nobody waits for. */
  protected control(message: Uint8Array): void {
    try {
      // Most urgent, so that a hello comes first whatever waits.
      void this.inner.send(message, 0);
    } catch (error) {
      this.inner.abort(TransportError.from(error, "connection-lost"));
    }
  }

  /** How `sendParts()` works where the channel within has it. */
  protected parts(head: Uint8Array, headLength: number, body: Uint8Array, priority?: number): void | Promise<void> {
    const first = headLength > 0 ? head[0] : body[0];
    if (first === this.agreement.marker) return this.send(joined(head, headLength, body), priority);
    this.admit(headLength + body.length);
    const room = this.inner.sendParts!(head, headLength, body, priority);
    this.counts.messagesOut++;
    return room;
  }

  /** Settles when somebody receives, or when all is over. */
  protected gate(): Promise<void> {
    return (this.#gate ??= Promise.withResolvers<void>()).promise;
  }

  protected closedError(): TransportError {
    return new TransportError("closed", `Cannot use connection to ${formatAddress(this.remote)}: it is closed`);
  }

  #welcome(message: Uint8Array): void | Promise<void> {
    const { name, version, oldestVersion } = this.agreement;
    if (message.length < helloBytes || magic.some((byte, i) => message[markBytes + i] !== byte)) {
      throw this.#noHello(message);
    }
    const [theirs, theirOldest] = message.subarray(markBytes + magic.length);
    if (theirs < oldestVersion || theirOldest > version) {
      throw new TransportError(
        "version-mismatch",
        `Cannot use ${name}() with ${
          formatAddress(this.remote)
        }: it speaks versions ${theirOldest} to ${theirs}, this end ${oldestVersion} to ${version}`,
        { details: { theirs, theirOldest, ours: version, oursOldest: oldestVersion } },
      );
    }
    this.agreed = true;
    this.welcomed(message.subarray(helloBytes));
    if (this.receiver === undefined) return this.gate();
  }

  #noHello(message: Message): TransportError {
    const { name } = this.agreement;
    const start = typeof message === "string"
      ? JSON.stringify(message.slice(0, 16))
      : Array.from(message.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const where = formatAddress(this.remote);
    const why = `Cannot use ${name}() with ${where}: its first message is no hello of ${name}() but ${
      start || "empty"
    }`;
    return new TransportError("protocol", `${why}; both ends need the same chain`, { processed: "no" });
  }
}

/** The first bytes of a head followed by a body. */
export function joined(head: ArrayLike<number>, headLength: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(headLength + body.length);
  for (let i = 0; i < headLength; i++) message[i] = head[i];
  message.set(body, headLength);
  return message;
}

/** Receives where nobody does, only to see the end. */
const nobody: Receiver = { message: () => {}, end: () => {}, closed: () => {} };

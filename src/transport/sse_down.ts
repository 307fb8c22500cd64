/**
 * The body of one stream of events, between the channel that has them and
 * whoever writes them.
 *
 * @module
 */

const encoder = new TextEncoder();

/** The channel that a stream belongs to. */
export interface DownSource {
  /** The next chunk, or nothing for now. */
  takeChunk(): Uint8Array<ArrayBuffer> | undefined;
  /** The reader of a stream has gone. */
  streamLost(down: SseDown): void;
}

/** The body of one stream: whoever writes it takes chunks as its reader takes them. */
export class SseDown {
  /** Told when there may be something to take. */
  ready: () => void = () => {};
  readonly #channel: DownSource;
  /** What is left to say when the channel has let this stream go; set by then. */
  #last: string | undefined = undefined;

  constructor(channel: DownSource) {
    this.#channel = channel;
  }

  /** Whether the body is over when everything was taken. */
  get ending(): boolean {
    return this.#last !== undefined;
  }

  /** The next chunk, or nothing for now. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#last === undefined) return this.#channel.takeChunk();
    const last = this.#last;
    this.#last = "";
    return last === "" ? undefined : encoder.encode(last);
  }

  /** The reader has gone. */
  lost(): void {
    if (this.#last === undefined) this.#channel.streamLost(this);
  }

  /** The channel lets it go: what is given is said yet, and then it ends. */
  end(last = ""): void {
    if (this.#last !== undefined) return;
    this.#last = last;
    this.ready();
  }
}

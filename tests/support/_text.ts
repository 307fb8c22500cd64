/**
 * Readers for the text a child process writes.
 *
 * @module
 */

/** The text read so far from a stream. */
export interface Collected {
  /** The text so far. */
  readonly text: string;
  /** Resolves when the stream has ended or was cancelled. */
  readonly done: Promise<void>;
  /** Stops reading and closes the stream. */
  cancel(): Promise<void>;
}

/** Reads a stream to its end, keeping its text. */
export function collect(stream: ReadableStream<Uint8Array>): Collected {
  const reader = stream.getReader();
  let text = "";
  async function readAll(): Promise<void> {
    for await (const part of decoded(reader)) text += part;
  }
  return {
    get text() {
      return text;
    },
    done: readAll(),
    cancel: () => reader.cancel(),
  };
}

/** Gives a stream's lines as they are asked for. */
export function lineReader(stream: ReadableStream<Uint8Array>): {
  lines: AsyncIterableIterator<string>;
  cancel(): Promise<void>;
} {
  const reader = stream.getReader();
  const source = split(decoded(reader));
  return {
    // Without a `return` method, so that leaving a loop does not end it.
    lines: {
      next: () => source.next(),
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    cancel: () => reader.cancel(),
  };
}

async function* decoded(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

async function* split(
  parts: AsyncIterable<string>,
): AsyncGenerator<string, void> {
  let rest = "";
  for await (const part of parts) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

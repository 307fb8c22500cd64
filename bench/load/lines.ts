/**
 * Talking with child processes in lines of JSON.
 *
 * @module
 */

/** Whole lines of a stream of bytes. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

const encoder = new TextEncoder();

/** Writes a message to the parent, at once. */
export function tell(message: object): void {
  const bytes = encoder.encode(`${JSON.stringify(message)}\n`);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** The messages of the parent, until it closes the stream. */
export async function* heard<T>(): AsyncGenerator<T> {
  for await (const line of linesOf(Deno.stdin.readable)) yield JSON.parse(line) as T;
}

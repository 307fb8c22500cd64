/**
 * Gives the lines of a stream of text to a function.
 *
 * @module
 */

/** Characters after which a line is passed on although it has not ended. */
const maxLineChars = 64 * 1024;

/** What is passed on. */
export interface PassedLines {
  /** Resolves at the end of the stream. Never rejects. */
  readonly finished: Promise<void>;
  /** Reads no further. */
  cancel(): void;
}

/** See the module. What `take` throws is ignored: nobody is there to hear of it. */
export function passOnLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): PassedLines {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  const give = (line: string): void => {
    try {
      take(line.endsWith("\r") ? line.slice(0, -1) : line);
    } catch {
      // See above.
    }
  };
  const run = async (): Promise<void> => {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      const lines = (rest + decoder.decode(chunk.value, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) give(line);
      for (; rest.length > maxLineChars; rest = rest.slice(maxLineChars)) give(rest.slice(0, maxLineChars));
    }
    if (rest !== "") give(rest);
  };
  return { finished: run().catch(() => {}), cancel: () => void reader.cancel().catch(() => {}) };
}

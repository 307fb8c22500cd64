/**
 * The command line every benchmark program shares: `server` and `client`.
 *
 * @module
 */

/** The flags after the role, such as `--port 9000` or `--reuse`. */
export class Flags {
  #words: string[];

  /** Keep the words of the command line. */
  constructor(words: string[]) {
    this.#words = words;
  }

  /** Whether `--name` was given. */
  has(name: string): boolean {
    return this.#words.includes(`--${name}`);
  }

  /** The word after `--name`, or the fallback. */
  text(name: string, fallback: string): string {
    if (!this.has(name)) return fallback;
    return this.#words[this.#words.indexOf(`--${name}`) + 1] ?? "";
  }

  /** The number after `--name`, or the fallback. */
  number(name: string, fallback: number): number {
    const text = this.text(name, String(fallback));
    if (text !== "" && Number.isFinite(Number(text))) return Number(text);
    throw new RangeError(`Expected a number after --${name}: ${text}`);
  }
}

/** What a benchmark program can do. */
export interface Program {
  /** Listen on 127.0.0.1 and return the port. */
  server?(flags: Flags): number | Promise<number>;
  /** Load the server and return the figures to print. */
  client?(flags: Flags): Promise<Record<string, number>>;
}

/** Run the role that the command line names. */
export async function runProgram(program: Program): Promise<void> {
  const [role, ...words] = Deno.args;
  const flags = new Flags(words);
  if (role === "server" && program.server) {
    const port = await program.server(flags);
    console.log(JSON.stringify({ port }));
    await stdinClosed();
  } else if (role === "client" && program.client) {
    console.log(JSON.stringify(await program.client(flags)));
  } else {
    console.error("Usage: <program> server|client [flags]");
    Deno.exit(2);
  }
  Deno.exit(0);
}

/** Call `serve` with each connection accepted on a new port; return the port. */
export function acceptEach(
  serve: (conn: Deno.TcpConn) => Promise<void>,
): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const conn of listener) void serve(conn);
  })();
  return listener.addr.port;
}

/** Connect to the server that `--port` names, with Nagle's algorithm off. */
export async function connect(flags: Flags): Promise<Deno.TcpConn> {
  const port = flags.number("port", 0);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  return conn;
}

async function stdinClosed(): Promise<void> {
  const ignored = new Uint8Array(256);
  while (await Deno.stdin.read(ignored) !== null);
}

/**
 * Runs contenders against each other, each as a server and a client process,
 * and prints how they compare with the floor.
 *
 * @module
 */

/** A program to measure: two commands with the shared command line. */
export interface Contender {
  /** The name in the table. */
  name: string;
  /** The command that prints `{"port":N}` and serves until its stdin closes. */
  server: string[];
  /** The command that prints its figures; `--port N` and more are appended. */
  client: string[];
}

/** What to read from a client's line of JSON. */
export interface Figure {
  /** The key in the JSON. */
  key: string;
  /** What it is, with its unit. */
  label: string;
}

/** One comparison: the first contender is the floor. */
export interface Case {
  /** The heading of its table. */
  name: string;
  /** The floor, then the others. */
  contenders: Contender[];
  /** The flags every client gets. */
  flags: string[];
  /** The figures to compare; ones that a client does not print are left out. */
  figures: Figure[];
}

/** How much to measure. */
export interface RunOptions {
  /** The rounds that count, after one that does not. */
  rounds: number;
  /** How long one client may take. */
  timeoutMs: number;
}

/** A contender's figures, round by round, or why it has none. */
export interface Outcome {
  /** The contender's name. */
  name: string;
  /** The client's figures, one entry for each counted round. */
  rounds: Record<string, number>[];
  /** Why the contender could not be measured. */
  failure?: string;
}

/** The most open files to ask for; the hard limit where that is lower. */
const OPEN_FILES = 65_536;
const SHELL = `ulimit -n ${OPEN_FILES} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"`;
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 2_000;

/** A server process that listens on `port`. */
export interface RunningServer {
  /** Where it listens. */
  port: number;
  /** Close its stdin, and kill it if that does not end it. */
  stop(): Promise<void>;
}

/** Start a server and wait for the line that names its port. */
export async function startServer(command: string[]): Promise<RunningServer> {
  const child = spawn(command, "piped");
  const killed = child.status.then(() => {});
  const stop = async () => {
    await child.stdin.close().catch(() => {});
    const timer = setTimeout(() => kill(child), STOP_TIMEOUT_MS);
    await killed;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => kill(child), START_TIMEOUT_MS);
  try {
    const { port } = JSON.parse(await firstLine(child.stdout));
    return { port, stop };
  } catch (error) {
    kill(child);
    await killed;
    throw new Error("Server did not start", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Run a client to its end and return the figures it printed. */
export async function runClient(
  command: string[],
  timeoutMs: number,
): Promise<Record<string, number>> {
  const child = spawn(command, "null");
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, timeoutMs);
  const { success, code, stdout } = await child.output();
  clearTimeout(timer);
  if (late) throw new Error(`Client took more than ${timeoutMs} ms`);
  if (!success) throw new Error(`Client failed: exit code ${code}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Measure a case: A B C, A B C, …, with a first round that does not count. */
export async function runCase(
  { contenders, flags }: Case,
  { rounds, timeoutMs }: RunOptions,
): Promise<Outcome[]> {
  const outcomes = contenders.map(({ name, server }): Outcome => {
    const failure = isInstalled(server[0]) ? undefined : "not installed";
    return { name, rounds: [], failure };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.failure !== undefined) continue;
      try {
        const figures = await runOnce(contenders[index], flags, timeoutMs);
        if (round > 0) outcome.rounds.push(figures);
      } catch (error) {
        outcome.failure = `failed: ${(error as Error).message}`;
      }
    }
  }
  return outcomes;
}

async function runOnce(
  { server, client }: Contender,
  flags: string[],
  timeoutMs: number,
): Promise<Record<string, number>> {
  const running = await startServer(server);
  try {
    const port = ["--port", String(running.port)];
    return await runClient([...client, ...port, ...flags], timeoutMs);
  } finally {
    await running.stop();
  }
}

/** Start a program with as many open files as it may have. */
export function spawn(command: string[], stdin: "piped" | "null"): Deno.ChildProcess {
  // `exec` keeps the process id, so killing it kills the program itself.
  return new Deno.Command("sh", {
    args: ["-c", SHELL, "sh", ...command],
    stdin,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Kill a program that may have ended already. */
export function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  return text.split("\n", 1)[0];
}

function isInstalled(program: string): boolean {
  if (program.includes("/")) return exists(program);
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => exists(`${folder}/${program}`));
}

/** Whether there is a file at the path. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

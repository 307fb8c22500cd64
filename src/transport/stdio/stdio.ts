/**
 * Messages over standard input and output: those of this process, or of a
 * program that it starts.
 *
 * @module
 */

import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { TransportCounters } from "../transport_figures.ts";
import { openChild } from "./stdio_child_channel.ts";
import { readStdioOptions, type StdioOptions } from "./stdio_options.ts";
import { listenOwn, openOwn } from "./stdio_own.ts";

export type { StdioCommand, StdioExit, StdioOptions } from "./stdio_options.ts";

/**
 * Framed messages over standard input and output. Without a `command` they are
 * those of this process: a program that its parent talks to, by `listen()` or
 * by `dial()`, once in its life. With one, each `dial()` starts the program and
 * talks to it.
 *
 * A server whose standard output is the channel must write nothing else there:
 * `console.log()` would put its words between the messages. Use
 * `console.error()`, or begin the program with `console.log = console.error`.
 *
 * A program is over with its channel. `close()` closes its standard input; if
 * it is there after `graceMs`, it gets SIGTERM, and after the same time
 * SIGKILL. `abort()` begins with SIGTERM. Both `close()` and `closed()` after
 * it wait for the exit. A program that exits by itself with anything but 0, or
 * by a signal, is `connection-lost`, with `exitCode` and `signal` for details.
 *
 * Needs `--allow-run` for a program; nothing for standard input and output.
 *
 * Errors: `connect-failed` for a program that can't be started, and
 * `cancelled`; `address-in-use` for a second use of this process's own;
 * `unsupported` for listening with a command; `connection-lost`, `protocol`,
 * `message-too-large`, `overloaded` and `closed` from a channel;
 * `invalid-option`.
 *
 * @example A server that its parent starts
 * ```ts
 * import { chain, jsonRpc, serve, stdio } from "@wireway/wireway";
 * const server = await serve(chain(stdio(), jsonRpc()), (request) => ("method" in request ? request.params : null));
 * await server.finished;
 * ```
 *
 * @example Its client
 * ```ts
 * import { chain, jsonRpc, reconnect, stdio } from "@wireway/wireway";
 * const wire = chain(stdio({ command: { program: "deno", args: ["run", "server.ts"] } }), jsonRpc());
 * await using call = chain(wire, reconnect());
 * await call({ method: "hello" });
 * ```
 */
export function stdio(options: StdioOptions = {}): ChannelTransport {
  const settings = readStdioOptions(options);
  const { command } = settings;
  const counters = new TransportCounters();
  const transport: ChannelTransport = {
    async dial({ signal }: DialOptions = {}): Promise<Channel> {
      if (signal?.aborted) throw TransportError.from(signal.reason, "cancelled", { processed: "no" });
      await undefined;
      return command === undefined
        ? openOwn(settings, "client", counters.dialled, () => {})
        : openChild(settings, command, counters.dialled);
    },
    async listen(accept: (channel: Channel) => void): Promise<Listener> {
      await undefined;
      if (command === undefined) return counters.listens(listenOwn(settings, accept));
      throw new TransportError("unsupported", `Cannot listen on ${command.program}: it is dialled, and listens itself`);
    },
  };
  const { clock: _, observer: __, lingerMs: ___, heartbeatMs: ____, livenessMs: _____, ...shown } = settings;
  const program = command === undefined ? undefined : [command.program, ...command.args ?? []].join(" ");
  return named("stdio", { ...shown, command: program }, transport, counters.figures);
}

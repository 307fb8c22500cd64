/**
 * The conformance suites of channels and of sessions, over stdio(): the program
 * at the far side joins its own standard input and output to a socket, at whose
 * other end the test stands.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { chain, type ChannelTransport, jsonRpc, lengthPrefix, stdio, type StdioOptions, tcp } from "../../mod.ts";
import { asBytes, jsonBytes } from "../support/json_rpc_bytes.ts";
import { channelConformance } from "./channel_suite.ts";
import { jsonRpcCan } from "./_json_rpc_capabilities.ts";
import { type MakeSessions, sessionConformance } from "./session_suite.ts";

const program = fileURLToPath(new URL("../transport/stdio/_programs.ts", import.meta.url));

/** Dials a program that dials what it listens on. Its end is put into `exits`: a channel that is cut does not wait for it. */
function relayed(maxBytes: number, options: StdioOptions = {}, exits: Promise<void>[] = []): ChannelTransport {
  const framing = lengthPrefix({ maxBytes });
  let port = 0;
  return {
    async listen(accept) {
      const listener = await tcp({ port, framing }).listen(accept);
      port = listener.addr.port!;
      const { counters, finished } = listener;
      // The address of what is dialled.
      return { addr: { transport: "stdio", path: Deno.execPath() }, counters, finished, close: () => listener.close() };
    },
    dial(dialOptions) {
      const args = ["run", "--no-check", "--allow-all", program, "relay", `${port}`];
      const { promise, resolve } = Promise.withResolvers<void>();
      exits.push(promise);
      const command = { program: Deno.execPath(), args, onExit: () => resolve() };
      const dialled = stdio({ framing, stderr: "ignore", command, ...options }).dial(dialOptions);
      // What was given up before it began never ends.
      dialled.catch(() => resolve());
      return dialled;
    },
  };
}

channelConformance(
  "stdio() to a program that speaks through stdio()",
  ({ maxMessageBytes, highWaterBytes, maxBufferedBytes }) => ({
    transport: relayed(maxMessageBytes, { highWaterBytes, maxBufferedBytes }),
  }),
  { stopsPeer: true, halfClose: true, oneChannel: true },
);

const byName: MakeSessions = ({ maxInFlight, maxMessageBytes, clock }) => {
  const exits: Promise<void>[] = [];
  const wire = chain(relayed(jsonBytes(maxMessageBytes), {}, exits), jsonRpc({ maxInFlight, clock }));
  return {
    at: () => asBytes(wire, maxMessageBytes),
    cleanup: async () => {
      await Promise.all(exits);
    },
  };
};

sessionConformance("jsonRpc() over stdio()", { ...jsonRpcCan, port: false }, byName);

/**
 * A program for tests of stdio(): its own standard input and output are the
 * channel, and its first argument says what it does with it.
 *
 * @module
 */

import { chain, type Channel, jsonRpc, lengthPrefix, serve, stdio, tcp } from "../../../mod.ts";

const [what = "echo", argument = ""] = Deno.args;
const framing = lengthPrefix();

/** Joins two channels: what comes on one goes out on the other, and so does its end. */
function relay(from: Channel, to: Channel): void {
  from.receive({
    message: (message) => to.send(message),
    end: () => void to.close(),
    closed: (error) => error === undefined ? void to.close() : to.abort(error),
  });
}

switch (what) {
  case "echo":
    await stdio({ framing }).listen((channel) => {
      channel.receive({
        message: (message) => channel.send(message),
        end: () => void channel.close(),
        closed: () => {},
      });
    });
    break;
  case "relay": {
    const far = await tcp({ port: Number(argument), framing }).dial();
    const near = await stdio({ framing }).dial();
    relay(near, far);
    relay(far, near);
    break;
  }
  case "exit": {
    // Says hello, and ends with the code at the first message.
    const channel = await stdio({ framing }).dial();
    channel.receive({ message: () => Deno.exit(Number(argument)), end: () => {}, closed: () => {} });
    await channel.send("hello");
    break;
  }
  case "stubborn": {
    // Ends for nothing but SIGKILL, or for SIGTERM where it is told so.
    if (argument !== "term") Deno.addSignalListener("SIGTERM", () => console.error("no"));
    const channel = await stdio({ framing }).dial();
    channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
    await channel.send("ready");
    setInterval(() => {}, 1000);
    break;
  }
  case "errors":
    console.error("first");
    console.error("grüße\n");
    Deno.stderr.writeSync(new TextEncoder().encode("no end"));
    break;
  case "twice": {
    const first = await stdio().dial();
    const why = await stdio().dial().catch((error) => `${error.code}: ${error.message}`);
    first.receive({ message: () => {}, end: () => void first.close(), closed: () => {} });
    await first.send(String(why));
    break;
  }
  case "throw":
    await stdio({ framing }).listen(() => {
      throw new Error("not accepted");
    });
    break;
  case "serve": {
    const server = await serve(chain(stdio(), jsonRpc()), (request, context) => {
      return "method" in request ? context.peer!.call({ method: "back", params: request.params }) : null;
    });
    await server.finished;
    console.error("finished");
    break;
  }
}

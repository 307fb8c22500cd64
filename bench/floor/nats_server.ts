/**
 * The NATS server between two benchmark programs.
 *
 * @module
 */

/** Starts one on a free port of 127.0.0.1, which ends with this process; gives the port. */
export async function startNatsServer(): Promise<number> {
  using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const args = ["-a", "127.0.0.1", "-p", String(port), "-l", "/dev/stdout"];
  const child = new Deno.Command("nats-server", { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  addEventListener("unload", () => child.kill("SIGKILL"));
  let log = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    log += text;
    if (log.includes("Server is ready")) return port;
  }
  throw new Error(`Cannot start nats-server: ${log}`);
}

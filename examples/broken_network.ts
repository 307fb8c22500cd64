/**
 * A network that misbehaves: a proxy between a client and a server on this
 * machine, which delays, cuts, forgets or swallows what goes through it.
 *
 * @module
 */

/** Ends of one connection: the client's and the server's. */
interface Link {
  readonly ends: readonly [Deno.TcpConn, Deno.TcpConn];
  /** Whether nothing goes through any more, although both ends believe that it does. */
  forgotten: boolean;
}

/** See the module. */
export class BrokenNetwork {
  /** Bytes that went through, both ways. */
  bytes = 0;
  /** Connections that were made. */
  connections = 0;
  /** How long each byte is under way, in milliseconds. */
  latencyMs = 0;
  /** Whether new connections are closed at once. */
  refuses = false;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #upstreamPort: number;
  readonly #links = new Set<Link>();
  readonly #pumps = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  /** Present while nothing goes through. */
  #hole: PromiseWithResolvers<void> | undefined;

  /** Listens on a free port for what is to go to `upstreamPort`. */
  constructor(upstreamPort: number) {
    this.#upstreamPort = upstreamPort;
    this.#accepting = this.#accept();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Nothing goes through, or it does again: what was held first. */
  set blackhole(on: boolean) {
    if (on) this.#hole ??= Promise.withResolvers();
    else {
      this.#hole?.resolve();
      this.#hole = undefined;
    }
  }

  /** Cuts all connections. */
  cut(): void {
    for (const { ends } of this.#links) ends.forEach(close);
  }

  /** Lets nothing more through on the connections that are there. New ones work. */
  forget(): void {
    for (const link of this.#links) link.forgotten = true;
  }

  /** Cuts everything, and listens no more. */
  async close(): Promise<void> {
    this.blackhole = false;
    this.#listener.close();
    await this.#accepting;
    this.cut();
    await Promise.all(this.#pumps);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.refuses) {
        client.close();
        continue;
      }
      this.#begin(this.#join(client));
    }
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#upstreamPort });
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.connections++;
    const link: Link = { ends: [client, server], forgotten: false };
    this.#links.add(link);
    await Promise.all([this.#pump(link, client, server), this.#pump(link, server, client)]);
    this.#links.delete(link);
  }

  async #pump(link: Link, from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    let underWay = Promise.resolve();
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const count = await from.read(buffer).catch(() => null);
      if (count === null) break;
      const bytes = buffer.slice(0, count);
      const arrival = this.latencyMs === 0 ? undefined : sleep(this.latencyMs);
      underWay = underWay.then(async () => {
        await arrival;
        await this.#hole?.promise;
        if (link.forgotten) return;
        this.bytes += count;
        for (let sent = 0; sent < count;) sent += await to.write(bytes.subarray(sent));
      }).catch(() => {});
    }
    await underWay;
    // The other end of a forgotten connection hears of nothing.
    if (!link.forgotten) link.ends.forEach(close);
    close(from);
  }

  #begin(work: Promise<void>): void {
    const pump = work.catch(() => {}).finally(() => this.#pumps.delete(pump));
    this.#pumps.add(pump);
  }
}

/** Waits. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Closes a connection that may be closed already. */
function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was.
  }
}

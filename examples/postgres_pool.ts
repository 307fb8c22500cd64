/**
 * Pools Postgres clients, and shows what that saves:
 *
 *     PGHOST=127.0.0.1 PGUSER=postgres deno run -A examples/postgres_pool.ts
 *
 * The database is the one that the usual variables name (PGHOST, PGPORT,
 * PGUSER, PGPASSWORD, PGDATABASE). Nothing in it is changed.
 *
 * @module
 */

import postgres from "postgres";
import { Pool } from "../mod.ts";

const QUERIES = 200;
const AT_ONCE = 20;

/** A client that is one connection. */
type Client = ReturnType<typeof postgres>;

/** Opens a connection. The driver would open it with the first query: asked here, a failure is told here. */
async function connect(): Promise<Client> {
  const client = postgres({ max: 1, idle_timeout: 0, connect_timeout: 5, onnotice: () => {} });
  try {
    await client`select 1`;
  } catch (error) {
    await client.end({ timeout: 0 });
    throw error;
  }
  return client;
}

const isAlive = async (client: Client): Promise<boolean> => (await client`select 1 as alive`)[0].alive === 1;

const disconnect = (client: Client): Promise<void> => client.end({ timeout: 1 });

const query = async (client: Client, number: number): Promise<number> => {
  const [row] = await client`select ${number}::int * 2 as doubled`;
  return row.doubled;
};

/** Runs all queries, so many at once, and gives the time they took. */
async function timed(work: (number: number) => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < QUERIES) {
      const number = next++;
      const doubled = await work(number);
      if (doubled !== 2 * number) throw new Error(`The database says that twice ${number} is ${doubled}`);
    }
  }));
  return performance.now() - startedAt;
}

await using pool = new Pool<Client>({
  create: connect,
  destroy: disconnect,
  validate: isAlive,
  max: 4,
  maxLifetimeMs: 30 * 60_000,
});

const alone = await timed(async (number) => {
  const client = await connect();
  try {
    return await query(client, number);
  } finally {
    await disconnect(client);
  }
});
const pooled = await timed((number) => pool.use((client) => query(client, number)));

const { total, acquired, released, waitMs } = pool.stats();
console.log(`${QUERIES} queries, ${AT_ONCE} at once`);
console.log(`a connection for each   ${alone.toFixed(0)} ms`);
console.log(`a pool of ${total}             ${pooled.toFixed(0)} ms`);
console.log(`acquired ${acquired}, released ${released}, waited at most ${waitMs.p99?.toFixed(1)} ms (p99)`);

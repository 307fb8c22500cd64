/**
 * Borrowing from Pool and giving back, beside the pools of npm.
 *
 * @module
 */

import { createPool as createGenericPool } from "generic-pool";
import { createPool as createLightningPool } from "lightning-pool";
import { Pool as TarnPool } from "tarn";
import { Pool } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const PAIRS = 1000;
const MAX = 10;

interface Thing {
  used: number;
}

const create = (): Thing => ({ used: 0 });
const destroyed = (): Promise<void> => Promise.resolve();

/** What one writes where there is no framework: a list of what is free, and a line of those who wait. */
class HandPool {
  readonly #free: Thing[] = [create()];
  readonly #waiting: ((thing: Thing) => void)[] = [];

  acquire(): Promise<Thing> {
    const thing = this.#free.pop();
    return thing === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(thing);
  }

  release(thing: Thing): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(thing);
    else next(thing);
  }
}

const byHand = new HandPool();
const pool = new Pool({ create, max: MAX });
const generic = createGenericPool({ create: () => Promise.resolve(create()), destroy: destroyed }, { max: MAX });
const lightning = createLightningPool({ create: () => Promise.resolve(create()), destroy: destroyed }, { max: MAX });
const tarn = new TarnPool<Thing>({ create: () => Promise.resolve(create()), destroy: () => {}, min: 0, max: MAX });

const group = new Group("Pool, acquire and release, uncontended", PAIRS, "acquire and release");

group.floor("by hand", async () => {
  for (let i = 0; i < PAIRS; i++) {
    const thing = await byHand.acquire();
    thing.used++;
    byHand.release(thing);
  }
});

group.bench("Pool", async () => {
  for (let i = 0; i < PAIRS; i++) {
    const lease = await pool.acquire();
    lease.resource.used++;
    lease.release();
  }
});

group.bench("generic-pool", async () => {
  for (let i = 0; i < PAIRS; i++) {
    const thing = await generic.acquire();
    thing.used++;
    await generic.release(thing);
  }
});

group.bench("lightning-pool", async () => {
  for (let i = 0; i < PAIRS; i++) {
    const thing = await lightning.acquire();
    thing.used++;
    lightning.release(thing);
  }
});

group.bench("tarn", async () => {
  for (let i = 0; i < PAIRS; i++) {
    const thing = await tarn.acquire().promise;
    thing.used++;
    tarn.release(thing);
  }
});

kept.value = [byHand, pool];

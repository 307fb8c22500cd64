/**
 * Putting a deadline into the shared queue and taking it out again, beside a
 * timer of its own.
 *
 * @module
 */

import { type DeadlineEntry, DeadlineQueue, systemClock } from "../mod.ts";
import { Group } from "./floor/group.ts";

const DEADLINES = 1000;
const OTHERS = 1000;
/** Far enough for none to fall due while this runs. */
const MS = 3_600_000;

class Entry implements DeadlineEntry {
  dueAt = nextDueAt();
  position = -1;
  holds: boolean;

  constructor(holds: boolean) {
    this.holds = holds;
  }

  expire(): void {}
}

/** Deadlines come in the order of their calls. */
let lastDueAt = systemClock.now() + MS;
function nextDueAt(): number {
  return lastDueAt += 0.001;
}

const entry = new Entry(true);
const light = new Entry(false);
const empty = new DeadlineQueue(systemClock);
const emptyLight = new DeadlineQueue(systemClock);
const busy = new DeadlineQueue(systemClock);
const others = Array.from({ length: OTHERS }, () => new Entry(true));
for (const other of others) busy.add(other);

const group = new Group("DeadlineQueue", DEADLINES, "deadline set and taken back");
const nothing = (): void => {};

group.floor("setTimeout and clearTimeout", () => {
  for (let i = 0; i < DEADLINES; i++) clearTimeout(setTimeout(nothing, MS));
});

group.bench("add and remove, no others", () => {
  for (let i = 0; i < DEADLINES; i++) {
    entry.dueAt = nextDueAt();
    empty.add(entry);
    empty.remove(entry);
  }
});

group.bench("add and remove, no others, does not keep the process", () => {
  for (let i = 0; i < DEADLINES; i++) {
    light.dueAt = nextDueAt();
    emptyLight.add(light);
    emptyLight.remove(light);
  }
});

group.bench(`add and remove, ${OTHERS} others, the last leaves`, () => {
  for (let i = 0; i < DEADLINES; i++) {
    entry.dueAt = nextDueAt();
    busy.add(entry);
    busy.remove(entry);
  }
});

group.bench(`add and remove, ${OTHERS} others, the first leaves`, () => {
  for (const other of others) {
    busy.remove(other);
    other.dueAt = nextDueAt();
    busy.add(other);
  }
});

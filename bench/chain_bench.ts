/**
 * What chain() adds to a call: pass-through middleware around a service.
 *
 * @module
 */

import { type CallMiddleware, chain } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const passThrough: CallMiddleware = (inner) => (request, context) => inner(request, context);
const asyncLayer: CallMiddleware = (inner) => async (request, context) => await inner(request, context);

const five = chain(service, passThrough, passThrough, passThrough, passThrough, passThrough);
const fiveAsync = chain(service, asyncLayer, asyncLayer, asyncLayer, asyncLayer, asyncLayer);

const group = new Group("chain()", CALLS, "awaited call");

group.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

group.bench("five pass-through middleware", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await five(i);
  kept.value = sum;
});

group.bench("five async layers, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await fiveAsync(i);
  kept.value = sum;
});

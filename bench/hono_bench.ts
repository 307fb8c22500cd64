/**
 * What a middleware of ours costs in a Hono app, beside one of Hono's own form.
 *
 * @module
 */

import { Hono, type MiddlewareHandler } from "hono";
import { callMiddleware } from "../adapters/hono.ts";
import { type CallMiddleware, rateLimit } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const request = new Request("http://localhost/");
const pass: CallMiddleware = (inner) => (request, context) => inner(request, context);
const plain: MiddlewareHandler = async (_, next) => {
  await next();
};
const appWith = (middleware: MiddlewareHandler): Hono => new Hono().use(middleware).get("/", (c) => c.text("hello"));

const honos = appWith(plain);
const ours = appWith(callMiddleware(pass));
const limited = appWith(callMiddleware(rateLimit({ windows: [{ calls: 1e9, perMs: 1000 }] })));

const group = new Group("a middleware in a Hono app", CALLS, "request");

group.floor("one of Hono's own form", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await honos.fetch(request);
});

group.bench("callMiddleware(), passing on", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await ours.fetch(request);
});

group.bench("callMiddleware(rateLimit())", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await limited.fetch(request);
});

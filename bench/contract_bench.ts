/**
 * What a contract adds to a call, beside zod's own parse of the same values.
 *
 * @module
 */

import { z } from "zod";
import { background, chain, clientOf, contract, implement, type MethodRequest } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const Order = z.object({ item: z.string(), count: z.number().int().positive(), tags: z.array(z.string()) });
const Receipt = z.object({ id: z.number(), note: z.string() });
const orders = contract({ name: "orders", methods: { place: { request: Order, reply: Receipt } } });

const order = { item: "tea", count: 2, tags: ["green", "loose"] };
const receipt = { id: 7, note: "on its way" };
const answer = { method: "orders.place", params: order };

const server = chain(implement(orders, { place: () => receipt }));
const client = clientOf(orders, (_: MethodRequest) => Promise.resolve(receipt));
const plainServer = (request: MethodRequest): Promise<unknown> => {
  kept.value = Order.parse((request as typeof answer).params);
  return Promise.resolve(Receipt.parse(receipt));
};
const plainClient = async (request: typeof order): Promise<z.infer<typeof Receipt>> => {
  kept.value = Order.parse(request);
  return Receipt.parse(await Promise.resolve(receipt));
};

const serving = new Group("a contract, on the server", CALLS, "awaited call");

serving.floor("zod's parse of request and reply", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await plainServer(answer);
});

serving.bench("implement()", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await server(answer, background);
});

const calling = new Group("a contract, on the client", CALLS, "awaited call");

calling.floor("zod's parse of request and reply", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await plainClient(order);
});

calling.bench("clientOf()", async () => {
  for (let i = 0; i < CALLS; i++) kept.value = await client.place(order);
});

/**
 * What telemetry() adds to a call: while nobody takes any, and for information
 * while somebody does.
 *
 * @module
 */

import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { chain, telemetry } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const CALLS = 1000;

const service = (request: number): Promise<number> => Promise.resolve(request);
const method = (): string => "Numbers/echo";
const client = { side: "client", method } as const;

const off = chain(service, telemetry(client));
const twice = chain(service, telemetry(client), telemetry(client));
// An SDK without exporters: what is left is the making of spans and the counting.
const spans = chain(service, telemetry({ ...client, tracerProvider: new BasicTracerProvider() }));
const measured = chain(service, telemetry({ ...client, meterProvider: new MeterProvider() }));

const group = new Group("telemetry()", CALLS, "awaited call");

group.floor("a service alone", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await service(i);
  kept.value = sum;
});

group.bench("telemetry(), off", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await off(i);
  kept.value = sum;
});

group.bench("telemetry() twice, off", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await twice(i);
  kept.value = sum;
});

group.bench("telemetry(), measured by an SDK, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await measured(i);
  kept.value = sum;
});

group.bench("telemetry(), spans of an SDK, for information", async () => {
  let sum = 0;
  for (let i = 0; i < CALLS; i++) sum += await spans(i);
  kept.value = sum;
});

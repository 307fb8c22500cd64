/**
 * Reads protobuf as far as OTLP needs it: the fields of a schema by their
 * numbers, all others skipped. (A package for it would bring the types of Node,
 * which change those of every test.)
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What a field holds. An array is a message that may come several times. */
export type FieldType = "string" | "hex" | "varint" | "double" | "fixed64" | "doubles" | Schema | [Schema];

/** The fields of a message by their number. */
export interface Schema {
  readonly [number: number]: readonly [name: string, type: FieldType];
}

const value: Schema = {
  1: ["stringValue", "string"],
  2: ["boolValue", "varint"],
  3: ["intValue", "varint"],
  4: ["doubleValue", "double"],
};
const attribute: Schema = { 1: ["key", "string"], 2: ["value", value] };
const resource: Schema = { 1: ["attributes", [attribute]] };
const scope: Schema = { 1: ["name", "string"] };

const span: Schema = {
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  4: ["parentSpanId", "hex"],
  5: ["name", "string"],
  6: ["kind", "varint"],
  7: ["startTimeUnixNano", "fixed64"],
  8: ["endTimeUnixNano", "fixed64"],
  9: ["attributes", [attribute]],
  15: ["status", { 2: ["message", "string"], 3: ["code", "varint"] }],
};

const numbers: Schema = {
  1: ["dataPoints", [{ 4: ["asDouble", "double"], 6: ["asInt", "fixed64"], 7: ["attributes", [attribute]] }]],
};

const histograms: Schema = {
  1: ["dataPoints", [{
    4: ["count", "fixed64"],
    5: ["sum", "double"],
    7: ["explicitBounds", "doubles"],
    9: ["attributes", [attribute]],
  }]],
};

const metric: Schema = {
  1: ["name", "string"],
  3: ["unit", "string"],
  5: ["gauge", numbers],
  7: ["sum", numbers],
  9: ["histogram", histograms],
};

/** What an exporter sends of spans. */
export const traces: Schema = {
  1: ["resourceSpans", [{
    1: ["resource", resource],
    2: ["scopeSpans", [{ 1: ["scope", scope], 2: ["spans", [span]] }]],
  }]],
};

/** What an exporter sends of metrics. */
export const metrics: Schema = {
  1: ["resourceMetrics", [{ 2: ["scopeMetrics", [{ 1: ["scope", scope], 2: ["metrics", [metric]] }]] }]],
};

/** Decodes a message. Fields that did not come are not there, but for lists. */
export function decode(bytes: Uint8Array, schema: Schema): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const [name, type] of Object.values(schema)) if (Array.isArray(type)) message[name] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const varint = (): number => {
    let [result, factor] = [0, 1];
    for (;;) {
      const byte = bytes[offset++];
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) return result;
      factor *= 128;
    }
  };
  while (offset < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    const [name, type] = schema[tag >>> 3] ?? ["", "varint"];
    const start = offset;
    let read: unknown;
    if (wire === 0) {
      read = varint();
    } else if (wire === 1) {
      read = type === "double" ? view.getFloat64(start, true) : Number(view.getBigInt64(start, true));
      offset += 8;
    } else if (wire === 5) {
      offset += 4;
    } else if (wire === 2) {
      const length = varint();
      const part = bytes.subarray(offset, offset + length);
      offset += length;
      read = name === "" ? undefined : partOf(part, type);
    } else {
      throw new Error(`Cannot read protobuf: wire type ${wire} at byte ${start}`);
    }
    if (name === "") continue;
    if (Array.isArray(type)) (message[name] as unknown[]).push(read);
    else message[name] = read;
  }
  return message;
}

function partOf(part: Uint8Array, type: FieldType): unknown {
  if (Array.isArray(type)) return decode(part, type[0]);
  if (typeof type === "object") return decode(part, type as Schema);
  return textOrNumbers(part, type);
}

function textOrNumbers(part: Uint8Array, type: FieldType): unknown {
  const bytes = Buffer.from(part);
  if (type === "hex") return bytes.toString("hex");
  if (type === "string") return bytes.toString("utf8");
  return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(i * 8));
}

/**
 * Trace context in the metadata of calls: the fields of W3C Trace Context.
 *
 * @module
 */

import {
  type Context,
  createTraceState,
  isSpanContextValid,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";
import type { CallContext } from "../core/context.ts";
import { isKey, isValue, type Metadata, noMetadata } from "../core/metadata.ts";

const parentField = "traceparent";
const stateField = "tracestate";

/** Version, trace, parent, flags; a later version may say more (W3C Trace Context, section 3.2). */
const parentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads and writes `traceparent` and `tracestate`. The API brings no propagator
 * with it, and one that was not set up would break traces in silence.
 */
export const w3cPropagator: TextMapPropagator = {
  inject(context: Context, carrier: unknown, setter: TextMapSetter): void {
    const span = trace.getSpanContext(context);
    if (span === undefined || !isSpanContextValid(span)) return;
    const flags = (span.traceFlags & 0xff).toString(16).padStart(2, "0");
    setter.set(carrier, parentField, `00-${span.traceId}-${span.spanId}-${flags}`);
    const state = span.traceState?.serialize();
    if (state !== undefined && state !== "") setter.set(carrier, stateField, state);
  },

  extract(context: Context, carrier: unknown, getter: TextMapGetter): Context {
    const [, version, traceId, spanId, flags, more] = parentForm.exec(textIn(getter, carrier, parentField)) ?? [];
    if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return context;
    const state = textIn(getter, carrier, stateField);
    const span = {
      traceId,
      spanId,
      traceFlags: parseInt(flags, 16) & 1,
      isRemote: true,
      traceState: state === "" ? undefined : createTraceState(state),
    };
    return isSpanContextValid(span) ? trace.setSpanContext(context, span) : context;
  },

  fields: (): string[] => [parentField, stateField],
};

function textIn(getter: TextMapGetter, carrier: unknown, field: string): string {
  const value = getter.get(carrier, field);
  return (typeof value === "string" ? value : value?.[0] ?? "").trim();
}

const metadataGetter: TextMapGetter<Metadata> = {
  get: (metadata, field) => metadata[field.toLowerCase()],
  keys: (metadata) => Object.keys(metadata),
};

/** Sets what can travel as metadata, and nothing else: telemetry must not make a call fail. */
const metadataSetter: TextMapSetter<Record<string, string>> = {
  set(metadata, field, value) {
    const key = field.toLowerCase();
    if (isKey(key) && isValue(value)) metadata[key] = value;
  },
};

/** The context that the metadata of a call came from. */
export function extracted(propagator: TextMapPropagator, base: Context, metadata: Metadata): Context {
  try {
    return metadata === noMetadata ? base : propagator.extract(base, metadata, metadataGetter);
  } catch {
    // A propagator's own fault is not the call's.
    return base;
  }
}

/** A call's context, with `traced` in its metadata. */
export function injected(propagator: TextMapPropagator, traced: Context, call: CallContext): CallContext {
  const metadata: Record<string, string> = {};
  try {
    propagator.inject(traced, metadata, metadataSetter);
  } catch {
    // The call goes on with what could be set.
  }
  if (parentField in metadata && !(stateField in metadata) && call.metadata[stateField] !== undefined) {
    // That of another trace says nothing of this one.
    metadata[stateField] = "";
  }
  return call.with({ metadata });
}

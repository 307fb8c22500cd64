/**
 * The contracts that the rest of Wireway is built from: services, middleware
 * and {@linkcode chain}, the context of a call, channels, sessions and their
 * transports, errors, the observer and the clock.
 *
 * @module
 */

export * from "./adjustable.ts";
export type { Admittance } from "./admittance.ts";
export * from "./attempt.ts";
export * from "./cancellation.ts";
export * from "./chain.ts";
export * from "./channel.ts";
export * from "./clock.ts";
export { type CompletionListener, whenComplete } from "./completion.ts";
export * from "./context.ts";
export * from "./deadline_queue.ts";
export { adjustablesOf, type AdjustableStage, describe, named, type Stage, stagesOf, withFigures } from "./describe.ts";
export * from "./errors.ts";
export * from "./figures.ts";
export { isFinal, markFinal } from "./final_results.ts";
export { type Idempotence, idempotent } from "./idempotent.ts";
export type { Metadata } from "./metadata.ts";
export type { MethodCall, MethodRequest } from "./method_call.ts";
export type { Observer, TransportEvent } from "./observer.ts";
export { type Outcome, outcomeOf, outcomeOfReply } from "./outcome.ts";
export * from "./retry_budget.ts";
export * from "./service.ts";
export * from "./session.ts";
export { Streamed } from "./streamed.ts";

/**
 * One endpoint of a balancer, and what the balancer knows about it.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Closable, Service } from "../core/service.ts";
import { hashOf } from "../util/rendezvous.ts";
import { CallRecord } from "./call_record.ts";
import { type Ejectable, EjectionRecord } from "./outlier_ejection.ts";
import type { Candidate } from "./strategy.ts";

/**
 * What a balancer knows of an endpoint at this moment.
 *
 * @example
 * ```ts
 * import type { EndpointStats } from "@wireway/wireway";
 * const isWell = ({ ejected, failureShare }: EndpointStats): boolean => !ejected && failureShare < 0.01;
 * ```
 */
export interface EndpointStats {
  /** What it is called. */
  name: string;
  /** Calls in flight. */
  load: number;
  /** Whether it is left out. */
  ejected: boolean;
  /** Whether `isHealthy` says that it is well; true where nobody was asked. */
  healthy: boolean;
  /** Its share of the load compared with the others', from 0.1 to 1. */
  weight: number;
  /** Its latency of late, in milliseconds; undefined where the strategy does not measure it. */
  latencyMs: number | undefined;
  /** The share of its calls of late that failed; 0 where the strategy does not measure it. */
  failureShare: number;
}

/** The least that a new endpoint is given, as a share of its full weight. */
const firstWeight = 0.1;

/** See the module. */
export class BalancedEndpoint<Req, Res> implements Candidate, Ejectable {
  readonly name: string;
  readonly hash: number;
  readonly service: Service<Req, Res> & Partial<Closable>;
  readonly since: number;
  readonly record: CallRecord = new CallRecord();
  readonly ejection: EjectionRecord = new EjectionRecord();
  /** Calls in flight. */
  load = 0;
  /** Whether it carries calls at all: those that are left out are only a last resort. */
  available = true;
  weight = 1;
  /** Whether it is well, as far as others know. */
  healthy = true;
  /** Until when it refuses what it is given. */
  refusesUntil = 0;
  /** When it was let in last, from which its weight grows. */
  admittedAt: number;
  /** Whether it has gone, and only finishes what it carries. */
  gone = false;

  constructor(name: string, service: Service<Req, Res> & Partial<Closable>, now: number) {
    this.name = name;
    this.hash = hashOf(name);
    this.service = service;
    this.since = now;
    this.admittedAt = now;
  }

  /** Lets its weight grow from a tenth to all of it over the slow start. Whether it is still growing. */
  grow(now: number, slowStartMs: number): boolean {
    const age = now - this.admittedAt;
    this.weight = age >= slowStartMs ? 1 : Math.max(firstWeight, age / slowStartMs);
    return this.weight < 1;
  }

  /** Takes note that it refuses calls for a time. Whether it did not before. */
  refuses(forMs: number, clock: Clock): boolean {
    if (forMs <= 0) return false;
    const now = clock.now();
    const before = this.refusesUntil;
    this.refusesUntil = Math.max(before, now + forMs);
    return before <= now;
  }

  /** What is known of it at this moment. */
  stats(now: number): EndpointStats {
    const { name, load, ejection, healthy, weight, record: { latency, failures } } = this;
    const latencyMs = latency.known ? latency.at(now) : undefined;
    const ejected = ejection.ejectedUntil > now;
    return { name, load, ejected, healthy, weight, latencyMs, failureShare: failures.value };
  }

  /** Closes what it holds, once nothing is in flight. */
  closeIfDone(): Promise<void> | undefined {
    return this.gone && this.load === 0 ? this.service.close?.() : undefined;
  }
}

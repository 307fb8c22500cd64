/**
 * A session that stands around another one and only changes what a call is.
 *
 * @module
 */

import type { CallContext } from "../core/context.ts";
import type { TransportError } from "../core/errors.ts";
import type { Session, ShutdownOptions } from "../core/session.ts";

/** Passes everything but the calls on to the session within. */
export abstract class WrappedSession<InnerReq, InnerRes, Req, Res> implements Session<Req, Res> {
  protected readonly inner: Session<InnerReq, InnerRes>;

  constructor(inner: Session<InnerReq, InnerRes>) {
    this.inner = inner;
  }

  get local(): Session<Req, Res>["local"] {
    return this.inner.local;
  }
  get remote(): Session<Req, Res>["remote"] {
    return this.inner.remote;
  }
  get identity(): unknown {
    return this.inner.identity;
  }
  get state(): Session<Req, Res>["state"] {
    return this.inner.state;
  }
  get load(): number {
    return this.inner.load;
  }
  get capacity(): number {
    return this.inner.capacity;
  }
  get finished(): Session<Req, Res>["finished"] {
    return this.inner.finished;
  }
  get onChange(): (() => void) | undefined {
    return this.inner.onChange;
  }
  set onChange(listener: (() => void) | undefined) {
    this.inner.onChange = listener;
  }

  abstract call(request: Req, context?: CallContext): Promise<Res>;
  abstract send(request: Req, context?: CallContext): void | Promise<void>;

  ping(): Promise<number> {
    return this.inner.ping();
  }

  close(options?: ShutdownOptions): Promise<void> {
    return this.inner.close(options);
  }

  abort(reason: TransportError): void {
    this.inner.abort(reason);
  }
}

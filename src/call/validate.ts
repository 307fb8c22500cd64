/**
 * validate(): checks requests and replies against schemas.
 *
 * @module
 */

import { discardReply, endsLater } from "../core/completion.ts";
import { background, type CallContext } from "../core/context.ts";
import { named, withFigures } from "../core/describe.ts";
import { counted } from "../core/figures.ts";
import { notify, type Observer } from "../core/observer.ts";
import { given, integer, label, readOptions } from "../core/options.ts";
import type { Service } from "../core/service.ts";
import type { Schema, SchemaIssue, SchemaResult } from "./schema.ts";
import { aSchema, checkOf, schemaError } from "./schema_errors.ts";

export type { Schema, SchemaIssue, SchemaResult } from "./schema.ts";

/**
 * Options of {@linkcode validate}.
 *
 * @example
 * ```ts
 * import { validate, type ValidateOptions } from "@wireway/wireway";
 * import { z } from "zod";
 * const options: ValidateOptions<string, string, unknown, unknown> = { request: z.string().max(100) };
 * validate(options);
 * ```
 */
export interface ValidateOptions<Asked, Req, Res, Answered> {
  /** What a request must be; what it makes of one is what goes on. @default {anything} */
  request?: Schema<Asked, Req>;
  /** What a reply must be; what it makes of one is what the caller gets. @default {anything} */
  reply?: Schema<Res, Answered>;
  /** How many faults an error names at most; the others are counted. @default {16} */
  maxIssues?: number;
  /** Hears `call-rejected` for each request and reply that is refused. */
  observer?: Observer;
  /** What events call this policy. @default {"validate"} */
  name?: string;
}

/**
 * Checks requests and replies against schemas of zod or of any other library
 * that speaks Standard Schema. What a schema makes of a value (defaults,
 * transforms, unknown fields taken out) is what goes on.
 *
 * A request that breaks its schema is refused with `invalid-request` before
 * anything is called, a reply that does with `invalid-reply`. `details.issues`
 * lists what was wrong and where, as `{ path, message }`, and
 * `details.issueCount` how much there was; both reach a remote caller. Neither
 * contains the values themselves, unless the schema's messages do.
 *
 * A schema that answers at once costs what its library does and no promise
 * beside; replies cost one.
 *
 * Place: outermost on a server, so that nothing works on what is wrong; on a
 * client where replies of another team's server are first believed, inside of
 * retries only if a broken reply is worth another try.
 *
 * Errors: `invalid-request` (`processed: "no"`), `invalid-reply` (`"yes"`),
 * `invalid-option`, and those of the inner service.
 *
 * @example
 * ```ts
 * import { chain, validate } from "@wireway/wireway";
 * import { z } from "zod";
 * const Order = z.object({ item: z.string(), count: z.number().int().positive().default(1) });
 * const call = chain(
 *   (order: z.output<typeof Order>) => `${order.count} × ${order.item}`,
 *   validate({ request: Order, reply: z.string() }),
 * );
 * console.log(await call({ item: "tea" })); // 1 × tea
 * ```
 */
export function validate<Asked, Req = Asked, Res = unknown, Answered = Res>(
  options: ValidateOptions<Asked, Req, Res, Answered>,
): (inner: Service<Req, Res>) => Service<Asked, Answered> {
  const settings = readOptions("validate()", options, {
    request: aSchema<Asked, Req>(),
    reply: aSchema<Res, Answered>(),
    maxIssues: integer(16, 1, 1000),
    observer: given<Observer | undefined>(undefined, "a function"),
    name: label("validate"),
  });
  const { maxIssues, observer, name } = settings;
  const checkRequest = checkOf(settings.request);
  const checkReply = checkOf(settings.reply);

  const refuse = (code: "invalid-request" | "invalid-reply", issues: readonly SchemaIssue[]): Promise<never> => {
    const what = code === "invalid-request" ? "Request refused" : "Reply refused";
    const error = schemaError(code, what, issues, maxIssues);
    if (observer !== undefined) notify(observer, { type: "call-rejected", policy: name, error });
    return Promise.reject(error);
  };
  return named("validate", { request: settings.request !== undefined, reply: settings.reply !== undefined, name }, (
    inner: Service<Req, Res>,
  ): Service<Asked, Answered> => {
    const counts = { calls: 0, requests: 0, replies: 0 };
    const refuseRequest = (issues: readonly SchemaIssue[]): Promise<never> => {
      counts.requests++;
      return refuse("invalid-request", issues);
    };
    const refuseReply = (issues: readonly SchemaIssue[]): Promise<never> => {
      counts.replies++;
      return refuse("invalid-reply", issues);
    };
    const replied = (result: SchemaResult<Answered>): Answered | Promise<Answered> =>
      result.issues === undefined ? result.value : refuseReply(result.issues);
    const onReply = (reply: Res): Answered | Promise<Answered> => {
      if (endsLater(reply)) return checkedLater(reply);
      const result = checkReply(reply);
      return result instanceof Promise ? result.then(replied) : replied(result);
    };
    /** What comes behind the first word of a reply that is refused is read by nobody. */
    const checkedLater = async (reply: Res): Promise<Answered> => {
      try {
        return await replied(await checkReply(reply));
      } catch (error) {
        discardReply(reply);
        throw error;
      }
    };
    const forward = (request: Req, context: CallContext): Promise<Answered> => {
      const call = inner(request, context);
      return settings.reply === undefined ? call as Promise<unknown> as Promise<Answered> : call.then(onReply);
    };
    const validating = function validate(request: Asked, context: CallContext = background): Promise<Answered> {
      counts.calls++;
      try {
        const result = checkRequest(request);
        if (result instanceof Promise) {
          return result.then(({ issues, value }) =>
            issues === undefined ? forward(value, context) : refuseRequest(issues)
          );
        }
        return result.issues === undefined ? forward(result.value, context) : refuseRequest(result.issues);
      } catch (error) {
        return Promise.reject(error);
      }
    };
    return withFigures(validating, () => [
      counted("calls", counts.calls),
      counted("requests refused", counts.requests),
      counted("replies refused", counts.replies),
    ]);
  });
}

/**
 * Whether a client is let in, and who it is.
 *
 * @module
 */

/**
 * What `authenticate` of a server says of a client. What is falsy turns it away.
 * A text or an object lets it in, and says who it is: handlers find it in
 * `context.peer.identity`.
 *
 * @example
 * ```ts
 * import { type Admittance, chain, mux, serve, text, websocket } from "@wireway/wireway";
 * const users = new Map([["Bearer 7", { name: "Ada" }]]);
 * const authenticate = ({ headers }: { headers: Headers }): Admittance => users.get(headers.get("authorization") ?? "");
 * await serve(chain(websocket({ port: 9000, authenticate }), mux(), text()), (_, { peer }) => {
 *   const { name } = peer?.identity as { name: string };
 *   return `hello ${name}`;
 * });
 * ```
 */
export type Admittance = boolean | string | object | null | undefined;

/** Who was let in: undefined where nobody said more than yes. */
export function identityOf(admittance: Admittance): unknown {
  return admittance === true ? undefined : admittance;
}

/**
 * A stream whose items are checked as they pass.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import { leave as leaveSource } from "../../core/streamed.ts";
import type { SchemaIssue, SchemaResult } from "../schema.ts";
import type { Check } from "../schema_errors.ts";

/**
 * The items of `source`, each as its schema makes it. One that breaks it ends
 * the stream with what `refuse` says, or what the schema throws, and leaves the
 * source. `abandon` is told
 * where the stream is left while it is being opened.
 */
export function checkedItems<Out>(
  source: () => AsyncIterator<unknown> | Promise<AsyncIterator<unknown>>,
  check: Check<Out>,
  refuse: (issues: readonly SchemaIssue[]) => TransportError,
  abandon: () => void = () => {},
): AsyncIterator<Out, undefined> {
  let opening: Promise<AsyncIterator<unknown>> | undefined;
  let items: AsyncIterator<unknown> | undefined;
  let over = false;

  const leave = async (): Promise<void> => {
    over = true;
    if (items !== undefined) await items.return?.();
    else if (opening !== undefined) abandon();
  };
  const open = async (): Promise<AsyncIterator<unknown>> => {
    const opened = await source();
    if (over) leaveSource(opened)?.catch(() => {});
    return items = opened;
  };
  const refused = (error: unknown): never => {
    // What the source says of being left matters to nobody any more.
    leave().catch(() => {});
    throw error;
  };
  const passed = (result: SchemaResult<Out>): IteratorResult<Out, undefined> =>
    result.issues === undefined ? { done: false, value: result.value } : refused(refuse(result.issues));
  const checked = (
    step: IteratorResult<unknown>,
  ): IteratorResult<Out, undefined> | Promise<IteratorResult<Out, undefined>> => {
    if (step.done || over) {
      over = true;
      return ended;
    }
    let result: SchemaResult<Out> | Promise<SchemaResult<Out>>;
    try {
      result = check(step.value);
    } catch (error) {
      return refused(error);
    }
    return result instanceof Promise ? result.then(passed, refused) : passed(result);
  };
  const failed = (error: unknown): never => {
    over = true;
    throw error;
  };
  return {
    next(): Promise<IteratorResult<Out, undefined>> {
      if (over) return Promise.resolve(ended);
      if (items !== undefined) return items.next().then(checked, failed);
      return (opening ??= open()).then((opened) => opened.next()).then(checked, failed);
    },
    async return(): Promise<IteratorResult<Out, undefined>> {
      if (!over) await leave();
      return ended;
    },
  };
}

const ended: IteratorReturnResult<undefined> = { done: true, value: undefined };

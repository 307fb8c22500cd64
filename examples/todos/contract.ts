/**
 * What server, command line and page of the to-do list agree on.
 *
 * @module
 */

import { contract } from "@wireway/wireway";
import { z } from "zod";

/** One thing to do. */
export const Todo = z.object({ id: z.number(), text: z.string(), done: z.boolean() });

/** The type of it. */
export type Todo = z.infer<typeof Todo>;

/** The service: everything else follows from this. */
export const todos = contract({
  name: "todos",
  methods: {
    add: { request: z.object({ text: z.string().trim().min(1).max(200) }), reply: Todo },
    done: { request: z.object({ id: z.number(), done: z.boolean().default(true) }), reply: Todo, idempotent: true },
    list: { reply: z.array(Todo), idempotent: true },
    watch: { replies: z.array(Todo) },
  },
});

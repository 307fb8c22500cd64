/**
 * The page of the to-do list. `deno task todos` bundles it.
 *
 * @module
 */

import { chain, clientOf, methods, mux, platformWebSocket, reconnect } from "@wireway/wireway";
import { type Todo, todos } from "./contract.ts";

// The types of pages are not those of programs; these few are enough here.
interface Element {
  textContent: string;
  value: string;
  checked: boolean;
  hidden: boolean;
  type: string;
  append(...parts: unknown[]): void;
  replaceChildren(...parts: unknown[]): void;
  addEventListener(type: string, listener: (event: { preventDefault(): void }) => void): void;
}
interface Document {
  querySelector(selector: string): Element;
  createElement(name: string): Element;
}
const { document, location } = globalThis as unknown as { document: Document; location: { host: string } };

const url = `ws://${location.host}/calls`;
const call = chain(platformWebSocket({ url }), mux({ streams: true }), methods(), reconnect());
const client = clientOf(todos, call);

const list = document.querySelector("#list");
const status = document.querySelector("#status");
const input = document.querySelector("#text");

/** Runs what a click wants, and says what went wrong. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
    status.textContent = "";
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

function row(todo: Todo): Element {
  const [item, label, box] = ["li", "label", "input"].map((name) => document.createElement(name));
  box.type = "checkbox";
  box.checked = todo.done;
  box.addEventListener("change", () => void attempt(() => client.done({ id: todo.id, done: box.checked })));
  label.append(box, ` ${todo.text}`);
  item.append(label);
  return item;
}

document.querySelector("#form").addEventListener("submit", (event) => {
  event.preventDefault();
  void attempt(async () => {
    await client.add({ text: input.value });
    input.value = "";
  });
});

// The stream ends with its connection; then it is asked for again.
for (;;) {
  await attempt(async () => {
    for await (const all of client.watch()) {
      list.replaceChildren(...all.map(row));
      status.textContent = "";
    }
  });
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

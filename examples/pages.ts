/**
 * The pages of the examples, as routes of a Hono app.
 *
 * @module
 */

import { Hono } from "hono";

/** Where the pages find what they show. */
export interface PagePorts {
  chat: number;
  ticker: number;
}

const folder = new URL("./pages/", import.meta.url);
const readPage = (name: string): Promise<string> => Deno.readTextFile(new URL(name, folder));

/** Nothing from elsewhere may run in these pages, which show what strangers write. */
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src data:; " +
  "connect-src http: ws:";

/** The routes `/chat`, `/ticker` and `/style.css`; `cut` cuts the ticker's connections. */
export function pages(ports: PagePorts, cut: () => void): Hono {
  const routes = new Hono();
  for (const name of ["chat", "ticker"] as const) {
    routes.get(`/${name}`, async (c) => {
      const page = await readPage(`${name}.html`);
      c.header("content-security-policy", policy);
      return c.html(page.replace("{{port}}", String(ports[name])));
    });
  }
  routes.get("/style.css", async (c) => c.body(await readPage("style.css"), 200, { "content-type": "text/css" }));
  routes.post("/cut", (c) => {
    cut();
    return c.body(null, 204);
  });
  return routes;
}

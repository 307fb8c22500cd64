/**
 * The files of the page, and how they are answered.
 *
 * They are imported as text, so that they come with the module: from a folder,
 * from JSR and out of a compiled program alike, without a permission to read.
 *
 * @module
 */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotJs from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import chartSpecsJs from "./page/chart_specs.js" with { type: "text" };
import chartsJs from "./page/charts.js" with { type: "text" };
import chainsJs from "./page/chains.js" with { type: "text" };
import formatJs from "./page/format.js" with { type: "text" };
import mainJs from "./page/main.js" with { type: "text" };
import modelJs from "./page/model.js" with { type: "text" };
import pageHtml from "./page/page.html" with { type: "text" };
import panelsJs from "./page/panels.js" with { type: "text" };
import snapshotsJs from "./page/snapshots.js" with { type: "text" };
import trendsJs from "./page/trends.js" with { type: "text" };
import styleCss from "./page/style.css" with { type: "text" };

const script = "text/javascript; charset=utf-8";
const style = "text/css; charset=utf-8";

const files: Record<string, { readonly type: string; readonly text: string }> = {
  "uplot.js": { type: script, text: uplotJs },
  "uplot.css": { type: style, text: uplotCss },
  "style.css": { type: style, text: styleCss },
  "main.js": { type: script, text: mainJs },
  "model.js": { type: script, text: modelJs },
  "chart_specs.js": { type: script, text: chartSpecsJs },
  "charts.js": { type: script, text: chartsJs },
  "chains.js": { type: script, text: chainsJs },
  "panels.js": { type: script, text: panelsJs },
  "snapshots.js": { type: script, text: snapshotsJs },
  "trends.js": { type: script, text: trendsJs },
  "format.js": { type: script, text: formatJs },
};

/** Nothing runs in the page but its own files, and nobody frames it. */
const headers = {
  "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** Asks `authorize` before anything is answered. */
export function guarded(authorize: ((request: Request) => boolean | Promise<boolean>) | undefined): MiddlewareHandler {
  return async (c, next) => {
    if (authorize !== undefined && !await authorize(c.req.raw)) return c.text("Not allowed\n", 403);
    return await next();
  };
}

/** The routes of the page and its files. */
export function pageRoutes(title: string): Hono {
  const routes = new Hono();
  const page = (c: Context): Response => {
    // Links are relative to where the page stands, whatever a proxy has made of its path.
    const place = c.req.path.endsWith("/") ? "" : `${lastSegment(c.req.path)}/`;
    const html = pageHtml.replaceAll("%place%", () => place).replaceAll("%title%", () => escaped(title));
    return c.body(html, 200, { ...headers, "content-type": "text/html; charset=utf-8" });
  };
  routes.get("/", page);
  // Where it is mounted at a path, that path with a slash behind it is another one to Hono.
  routes.get("/*", (c, next) => isMountWithSlash(c) ? Promise.resolve(page(c)) : next());
  for (const [name, { type, text }] of Object.entries(files)) {
    routes.get(`/${name}`, (c) => c.body(text, 200, { ...headers, "content-type": type }));
  }
  return routes;
}

/** Whether the path is the one that this is mounted at and a slash: the star of its route stands for nothing. */
function isMountWithSlash(c: Context): boolean {
  const { path } = c.req;
  return path.endsWith("/") && path.split("/").length === routePath(c).split("/").length;
}

/** The end of a path as a link to it is written; what is no UTF-8 stays as it came. */
function lastSegment(path: string): string {
  const segment = path.slice(path.lastIndexOf("/") + 1);
  try {
    return encodeURIComponent(decodeURIComponent(segment));
  } catch {
    return segment.replace(/[^\w%.~-]/gu, encodeURIComponent);
  }
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

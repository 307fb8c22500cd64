/**
 * A chat room over WebSocket: what one says goes to all, and whoever comes back
 * gets what was said in between.
 *
 * `deno task start` serves it with a page.
 *
 * @module
 */

import { type Channel, type Listener, type Message, Topic, type TopicSubscription, websocket } from "@wireway/wireway";

/** What somebody said. */
interface Said {
  readonly name: string;
  readonly text: string;
  readonly at: number;
}

/** What a newcomer sees of what was said before. */
const recentLines = 50;
const maxNameLength = 40;
const maxTextLength = 500;

/** Where the room is. */
export interface ChatOptions {
  hostname: string;
  port: number;
  /** Whose pages may come in. */
  origins: string[];
}

/** Opens the room. */
export async function serveChat({ hostname, port, origins }: ChatOptions): Promise<Listener> {
  const room = new Topic<Said, { text: string }>({
    encodings: {
      text: { encode: (said, id) => JSON.stringify({ id, ...said }), gap: () => JSON.stringify({ missed: true }) },
    },
    replay: true,
  });
  const people = new Set<Guest>();
  const tellCount = (): void => {
    for (const guest of people) guest.tell({ people: people.size });
  };
  return await websocket({ hostname, port, path: "/chat", origins, maxMessageBytes: 8192 }).listen((channel) => {
    const guest = new Guest(channel, room);
    channel.receive({
      message: (message) => {
        if (guest.heard(message)) {
          people.add(guest);
          tellCount();
        }
      },
      end: () => void channel.close(),
      closed: () => {
        guest.left();
        if (people.delete(guest)) tellCount();
      },
    });
  });
}

/** One window. */
class Guest {
  readonly #channel: Channel;
  readonly #room: Topic<Said, { text: string }>;
  #subscription: TopicSubscription | undefined = undefined;

  constructor(channel: Channel, room: Topic<Said, { text: string }>) {
    this.#channel = channel;
    this.#room = room;
  }

  /** Tells this window alone. One that does not read misses it: the next one says the same anew. */
  tell(notice: object): void {
    try {
      void this.#channel.send(JSON.stringify(notice));
    } catch {
      // It has gone, and will be told of as gone.
    }
  }

  /** Takes a message; says whether it was the first one, with which a guest comes in. */
  heard(message: Message): boolean {
    const { after, name, text } = read(message);
    if (typeof after === "string" && this.#subscription === undefined) {
      const send = (encoded: string): void | Promise<void> => this.#channel.send(encoded);
      const closed = (): void => void this.#channel.close();
      this.#subscription = this.#room.subscribe("text", send, { after, recent: recentLines, closed });
      return true;
    }
    if (isText(name, maxNameLength) && isText(text, maxTextLength)) {
      this.#room.publish({ name: name.trim(), text: text.trim(), at: Date.now() });
    } else {
      this.tell({
        refused: `A message has a name of up to ${maxNameLength} and a text of up to ${maxTextLength} signs`,
      });
    }
    return false;
  }

  left(): void {
    this.#subscription?.close();
  }
}

/** The fields of a message; none where it is not an object of JSON. */
function read(message: Message): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(typeof message === "string" ? message : new TextDecoder().decode(message));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {};
  }
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === "string" && value.trim() !== "" && value.length <= maxLength;
}

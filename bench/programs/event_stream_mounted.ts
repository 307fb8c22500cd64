/**
 * Event streams through the framework, mounted on Deno.serve: eventStream() with
 * a Topic.
 *
 * @module
 */

import { eventEncoding, eventStream, Topic } from "../../mod.ts";
import { runProgram } from "../floor/command.ts";
import { control, eventData, isControl } from "../floor/event_stream_control.ts";

const topic = new Topic({ encodings: { events: eventEncoding((data: string) => ({ data })) } });
let number = 0;
const publish = (): void => topic.publish(eventData(++number));

await runProgram({
  server() {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        eventStream(request, (events) => {
          if (!isControl(request.url)) return topic.subscribe("events", events.send, { closed: events.close });
          return control(request.url, publish).then((data) => void events.send({ data }));
        }),
    );
    return server.addr.port;
  },
});

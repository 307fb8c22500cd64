/**
 * Event streams through the framework, on its own sockets: eventStreams() with
 * a Topic.
 *
 * @module
 */

import { eventEncoding, eventStreams, Topic } from "../../mod.ts";
import { runProgram } from "../floor/command.ts";
import { control, eventData, isControl } from "../floor/event_stream_control.ts";

const topic = new Topic({ encodings: { events: eventEncoding((data: string) => ({ data })) } });
let number = 0;
const publish = (): void => topic.publish(eventData(++number));

await runProgram({
  async server() {
    const listener = await eventStreams({ port: 0 }).listen((events, { target }) => {
      if (!isControl(target)) return topic.subscribe("events", events.send, { closed: events.close });
      return control(target, publish).then((data) => void events.send({ data }));
    });
    return listener.addr.port!;
  },
});

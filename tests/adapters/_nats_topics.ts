/**
 * What tests of natsTopic() share: a topic as on a machine of its own.
 *
 * @module
 */

import { natsTopic, type NatsTopicOptions } from "../../adapters/nats.ts";
import { within } from "../support/channels.ts";
import { textEncodings, type TextTopic } from "./_texts.ts";

/** As on another machine: a topic of news with a connection of its own. */
export function join(options: Partial<NatsTopicOptions<string, { text: string }>>): Promise<TextTopic> {
  return within(natsTopic({ subject: "news", encodings: textEncodings, replay: true, ...options }), "the topic");
}

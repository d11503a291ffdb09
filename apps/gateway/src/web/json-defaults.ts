import {
  type JsonWriteSettings,
  type RequestSettings,
  type StreamFormat,
  streamFormats,
} from '@raftway/transcoding';
import { lesserLimit, type MessageLimit, type TranscodeSettings } from '../domain/documents';
import { optionsOwner } from '../domain/refusal';
import { type GatewayOptions } from '../options';

/** How JSON is read and written. */
export interface JsonStyle {
  readonly request: RequestSettings;
  readonly response: JsonWriteSettings;
  /** Of messages of either direction. */
  readonly limit: MessageLimit;
  /** Of streams of answers, when Accept names none. */
  readonly streams: StreamFormat;
}

/** What the options say. */
export function jsonStyleOf(options: GatewayOptions): JsonStyle {
  return {
    request: ignoring(options.jsonUnknownFields),
    response: { emitDefaults: options.jsonEmitDefaults },
    limit: messageLimitOf(options),
    streams: streamFormats.array,
  };
}

/** The limit of messages that the options say. */
export function messageLimitOf({ httpMessageBytesMax }: GatewayOptions): MessageLimit {
  return { bytesMax: httpMessageBytesMax, owner: optionsOwner };
}

/** What holds for a call: what a policy says, and else the options. */
export function styleUnder(style: JsonStyle, policy: TranscodeSettings | undefined): JsonStyle {
  if (policy === undefined) return style;
  const { unknownFields, emitDefaults, enumsAsNumbers, protoNames, streams, limit } = policy;
  return {
    request: unknownFields === undefined ? style.request : ignoring(unknownFields),
    response: {
      emitDefaults: emitDefaults ?? style.response.emitDefaults,
      enumsAsIntegers: enumsAsNumbers,
      protoNames,
    },
    limit: lesserLimit(limit, style.limit),
    streams: streams === undefined ? style.streams : streamFormats[streams],
  };
}

function ignoring(unknown: 'reject' | 'ignore'): RequestSettings {
  const ignore = unknown === 'ignore';
  return { ignoreUnknownFields: ignore, ignoreUnknownParameters: ignore };
}

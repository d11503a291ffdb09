import { isOrigin, parseDuration } from '@raftway/config';
import { z } from 'zod';
import { type CorsRules } from '../../cors';
import { strict } from '../strict';

/** What `corsMaxAge` is where a policy leaves it out, in milliseconds: as in the gateway's options. */
const corsMaxAgeMs = 7_200_000;

/** `protocols` of a policy. */
export const protocolsSchema = strict({
  json: z.boolean().optional().describe('HTTP and JSON.'),
  grpcWeb: z.boolean().optional(),
  connect: z.boolean().optional().describe('The Connect protocol, with either codec.'),
}).describe(
  'Whether calls may come in these protocols, beside gRPC. What is left out is as the gateway’s options have it.',
);

/** `json` of a policy. */
export const jsonSchema = strict({
  unknownFields: z
    .enum(['reject', 'ignore'])
    .optional()
    .describe('What becomes of fields and query parameters that the request does not have.'),
  emitDefaults: z
    .boolean()
    .optional()
    .describe('Whether answers have fields with their default values, too.'),
  enumsAsNumbers: z.boolean().optional().describe('Whether answers have enums as numbers.'),
  protoNames: z
    .boolean()
    .optional()
    .describe('Whether answers name fields as the proto does, instead of in lowerCamelCase.'),
  streams: z
    .enum(['array', 'ndjson', 'sse'])
    .optional()
    .describe(
      'How streams of answers are written when Accept names none of these. Default: array.',
    ),
}).describe('How JSON is read and written. 64-bit numbers are texts, as protobuf prescribes.');

/** `cors` of a policy. */
export const corsSchema = strict({
  origins: z
    .array(
      z
        .string()
        .max(256)
        .refine(
          (origin) => origin === '*' || isOrigin(origin),
          'must be https://host, http://host:port or *',
        ),
    )
    .max(64)
    .describe('Origins whose pages may call from browsers, or "*" for all; none for no page.'),
  credentials: z
    .boolean()
    .default(false)
    .describe('Whether pages of the origins that are named may send cookies.'),
  maxAge: z
    .string()
    .refine((text) => {
      const milliseconds = parseDuration(text);
      return milliseconds !== undefined && milliseconds >= 0 && milliseconds <= 86_400_000;
    }, 'must be a duration from 0ms to 24h')
    .default('2h')
    .describe('How long browsers may remember that such pages may call.'),
}).describe('Takes the place of all of the gateway’s RAFTWAY_CORS_* options.');

/** `messageBytesMax` of a policy. */
export const messageBytesMaxSchema = z
  .int()
  .min(1)
  .max(1_073_741_824)
  .describe(
    'Largest message that has to be held whole, of either direction; RAFTWAY_HTTP_MESSAGE_BYTES_MAX holds besides.',
  );

/** Protocols that can be turned off. */
export type WebProtocolName = 'json' | 'grpcWeb' | 'connect';

/** A limit of messages, and who set it. */
export interface MessageLimit {
  readonly bytesMax: number;
  /** As refusals name it. */
  readonly owner: string;
}

/** How calls are taken that are no plain gRPC. What is undefined is as the options have it. */
export interface TranscodeSettings {
  /** Who says whether calls may come in a protocol, where a document does. */
  readonly protocols: Readonly<
    Partial<Record<WebProtocolName, { readonly isOn: boolean; readonly owner: string }>>
  >;
  readonly unknownFields: 'reject' | 'ignore' | undefined;
  readonly emitDefaults: boolean | undefined;
  readonly enumsAsNumbers: boolean | undefined;
  readonly protoNames: boolean | undefined;
  readonly streams: 'array' | 'ndjson' | 'sse' | undefined;
  readonly cors: (CorsRules & { readonly owner: string }) | undefined;
  readonly limit: MessageLimit | undefined;
}

/** What a policy says. */
export interface TranscodeSpec {
  readonly protocols?: z.output<typeof protocolsSchema> | undefined;
  readonly json?: z.output<typeof jsonSchema> | undefined;
  readonly cors?: z.output<typeof corsSchema> | undefined;
  readonly messageBytesMax?: number | undefined;
}

/** @param owner `kind namespace/name` of the policy */
export function compileTranscoding(
  { protocols = {}, json = {}, cors, messageBytesMax }: TranscodeSpec,
  owner: string,
): TranscodeSettings {
  const switches = Object.entries(protocols).flatMap(([name, isOn]) =>
    isOn === undefined ? [] : [[name, { isOn, owner }] as const],
  );
  return {
    protocols: Object.fromEntries(switches),
    unknownFields: json.unknownFields,
    emitDefaults: json.emitDefaults,
    enumsAsNumbers: json.enumsAsNumbers,
    protoNames: json.protoNames,
    streams: json.streams,
    cors: cors && {
      origins: cors.origins,
      credentials: cors.credentials,
      maxAgeMs: parseDuration(cors.maxAge) ?? corsMaxAgeMs,
      owner,
    },
    limit: messageBytesMax === undefined ? undefined : { bytesMax: messageBytesMax, owner },
  };
}

/** Of several policies for one call, the most specific first: each setting is the first one that is given, and the limit the least. */
export function combineTranscoding(
  policies: readonly (TranscodeSettings | undefined)[],
): TranscodeSettings | undefined {
  const present = policies.filter((policy) => policy !== undefined);
  const [first] = present;
  if (first === undefined || present.length === 1) return first;
  return present.reduce((specific, general) => ({
    protocols: { ...general.protocols, ...specific.protocols },
    unknownFields: specific.unknownFields ?? general.unknownFields,
    emitDefaults: specific.emitDefaults ?? general.emitDefaults,
    enumsAsNumbers: specific.enumsAsNumbers ?? general.enumsAsNumbers,
    protoNames: specific.protoNames ?? general.protoNames,
    streams: specific.streams ?? general.streams,
    cors: specific.cors ?? general.cors,
    limit: lesserLimit(specific.limit, general.limit),
  }));
}

/** The least of the limits that there are. */
export function lesserLimit<Limit extends MessageLimit | undefined>(
  one: MessageLimit | undefined,
  other: Limit,
): MessageLimit | Limit {
  if (one === undefined) return other;
  return other === undefined || one.bytesMax <= other.bytesMax ? one : other;
}

/** What is other than in the options, one `name value` each. */
export function transcodingTexts(settings: TranscodeSettings): string[] {
  const { unknownFields, emitDefaults, enumsAsNumbers, protoNames, streams, cors, limit } =
    settings;
  const given = { unknownFields, emitDefaults, enumsAsNumbers, protoNames, streams };
  return [
    ...Object.entries(settings.protocols).map(([name, { isOn }]) => `${name} ${onOff(isOn)}`),
    ...Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${String(value)}`],
    ),
    ...(cors === undefined ? [] : [`cors ${cors.origins.join(' ') || 'none'}`]),
    ...(limit === undefined ? [] : [`messageBytesMax ${limit.bytesMax}`]),
  ];
}

function onOff(isOn: boolean): string {
  return isOn ? 'on' : 'off';
}

import { parseDuration } from '@raftway/config';
import { Code, codeName } from '@raftway/errors';
import { z } from 'zod';
import { durationText, methodPattern } from '../kinds/common';
import { headerName, headerValue } from '../kinds/grpc-route';
import { strict } from '../strict';

/** The codes of errors by name. */
const codes = new Map(Object.values(Code).map((code) => [codeName(code), code]));

const percent = () =>
  z.number().min(0).max(100).default(100).describe('Of the calls. Fractions are allowed.');

const delay = strict({
  duration: durationText('How long a call waits before it is sent, or aborted.'),
  percent: percent(),
});

const abort = strict({
  code: z.enum([...codes.keys()]).describe('The gRPC status.'),
  message: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('Of the status. Default: it names the policy.'),
  percent: percent(),
});

const header = strict({
  name: headerName(),
  value: headerValue().optional().describe('Left out, any value.'),
});

/** `fault` of a policy. */
export const faultSchema = strict({
  delay: delay.optional(),
  abort: abort.optional(),
  methods: z
    .array(methodPattern())
    .min(1)
    .max(64)
    .optional()
    .describe('Only calls of these. Default: all that the target has.'),
  headers: z
    .array(header)
    .min(1)
    .max(16)
    .optional()
    .describe('Only calls that carry all of these.'),
})
  .refine((fault) => fault.delay !== undefined || fault.abort !== undefined, {
    message: 'one of delay and abort must be given',
  })
  .describe('Delays and errors on purpose, for a share of the calls.');

/** Faults of a share of the calls. */
export interface FaultInjection {
  /** `kind namespace/name` of the policy. */
  readonly document: string;
  readonly delay: { readonly ms: number; readonly percent: number } | undefined;
  readonly abort: FaultAbort | undefined;
  /** Undefined for all. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Names in lower case; a value that is undefined is any. */
  readonly headers: readonly { readonly name: string; readonly value: string | undefined }[];
}

/** An error that a share of the calls gets. */
export interface FaultAbort {
  readonly code: Code;
  /** Undefined for the gateway's own. */
  readonly message: string | undefined;
  readonly percent: number;
}

/** The faults of one call. */
export interface CallFault {
  readonly delayMs: number | undefined;
  /** After the delay, if there is one. */
  readonly abort: FaultAbort | undefined;
}

/** What a policy says. @param document the policy */
export function compileFault(
  document: string,
  fault: z.output<typeof faultSchema>,
): FaultInjection {
  return {
    document,
    delay: fault.delay && {
      ms: parseDuration(fault.delay.duration) ?? 0,
      percent: fault.delay.percent,
    },
    abort: fault.abort && {
      code: codes.get(fault.abort.code) ?? Code.unknown,
      message: fault.abort.message,
      percent: fault.abort.percent,
    },
    methods: fault.methods && new Set(fault.methods),
    headers: (fault.headers ?? []).map(({ name, value }) => ({ name: name.toLowerCase(), value })),
  };
}

/** Whether a call may get these faults. @param header the first value of a header */
export function isForCall(
  { methods, headers }: FaultInjection,
  grpcService: string,
  method: string,
  header: (name: string) => string | undefined,
): boolean {
  if (methods?.has(`${grpcService}/${method}`) === false && !methods.has(`${grpcService}/*`))
    return false;
  return headers.every(({ name, value }) => {
    const given = header(name);
    return given !== undefined && (value === undefined || given === value);
  });
}

/** Draws what a call gets of faults that are for it; undefined for nothing. @param random from 0 (included) to 1 (excluded) */
export function drawFault(
  { delay: wait, abort: error }: FaultInjection,
  random: () => number,
): CallFault | undefined {
  const isDrawn = (share: number): boolean => random() * 100 < share;
  const delayMs = wait !== undefined && isDrawn(wait.percent) ? wait.ms : undefined;
  const drawn = error !== undefined && isDrawn(error.percent) ? error : undefined;
  return delayMs === undefined && drawn === undefined ? undefined : { delayMs, abort: drawn };
}

/*
 * What a client is given so that its next calls come to the same instance: 41 bytes in base64url, a version, who, since when and when last, and a
 * signature over all of it and over the rule that it is for. Instances are named by numbers that only the gateway can make.
 */

/** What a token says. */
export interface SessionToken {
  /** Of the registered service, 8 hexadecimal digits. */
  readonly service: string;
  /** Of the instance, 16 hexadecimal digits. */
  readonly instance: string;
  /** When the session began, in milliseconds since 1970. */
  readonly issuedMs: number;
  /** When its last call was, as far as the token knows. */
  readonly usedMs: number;
}

/** Signs bytes for one rule: at least 16 bytes of a keyed hash. */
export type Sign = (bytes: Uint8Array, scope: string) => Uint8Array;

const version = 1;
const payloadBytes = 25;
const signatureBytes = 16;
/** Clocks of two gateways may differ by this much, in milliseconds. */
const skewMs = 60_000;

/** Writes a token. */
export function writeSessionToken(token: SessionToken, scope: string, sign: Sign): string {
  const payload = Buffer.alloc(payloadBytes);
  payload[0] = version;
  payload.write(token.service, 1, 4, 'hex');
  payload.write(token.instance, 5, 8, 'hex');
  payload.writeUIntBE(token.issuedMs, 13, 6);
  payload.writeUIntBE(token.usedMs, 19, 6);
  const signature = sign(payload, scope).subarray(0, signatureBytes);
  return Buffer.concat([payload, signature]).toString('base64url');
}

/** Reads a token; undefined for anything that was not written for this rule with the same key. */
export function readSessionToken(
  text: string,
  scope: string,
  sign: Sign,
): SessionToken | undefined {
  if (!/^[\w-]{55}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  const payload = bytes.subarray(0, payloadBytes);
  if (payload[0] !== version) return undefined;
  if (!isSame(bytes.subarray(payloadBytes), sign(payload, scope))) return undefined;
  return {
    service: payload.toString('hex', 1, 5),
    instance: payload.toString('hex', 5, 13),
    issuedMs: payload.readUIntBE(13, 6),
    usedMs: payload.readUIntBE(19, 6),
  };
}

/** How long sessions last, in milliseconds; undefined for no limit. */
export interface SessionLimits {
  readonly absoluteMs: number | undefined;
  readonly idleMs: number | undefined;
}

/** Whether a session has not ended. */
export function isSessionOpen(
  { issuedMs, usedMs }: SessionToken,
  { absoluteMs, idleMs }: SessionLimits,
  nowMs: number,
): boolean {
  if (issuedMs > nowMs + skewMs || usedMs > nowMs + skewMs) return false;
  if (absoluteMs !== undefined && nowMs - issuedMs >= absoluteMs) return false;
  return idleMs === undefined || nowMs - usedMs < idleMs;
}

/** Compares in a time that does not tell where two signatures differ. */
function isSame(given: Uint8Array, right: Uint8Array): boolean {
  let difference = 0;
  for (let at = 0; at < signatureBytes; at += 1) difference |= (given[at] ?? 0) ^ (right[at] ?? 0);
  return difference === 0;
}

/** The values of the cookies of that name, of all `cookie` headers (RFC 6265 §4.2, RFC 9113 §8.2.3). @param headers names and values in turn */
export function cookieValues(headers: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] !== 'cookie') continue;
    for (const pair of (headers[index + 1] ?? '').split(';')) {
      const equals = pair.indexOf('=');
      if (equals > 0 && pair.slice(0, equals).trim() === name)
        values.push(pair.slice(equals + 1).trim());
    }
  }
  return values;
}

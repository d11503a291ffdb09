/*
 * What makes a message malformed (RFC 9113 §8.1.1, §8.2, §8.3).
 *
 * A gateway that lets a malformed message pass hands it to a backend that may read it otherwise, or that turns it into
 * HTTP/1.1: that is how requests are smuggled. So everything is refused here that the RFC calls malformed.
 */
import { type HeaderPairs } from '../header-pairs';
import { type FieldSection } from './hpack/field-section';

/** What a header block is. */
export const messageKind = { request: 1, response: 2, trailers: 3 } as const;

/** 1 for the octets of a token without upper case (RFC 9110 §5.6.2, RFC 9113 §8.2.1). */
const nameOctets = new Uint8Array(256);
for (const octet of Buffer.from("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz", 'latin1'))
  nameOctets[octet] = 1;

/** Says what is wrong with a list as that kind of message; undefined when nothing is. The finding is kept with it. */
export function faultOf(section: FieldSection, kind: number): string | undefined {
  if (section.checkedAs === kind) return section.fault;
  section.checkedAs = kind;
  section.contentLength = -1;
  section.fault = check(section, kind);
  return section.fault;
}

function check(section: FieldSection, kind: number): string | undefined {
  const { pairs } = section;
  const pseudo = new Set<string>();
  let regular = false;
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    const value = pairs[index + 1] ?? '';
    if (!isFieldValue(value)) return 'forbidden characters in a field value';
    if (name.charCodeAt(0) === 58 /* ':' */) {
      if (regular) return 'pseudo-header after other fields';
      if (pseudo.has(name)) return 'repeated pseudo-header';
      if (!isPseudoName(name, kind)) return 'unknown pseudo-header';
      pseudo.add(name);
      continue;
    }
    regular = true;
    const fault = faultOfField(section, name, value);
    if (fault !== undefined) return fault;
  }
  if (kind === messageKind.request) return faultOfRequest(pairs, pseudo);
  if (kind === messageKind.response) return faultOfStatus(pairs);
  return undefined;
}

function faultOfField(section: FieldSection, name: string, value: string): string | undefined {
  if (!isFieldName(name)) return 'forbidden characters in a field name';
  switch (name) {
    // RFC 9113 §8.2.2: they speak of a connection, and HTTP/2 has no place for them.
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
      return 'connection-specific field';
    case 'te':
      return value === 'trailers' ? undefined : 'te other than trailers';
    case 'content-length':
      if (section.contentLength >= 0 || !/^\d{1,15}$/.test(value)) return 'invalid content-length';
      section.contentLength = Number(value);
      return undefined;
    default:
      return undefined;
  }
}

function isPseudoName(name: string, kind: number): boolean {
  if (kind === messageKind.response) return name === ':status';
  if (kind !== messageKind.request) return false;
  return name === ':method' || name === ':scheme' || name === ':path' || name === ':authority';
}

function faultOfRequest(pairs: HeaderPairs, pseudo: ReadonlySet<string>): string | undefined {
  if (!pseudo.has(':method')) return 'no :method';
  let method = '';
  let path = '';
  let hosts = 0;
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index] === ':method') method = pairs[index + 1] ?? '';
    else if (pairs[index] === ':path') path = pairs[index + 1] ?? '';
    else if (pairs[index] === 'host') hosts += 1;
  }
  if (hosts > 1) return 'repeated host';
  // RFC 9113 §8.5: CONNECT has an authority only.
  if (method === 'CONNECT')
    return pseudo.has(':path') || pseudo.has(':scheme') ? 'CONNECT with a path' : undefined;
  if (!pseudo.has(':scheme')) return 'no :scheme';
  return path === '' ? 'no :path' : undefined;
}

function faultOfStatus(pairs: HeaderPairs): string | undefined {
  const status = pairs[0] === ':status' ? (pairs[1] ?? '') : '';
  return /^\d{3}$/.test(status) ? undefined : 'no valid :status';
}

function isFieldName(name: string): boolean {
  for (let index = 0; index < name.length; index += 1)
    if (nameOctets[name.charCodeAt(index)] !== 1) return false;
  return name.length > 0;
}

/** No NUL, CR, LF or other control characters but tab, and no white space at the ends (RFC 9113 §8.2.1, RFC 9110 §5.5). */
function isFieldValue(value: string): boolean {
  const last = value.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const code = value.charCodeAt(index);
    if (code > 0x20 && code !== 0x7f) continue;
    const inner = index > 0 && index < last;
    if (!inner || (code !== 0x20 && code !== 0x09)) return false;
  }
  return true;
}

import { type HeaderPairs } from '@raftway/http2/rules';

const mappedIpv4 = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;
const withPort = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/;

/**
 * What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, as one host has all addresses of such a network (RFC 4291
 * §2.5.4) and could take another one for each call.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = mappedIpv4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::', 2) ?? [];
  const left = groupsOf(head);
  const right = groupsOf(tail ?? '');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * The client's address where `x-forwarded-for` is trusted: the last one in it, which the proxy in front of the gateway has written. What
 * stands before that is what its own caller said.
 */
export function trustedAddress(headers: HeaderPairs, peer: string): string {
  let forwarded = '';
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index] === 'x-forwarded-for') forwarded = headers[index + 1] ?? '';
  const last = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
  if (last === '') return peer;
  const [, bracketed, plain] = withPort.exec(last) ?? [];
  return bracketed ?? plain ?? last;
}

function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text.split(':').map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''));
}

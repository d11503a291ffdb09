import { type HeaderPairs } from '@raftway/http2';
import { type InstanceEndpoint } from '../domain/backend';
import { forwardRequestHeaders, type ForwardRules } from '../domain/header-rules';
import { RecentLists } from '../domain/recent-lists';
import { type ProxyCallStart } from './call-start';
import { type ProxyContext } from './proxy-context';

/** What of a call's headers is as it is now. */
export interface HeadersNow {
  /** The call's time that is left, in milliseconds; undefined when it is unlimited. */
  readonly remainingMs: number | undefined;
  /** Undefined without tracing. */
  readonly trace?: ForwardRules['trace'];
  readonly context: Pick<ProxyContext, 'upstreamScheme' | 'trustForwarded'>;
}

/** A list as it went to an instance, and what it was made from beside the client's. */
interface Forwarded {
  readonly address: string;
  readonly clientAddress: string;
  readonly isIdentified: boolean;
  readonly remainingMs: number | undefined;
  readonly context: HeadersNow['context'];
  readonly headers: HeaderPairs;
}

/** Calls that are alike and come in one turn have the same time left: they share a list here, too, and the encoder knows its block. */
const recent = new RecentLists<Forwarded>();

/** A client's headers as they go to an instance. */
export function headersForInstance(
  {
    headers,
    clientAddress,
    identity,
  }: Pick<ProxyCallStart, 'headers' | 'clientAddress' | 'identity'>,
  { address }: InstanceEndpoint,
  { remainingMs, trace, context }: HeadersNow,
): HeaderPairs {
  const isIdentified = identity !== undefined;
  const known = trace === undefined ? recent.get(headers) : undefined;
  if (
    known !== undefined &&
    known.remainingMs === remainingMs &&
    known.address === address &&
    known.clientAddress === clientAddress &&
    known.isIdentified === isIdentified &&
    known.context === context
  )
    return known.headers;
  const forwarded = forwardRequestHeaders(headers, {
    scheme: context.upstreamScheme,
    authority: address,
    remainingMs: remainingMs && Math.max(0, remainingMs),
    clientAddress,
    trace,
    trustForwarded: context.trustForwarded,
    isIdentified,
  });
  if (trace === undefined) {
    const from = { address, clientAddress, isIdentified, remainingMs, context };
    recent.set(headers, { ...from, headers: forwarded });
  }
  return forwarded;
}

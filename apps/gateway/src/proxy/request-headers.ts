import { type InstanceEndpoint } from '../domain/backend';
import { forwardRequestHeaders, type ForwardRules } from '../domain/header-rules';
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

/** A client's headers as they go to an instance. */
export function headersForInstance(
  {
    headers,
    clientAddress,
    identity,
  }: Pick<ProxyCallStart, 'headers' | 'clientAddress' | 'identity'>,
  { address }: InstanceEndpoint,
  { remainingMs, trace, context }: HeadersNow,
): string[] {
  return forwardRequestHeaders(headers, {
    scheme: context.upstreamScheme,
    authority: address,
    remainingMs: remainingMs && Math.max(0, remainingMs),
    clientAddress,
    trace,
    trustForwarded: context.trustForwarded,
    isIdentified: identity !== undefined,
  });
}

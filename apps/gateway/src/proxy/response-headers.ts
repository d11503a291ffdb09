import { type HeaderPairs } from '@raftway/http2';
import { type InstanceEndpoint } from '../domain/backend';
import { changeHeaders, withoutChanged } from '../domain/header-changes';
import { forwardResponseHeaders } from '../domain/header-rules';
import { type ProxyCallStart } from './call-start';

type Changing = Pick<ProxyCallStart, 'responseHeaders' | 'traffic'>;

/** An instance's headers as they go to the client. @param endpoint whose they are */
export function headersForClient(
  headers: HeaderPairs,
  endOfStream: boolean,
  { responseHeaders, traffic }: Changing,
  endpoint: InstanceEndpoint | undefined,
): HeaderPairs {
  const kept = forwardResponseHeaders(headers);
  const sent = responseHeaders === undefined ? kept : changeHeaders(kept, responseHeaders);
  return traffic === undefined ? sent : traffic.answer(sent, endOfStream, endpoint);
}

/** An instance's trailers as they go to the client. */
export function trailersForClient(
  trailers: HeaderPairs,
  { responseHeaders }: Changing,
): HeaderPairs {
  const kept = forwardResponseHeaders(trailers);
  return responseHeaders === undefined ? kept : withoutChanged(kept, responseHeaders);
}

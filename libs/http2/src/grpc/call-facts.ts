import { type HeaderPairs } from '../header-pairs';
import { parseGrpcTimeout } from './grpc-timeout';

/** What a server, or a proxy, reads of the headers that open a call. Texts that are absent are empty. */
export interface CallFacts {
  method: string;
  /** `/package.Service/Method`. */
  path: string;
  contentType: string;
  /** How its messages are compressed, when they are. */
  encoding: string;
  /** The caller's time in milliseconds; undefined when it set no deadline, NaN when the header is malformed. */
  timeoutMs: number | undefined;
}

/** Reads them in one pass. */
export function readCallFacts(headers: HeaderPairs): CallFacts {
  const facts: CallFacts = {
    method: '',
    path: '',
    contentType: '',
    encoding: 'identity',
    timeoutMs: undefined,
  };
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1] ?? '';
    switch (headers[index]) {
      case ':method':
        facts.method = value;
        break;
      case ':path':
        facts.path = value;
        break;
      case 'content-type':
        facts.contentType = value;
        break;
      case 'grpc-encoding':
        facts.encoding = value;
        break;
      case 'grpc-timeout':
        facts.timeoutMs ??= parseGrpcTimeout(value) ?? Number.NaN;
        break;
      default:
        break;
    }
  }
  return facts;
}

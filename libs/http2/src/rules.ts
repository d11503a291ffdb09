/** What is pure: header lists, codes, and the texts of gRPC over HTTP/2. */
export { headerValue, type HeaderPairs } from './header-pairs';
export { http2Code, http2CodeName } from './http2-codes';
export { type CallFacts, readCallFacts } from './grpc/call-facts';
export { isGrpcContentType } from './grpc/content-type';
export { formatGrpcTimeout, parseGrpcTimeout } from './grpc/grpc-timeout';
export { percentDecode, percentEncode } from './grpc/percent-encoding';
export { frameMessage, MessageReader, type ReceivedMessage } from './grpc/message-framing';

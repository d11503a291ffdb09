import { Code } from './code';
import { type ReasonEntry } from './reason-entry';

/** The reasons that only the gateway answers with: the last part of `REASONS`. */
export const GATEWAY_REASONS = {
  GATEWAY_MEMORY_FULL: {
    code: Code.resourceExhausted,
    meaning: 'Open calls hold as many bytes in the gateway as may be.',
    remedy: 'Wait for retryDelay and try again; read responses faster, or add gateways.',
  },
  UPSTREAM_QUEUE_FULL: {
    code: Code.resourceExhausted,
    meaning: 'Too many calls wait for a connection to the instance. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, or add instances of the service.',
  },
  RATE_LIMITED: {
    code: Code.resourceExhausted,
    meaning:
      'A rate limit of a TrafficPolicy is used up. Metadata has its name as `field`, its value as `limit`, what is counted apart as `key`, its `scope` and its `owner`; QuotaFailure says the same. Nothing was sent, and nothing was counted.',
    remedy:
      'Wait for retryDelay and try again, call less often, or have the owner raise the limit.',
  },
  QUOTA_EXHAUSTED: {
    code: Code.resourceExhausted,
    meaning:
      'A quota of a TrafficPolicy is used up until its next hour, day or month. Metadata and QuotaFailure as with `RATE_LIMITED`. Nothing was sent, and nothing was counted.',
    remedy: 'Wait for retryDelay, which may be long, or have the owner raise the quota.',
  },
  CONCURRENCY_FULL: {
    code: Code.resourceExhausted,
    meaning:
      'As many calls of the target are under way as its concurrency limit allows for calls of this `priority`, and as many wait as may. Metadata has `target`, `limit` and `owner`. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, add instances, or have the owner raise the limit.',
  },
  CONCURRENCY_QUEUE_TIMEOUT: {
    code: Code.resourceExhausted,
    meaning:
      'No call of the target ended while this one might wait for a place among them. Metadata has `target`, `limit`, `priority` and `owner`. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, add instances, or have the owner raise the limits.',
  },
  BACKEND_REQUESTS_FULL: {
    code: Code.resourceExhausted,
    meaning:
      'As many calls to the service are under way as may. Metadata has `field`, `limit` and the `owner` of the limit. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, add instances, or have the owner raise the limit.',
  },
  BACKEND_PENDING_FULL: {
    code: Code.resourceExhausted,
    meaning:
      'As many calls to the service are under way as may, and as many wait for one to end. Metadata has `field`, `limit` and `owner`. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, add instances, or have the owner raise the limit.',
  },
  BACKEND_PENDING_TIMEOUT: {
    code: Code.resourceExhausted,
    meaning:
      'No call to the service ended while this one might wait for that. Metadata has `field`, `limit` and `owner`. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again, add instances, or have the owner raise the limits.',
  },
  BACKEND_CIRCUIT_OPEN: {
    code: Code.unavailable,
    meaning:
      'Calls to the service fail, so that none is sent for a while. Metadata has the `owner` of the breaker. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again; look at why the service fails.',
  },
  INSTANCES_UNHEALTHY: {
    code: Code.unavailable,
    meaning:
      'Instances of the service are registered, and none of them passes the health checks that a document asks for. Metadata has their `owner`. Nothing was sent.',
    remedy:
      'Wait for retryDelay and try again; `raftway gateway backends` says what is wrong with each.',
  },
  FAULT_INJECTED: {
    code: undefined,
    meaning:
      'A policy has a share of the calls fail on purpose, with the code that it names; metadata has the `policy` and the `rule`. Nothing was sent.',
    remedy: 'Do with it what is to be tried out; `fault` of the policy ends it.',
  },
  NO_LIVE_INSTANCE: {
    code: Code.unavailable,
    meaning: 'The gateway knows the service, and no live instance of it. Nothing was sent.',
    remedy: 'Start one, or look into the log of the instances for why they are not registered.',
  },
  BACKEND_UNKNOWN: {
    code: Code.unavailable,
    meaning:
      'The rule of a document sends the call to something that is no registered service, or may not be used; metadata has `rule`. Nothing was sent.',
    remedy:
      'Start the service, or correct the document: `raftway gateway why` shows the rule, ListDocuments its conditions.',
  },
  ROUTE_WITHOUT_BACKEND: {
    code: Code.unavailable,
    meaning: 'The rule of a document takes the call and names no backend with a weight above 0.',
    remedy: 'Give the rule of `rule` in the metadata a backend.',
  },
  DOCUMENTS_CHANGED: {
    code: Code.aborted,
    meaning:
      'The documents in the registry’s store have changed while they were to be replaced. Nothing was written.',
    remedy: 'Look at `raftway gateway apply --dry-run` again, and apply.',
  },
  DOCUMENTS_NOT_SEEN: {
    code: Code.unavailable,
    meaning:
      'The documents are in the registry’s store, and the gateway that wrote them has not seen them yet.',
    remedy: 'Nothing has to be done: it follows the store as soon as it reaches the registry.',
  },
  DOCUMENTS_NOT_LOADED: {
    code: Code.unavailable,
    meaning:
      'The gateway is to route by the documents of RAFTWAY_DOCUMENTS, and could not use them since it started.',
    remedy: 'Correct the problems that ListDocuments of the gateway, its log and /readyz name.',
  },
  DOCUMENTS_FROM_FILES: {
    code: Code.failedPrecondition,
    meaning: 'The gateway takes its documents from the files of RAFTWAY_DOCUMENTS alone.',
    remedy: 'Change the files; with `--dry-run` the gateway says what that would change.',
  },
  INSTANCES_UNREACHABLE: {
    code: Code.unavailable,
    meaning: 'The gateway could connect to no live instance of the service. Nothing was sent.',
    remedy:
      'Try again. If it lasts, check that the gateway can reach the addresses that the instances advertise.',
  },
  REGISTRY_UNAVAILABLE: {
    code: Code.unavailable,
    meaning: 'The gateway has not reached the registry since it started.',
    remedy:
      'Try again; check RAFTWAY_REGISTRY of the gateway and that a majority of the registry runs.',
  },
  UPSTREAM_LOST: {
    code: Code.unavailable,
    meaning:
      'The connection to the instance broke during the call; it may or may not have had its effect.',
    remedy: 'Repeat a change only with the same request_id.',
  },
  UPSTREAM_RESET: {
    code: undefined,
    meaning:
      'The instance reset the call; metadata has its HTTP/2 error, which decides on the code.',
    remedy: 'See the log of the instance.',
  },
  UPSTREAM_NOT_GRPC: {
    code: undefined,
    meaning:
      'The instance answered without a gRPC status; its HTTP status, which is in the message, decides on the code.',
    remedy: 'Look at what is between the gateway and the instance, and at the registered address.',
  },
  RESPONSE_NOT_UNARY: {
    code: Code.unimplemented,
    meaning:
      'A unary call of the Connect protocol was answered by no message, or by several: the method streams.',
    remedy: 'Call it as a stream (application/connect+proto).',
  },
  CREDENTIALS_MISSING: {
    code: Code.unauthenticated,
    meaning: 'The SecurityPolicy of `policy` in the metadata wants to know who calls.',
    remedy: 'Send the token, API key or certificate that the message names.',
  },
  TOKEN_INVALID: {
    code: Code.unauthenticated,
    meaning: 'The SecurityPolicy does not take the token; metadata has `policy` and `why`.',
    remedy: 'Get a new token, for the audience that the policy names.',
  },
  API_KEY_UNKNOWN: {
    code: Code.unauthenticated,
    meaning: 'The SecurityPolicy of `policy` in the metadata does not know the API key.',
    remedy: 'Check the key, or have its SHA-256 added to the policy (`raftway gateway api-key`).',
  },
  CERTIFICATE_NOT_ACCEPTED: {
    code: Code.unauthenticated,
    meaning:
      'The client’s certificate is good, and has no name that the SecurityPolicy of `policy` in the metadata takes.',
    remedy: 'Use the certificate of a caller that is meant, or add its name to the policy.',
  },
  ACCESS_DENIED: {
    code: Code.permissionDenied,
    meaning:
      'A rule of the SecurityPolicy denies the call, or none allows it. Metadata has `policy`, `method` and, where one decided, `rule`.',
    remedy: 'Have the rules changed; `raftway gateway why` says what decides.',
  },
  HOST_NOT_COVERED: {
    code: Code.permissionDenied,
    meaning:
      'Gateways have SecurityPolicies, and the call is for a host that is no listener’s of any Gateway.',
    remedy: 'Call a host of a Gateway, or add a listener for `host` of the metadata.',
  },
  AUTHORIZER_DENIED: {
    code: undefined,
    meaning:
      'The external authorization of the SecurityPolicy says no; it decides on the code, and on `why` in the metadata.',
    remedy: 'Ask whoever runs the external authorization.',
  },
  AUTHORIZER_UNAVAILABLE: {
    code: Code.unavailable,
    meaning:
      'The external authorization of the SecurityPolicy gave no answer, for which metadata has `why`. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again; check that it runs and answers in time.',
  },
  SECURITY_NOT_LOADED: {
    code: Code.unavailable,
    meaning:
      'The keys by which the SecurityPolicy of `policy` in the metadata judges calls could not be loaded. Nothing was sent.',
    remedy:
      'Look at the policy’s condition Programmed (`raftway gateway documents`) and the gateway’s log for why.',
  },
  TOKEN_CHECKS_FULL: {
    code: Code.resourceExhausted,
    meaning: 'As many new tokens are being checked as may. Nothing was sent.',
    remedy: 'Wait for retryDelay and try again; use one token for many calls.',
  },
  HEADERS_TOO_LARGE: {
    code: Code.resourceExhausted,
    meaning:
      'The headers of the call are more, or larger, than the gateway takes; over HTTP the answer is 431. Metadata has the `limit`. Nothing was sent.',
    remedy: 'Send less metadata, or raise RAFTWAY_HEADER_BYTES_MAX or RAFTWAY_HEADERS_MAX.',
  },
  RESPONSE_HEADERS_TOO_LARGE: {
    code: Code.resourceExhausted,
    meaning:
      'The instance answered with more headers, or larger ones, than the gateway passes on. The call may have taken effect.',
    remedy:
      'Have the service send less metadata, or raise RAFTWAY_HEADER_BYTES_MAX or RAFTWAY_HEADERS_MAX.',
  },
  CALL_IDLE: {
    code: Code.deadlineExceeded,
    meaning:
      'Neither side sent or took anything for as long as `timeouts.streamIdle` of a policy allows; the call may or may not have had its effect.',
    remedy: 'Have one side send something now and then, or raise the limit in the policy.',
  },
  CONNECTION_TOO_OLD: {
    code: Code.unavailable,
    meaning:
      'The connection of the client has its maximum age, and the grace for calls that are open then is over; the call may or may not have had its effect.',
    remedy:
      'Call again: the client connects anew. Raise RAFTWAY_CONNECTION_AGE_GRACE for longer streams.',
  },
  GATEWAY_STOPPING: {
    code: Code.unavailable,
    meaning:
      'The gateway stops, and its time for open calls is over; the call may or may not have had its effect.',
    remedy: 'Call again, with the same request_id for a change.',
  },
  SERVICE_UNKNOWN: {
    code: Code.unimplemented,
    meaning: 'No registered service has ever served the gRPC service.',
    remedy: 'Check the name, and that the service registers itself with it.',
  },
  SERVICE_NOT_ROUTED: {
    code: Code.unimplemented,
    meaning:
      'The gRPC service belongs to one process (health, reflection, Raft) and is never routed by name.',
    remedy: 'Call that process itself.',
  },
  METHOD_UNKNOWN: {
    code: Code.unimplemented,
    meaning: 'The server, or the gateway as far as its own services go, has no such method.',
    remedy: 'Check the address, the name of the method and the .proto version.',
  },
  PATH_NOT_CANONICAL: {
    code: Code.unimplemented,
    meaning: 'The path of the request is not /package.Service/Method.',
    remedy: 'Use a gRPC client, or correct the path.',
  },
  HTTP_PATH_UNKNOWN: {
    code: Code.notFound,
    meaning: 'No method is reached by this path over HTTP and JSON.',
    remedy:
      'See /openapi.json of the gateway; a service shows up there once one of its instances has registered.',
  },
  HTTP_METHOD_UNKNOWN: {
    code: Code.unimplemented,
    meaning: 'The path exists, with other HTTP methods, which the header `allow` names.',
    remedy: 'Use one of them.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    code: Code.invalidArgument,
    meaning: 'The body is of a media type that the method does not take.',
    remedy:
      'Send JSON with `content-type: application/json`, or lines of JSON with `application/x-ndjson` to a method that takes a stream.',
  },
  PART_NOT_CALLABLE: {
    code: Code.unavailable,
    meaning:
      'A method that a CompositeRoute calls is not known, is no unary one, or does not take the request that the document says.',
    remedy:
      'See the conditions of the document (`raftway gateway documents`). A method is known once the reflection of one of its instances has been read.',
  },
  PART_SKIPPED: {
    code: Code.failedPrecondition,
    meaning: 'A part of a CompositeRoute needs the answer of another one, which failed.',
    remedy: 'See the error of that part.',
  },
  RESPONSE_MALFORMED: {
    code: Code.internal,
    meaning:
      'What the service answered is not the message that its schema says, or has no JSON, such as an Any of an unknown type.',
    remedy: 'Make the service serve the .proto that it was built with by reflection.',
  },
  TIMEOUT_MALFORMED: {
    code: Code.internal,
    meaning: 'The grpc-timeout header is not 1 to 8 digits and a unit.',
    remedy: 'Correct the client, or the proxy before the gateway.',
  },
} as const satisfies Record<string, ReasonEntry>;

import { splitHostPort } from '@raftway/config';
import { registry, type duration } from '@raftway/contracts';
import { invalidArgument, limitViolation, type FieldViolation } from '@raftway/errors';
import { toMilliseconds } from '@raftway/service-kit';
import { REGISTRY_SERVICE } from './own-replicas';

const SERVICE = /^[A-Za-z0-9._-]{1,128}$/;
const INSTANCE_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const GRPC_SERVICE = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;
/** Every server has these; a route to "the" health service would reach any one of them. */
const RESERVED_GRPC_SERVICES = ['grpc.health.', 'grpc.reflection.', 'raftway.raft.'];

const NAMES_MAX = 128;
const ADDRESS_MAX = 261;
const PROTOCOL_MAX = 32;
const GRPC_SERVICES_MAX = 64;
const GRPC_SERVICE_MAX = 256;
const WEIGHT_MAX = 1000;
const LABEL_MAX = 64;
const METADATA_ENTRIES_MAX = 32;
const METADATA_KEY_MAX = 64;
const METADATA_VALUE_MAX = 256;
const LEASE_ID_MAX = 64;
const REQUEST_ID_MAX = 128;
const PAGE_SIZE_MAX = 1000;

const DEFAULT_PROTOCOL = 'grpc';
const DEFAULT_WEIGHT = 100;
const DEFAULT_TTL_MS = 10_000;
const TTL_MIN_MS = 1000;
const TTL_MAX_MS = 24 * 3_600_000;
const DEFAULT_PAGE_SIZE = 100;

/** Collects what is wrong with a request, so that the caller hears of everything at once. */
export class Violations {
  private readonly found: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.found.push({ field, description });
  }

  /** A text's length in characters; only a text that is long in UTF-16 needs counting. Returns whether it is too long. */
  text(field: string, value: string, lengthMax: number): boolean {
    const length = value.length > lengthMax ? [...value].length : value.length;
    if (length <= lengthMax) return false;
    this.found.push(limitViolation(field, `at most ${lengthMax} characters`, length));
    return true;
  }

  range(field: string, value: number, rule: string, fits: boolean): void {
    if (!fits) this.found.push(limitViolation(field, rule, value));
  }

  limit(field: string, rule: string, value: string): void {
    this.found.push(limitViolation(field, rule, value));
  }

  name(field: string, value: string, pattern: RegExp, alphabet: string): void {
    if (pattern.test(value)) return;
    if (value === '') this.add(field, 'is required');
    else if (!this.text(field, value, NAMES_MAX)) {
      this.add(field, `must be 1 to ${NAMES_MAX} characters of ${alphabet}`);
    }
  }

  /** @throws ServiceError INVALID_ARGUMENT when anything was found. */
  check(): void {
    if (this.found.length > 0) throw invalidArgument(this.found);
  }
}

/** A Register request with its defaults filled in. */
export interface ValidRegistration {
  readonly instance: registry.Instance;
  readonly ttlMs: number;
}

/** @throws ServiceError INVALID_ARGUMENT with one violation for each bad field. */
export function validRegistration(request: registry.RegisterRequest): ValidRegistration {
  const violations = new Violations();
  const { instance } = request;
  if (instance === undefined) violations.add('instance', 'is required');
  else checkInstance(instance, violations);
  const ttlMs = checkTtl(request.ttl, violations);
  violations.text('request_id', request.requestId, REQUEST_ID_MAX);
  violations.check();
  return { instance: withDefaults(registry.Instance.fromPartial(instance ?? {})), ttlMs };
}

function checkInstance(instance: registry.Instance, violations: Violations): void {
  checkServiceName('instance.service', instance.service, violations);
  if (instance.service === REGISTRY_SERVICE) {
    violations.add('instance.service', `"${REGISTRY_SERVICE}" is the registry itself`);
  }
  const alphabet = "a-z, A-Z, 0-9, '.', '_', '-' and ':'";
  violations.name('instance.instance_id', instance.instanceId, INSTANCE_ID, alphabet);
  checkAddress(instance.address, violations);
  violations.text('instance.protocol', instance.protocol, PROTOCOL_MAX);
  checkGrpcServices(instance.grpcServices, violations);
  checkStatus('instance.status', instance.status, violations);
  const { weight } = instance;
  violations.range('instance.weight', weight, `from 1 to ${WEIGHT_MAX}`, weight <= WEIGHT_MAX);
  violations.text('instance.zone', instance.zone, LABEL_MAX);
  violations.text('instance.version', instance.version, LABEL_MAX);
  checkMetadata(instance.metadata, violations);
}

function checkServiceName(field: string, value: string, violations: Violations): void {
  violations.name(field, value, SERVICE, "a-z, A-Z, 0-9, '.', '_' and '-'");
}

function checkAddress(address: string, violations: Violations): void {
  const field = 'instance.address';
  if (address === '') return violations.add(field, 'is required');
  if (violations.text(field, address, ADDRESS_MAX)) return;
  if (address.trim() !== address || (splitHostPort(address)?.port ?? 0) === 0) {
    violations.add(field, 'must be "host:port" with a port from 1 to 65535');
  }
}

function checkGrpcServices(names: readonly string[], violations: Violations): void {
  const field = 'instance.grpc_services';
  const fits = names.length <= GRPC_SERVICES_MAX;
  violations.range(field, names.length, `at most ${GRPC_SERVICES_MAX} names`, fits);
  names.slice(0, GRPC_SERVICES_MAX).forEach((name, position) => {
    const element = `${field}[${position}]`;
    if (violations.text(element, name, GRPC_SERVICE_MAX)) return;
    if (!GRPC_SERVICE.test(name)) {
      violations.add(element, 'must be the full name of a gRPC service, such as "package.Service"');
    } else if (RESERVED_GRPC_SERVICES.some((prefix) => name.startsWith(prefix))) {
      violations.add(element, 'is on every server and cannot be registered');
    }
  });
}

function checkStatus(field: string, status: number, violations: Violations): void {
  if (registry.InstanceStatus[status] !== undefined) return;
  violations.limit(field, 'a known InstanceStatus', String(status));
}

function checkMetadata(metadata: Readonly<Record<string, string>>, violations: Violations): void {
  const field = 'instance.metadata';
  const entries = Object.entries(metadata);
  const fits = entries.length <= METADATA_ENTRIES_MAX;
  violations.range(field, entries.length, `at most ${METADATA_ENTRIES_MAX} entries`, fits);
  for (const [key, value] of entries.slice(0, METADATA_ENTRIES_MAX)) {
    if (key === '') violations.add(field, 'has an empty key');
    violations.text(`${field} key`, key, METADATA_KEY_MAX);
    violations.text(`${field}[${key.slice(0, METADATA_KEY_MAX)}]`, value, METADATA_VALUE_MAX);
  }
}

function checkTtl(ttl: duration.Duration | undefined, violations: Violations): number {
  if (ttl === undefined) return DEFAULT_TTL_MS;
  const ttlMs = Math.ceil(toMilliseconds(ttl) ?? NaN);
  if (ttlMs >= TTL_MIN_MS && ttlMs <= TTL_MAX_MS) return ttlMs;
  violations.limit('ttl', 'from 1s to 24h', `${ttl.seconds}s and ${ttl.nanos}ns`);
  return DEFAULT_TTL_MS;
}

/** The instance as it is stored: equal registrations become equal bytes. */
function withDefaults(instance: registry.Instance): registry.Instance {
  const { UNSPECIFIED, SERVING } = registry.InstanceStatus;
  return {
    ...instance,
    protocol: instance.protocol || DEFAULT_PROTOCOL,
    grpcServices: [...new Set(instance.grpcServices)],
    status: instance.status === UNSPECIFIED ? SERVING : instance.status,
    weight: instance.weight || DEFAULT_WEIGHT,
    metadata: Object.fromEntries(
      Object.entries(instance.metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
    modifiedRevision: 0n,
  };
}

/** @throws ServiceError INVALID_ARGUMENT */
export function validLeaseRequest(request: {
  readonly leaseId: string;
  readonly requestId?: string;
}): string {
  const violations = new Violations();
  if (request.leaseId === '') violations.add('lease_id', 'is required');
  violations.text('lease_id', request.leaseId, LEASE_ID_MAX);
  violations.text('request_id', request.requestId ?? '', REQUEST_ID_MAX);
  violations.check();
  return request.leaseId;
}

/** The status to set, UNSPECIFIED being SERVING. @throws ServiceError INVALID_ARGUMENT */
export function validStatus(status: registry.InstanceStatus): registry.InstanceStatus {
  const violations = new Violations();
  checkStatus('status', status, violations);
  violations.check();
  const { UNSPECIFIED, SERVING } = registry.InstanceStatus;
  return status === UNSPECIFIED ? SERVING : status;
}

/** @param optional whether '' stands for all services. @throws ServiceError INVALID_ARGUMENT */
export function validServiceName(service: string, optional = false): string {
  const violations = new Violations();
  if (!(optional && service === '')) checkServiceName('service', service, violations);
  violations.check();
  return service;
}

/** The page size, and the name of the last service on the page before ('' = start). @throws ServiceError INVALID_ARGUMENT */
export function validPage(request: registry.ListServicesRequest): {
  readonly pageSize: number;
  readonly after: string;
} {
  const violations = new Violations();
  const { pageSize, pageToken } = request;
  violations.range('page_size', pageSize, `at most ${PAGE_SIZE_MAX}`, pageSize <= PAGE_SIZE_MAX);
  const after = Buffer.from(pageToken, 'base64url').toString('latin1');
  if (pageToken !== '' && (!SERVICE.test(after) || pageTokenOf(after) !== pageToken)) {
    violations.add('page_token', 'must be the next_page_token of an earlier answer');
  }
  violations.check();
  return { pageSize: pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, after };
}

/** The token that continues after a service. */
export function pageTokenOf(service: string): string {
  return Buffer.from(service, 'latin1').toString('base64url');
}

import { registry } from '@raftway/contracts';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Change } from './change-history';
import type { StateLimits } from './limits';
import type { Registration } from './registration';
import { RegistryState, encodedSize } from './registry-state';

/** Raised whenever the layout below changes. */
const SNAPSHOT_VERSION = 1;

/**
 * The whole state as bytes: version, revision, floor of the history, registrations (in order of services, then of instances), history
 * (oldest first). A change that is still an instance's newest refers to its registration instead of repeating it, which is most of them.
 */
export function encodeSnapshot(state: RegistryState): Uint8Array {
  const writer = new BinaryWriter()
    .uint32(SNAPSHOT_VERSION)
    .uint64(state.revision)
    .uint64(state.history.floor)
    .uint32(state.instanceCount);
  for (const record of state.services.values()) {
    for (const registration of record.registrations.values()) {
      writer.uint64(record.firstRevision);
      writeRegistration(writer, registration);
    }
  }
  writer.uint32(state.history.length);
  for (const change of state.history) writeChange(writer, change, state);
  return writer.finish();
}

/** @throws Error on bytes that {@link encodeSnapshot} of this version did not write. */
export function decodeSnapshot(bytes: Uint8Array, limits: StateLimits): RegistryState {
  const reader = new BinaryReader(bytes);
  const version = reader.uint32();
  if (version !== SNAPSHOT_VERSION) {
    throw new Error(
      `registry snapshot has version ${version}, this code reads ${SNAPSHOT_VERSION}`,
    );
  }
  const revision = readNumber(reader);
  const state = new RegistryState(limits, revision, readNumber(reader));
  for (let left = reader.uint32(); left > 0; left -= 1) {
    const serviceFirstRevision = readNumber(reader);
    state.insert(readRegistration(reader), serviceFirstRevision);
  }
  for (let left = reader.uint32(); left > 0; left -= 1) {
    state.history.append(readChange(reader, state));
  }
  if (reader.pos !== reader.len) throw new Error('registry snapshot has bytes after its end');
  return state;
}

function writeRegistration(writer: BinaryWriter, registration: Registration): void {
  const { instance, lease, firstRevision } = registration;
  registry.Instance.encode(instance, writer.fork()).join();
  writer.uint64(firstRevision).string(lease.id).uint64(lease.order);
  // A double: log-clock milliseconds need not be whole.
  writer.uint32(lease.ttlMs).double(lease.deadlineMs);
}

function readRegistration(reader: BinaryReader): Registration {
  const instance = registry.Instance.decode(reader.bytes());
  const firstRevision = readNumber(reader);
  const lease = {
    id: reader.string(),
    order: readNumber(reader),
    service: instance.service,
    instanceId: instance.instanceId,
    ttlMs: reader.uint32(),
    deadlineMs: reader.double(),
    heapPosition: -1,
  };
  return { instance, lease, firstRevision, sizeBytes: encodedSize(instance) };
}

/** What follows a change's names. The numbers are in snapshots and never change. */
const CHANGE = { removed: 0, repeated: 1, current: 2 } as const;

function writeChange(writer: BinaryWriter, change: Change, state: RegistryState): void {
  writer.uint64(change.revision).string(change.service).string(change.instanceId);
  if (change.instance === undefined) {
    writer.uint32(CHANGE.removed).uint32(change.reason).uint32(change.sizeBytes);
  } else if (change.instance === current(state, change.service, change.instanceId)) {
    writer.uint32(CHANGE.current);
  } else {
    writer.uint32(CHANGE.repeated);
    registry.Instance.encode(change.instance, writer.fork()).join();
  }
}

function readChange(reader: BinaryReader, state: RegistryState): Change {
  const revision = readNumber(reader);
  const service = reader.string();
  const instanceId = reader.string();
  const kind = reader.uint32();
  if (kind === CHANGE.removed) {
    const reason: registry.RemovedInstance_Reason = reader.uint32();
    const sizeBytes = reader.uint32();
    return { revision, service, instanceId, instance: undefined, reason, sizeBytes };
  }
  const instance =
    kind === CHANGE.current
      ? current(state, service, instanceId)
      : registry.Instance.decode(reader.bytes());
  if (instance === undefined) throw new Error('registry snapshot refers to an unknown instance');
  const sizeBytes = encodedSize(instance);
  const reason = registry.RemovedInstance_Reason.UNSPECIFIED;
  return { revision, service, instanceId, instance, reason, sizeBytes };
}

function current(state: RegistryState, service: string, instanceId: string) {
  return state.services.get(service)?.registrations.get(instanceId)?.instance;
}

function readNumber(reader: BinaryReader): number {
  return Number(reader.uint64());
}

import { registry } from '@raftway/contracts';
import {
  BinaryReader,
  BinaryWriter,
  DecodeError,
  SNAPSHOT_SLICE_BYTES,
} from '@raftway/raft/state-machine';
import type { Change } from './change-history';
import { readValue, writeValue } from './config-commands';
import { type ConfigLimits } from './config-limits';
import { type ConfigEntry, ConfigState, EMPTY_CONFIG_REVISION, sizeOf } from './config-state';
import type { StateLimits } from './limits';
import type { Registration } from './registration';
import { RegistryState, encodedSize } from './registry-state';

type Instance = registry.Instance;

/** Raised whenever the layout below changes. */
const SNAPSHOT_VERSION = 2;

/** Has no configuration behind the rest. Written as long as nothing was ever configured, so that replicas which are not upgraded yet can read it. */
const SNAPSHOT_VERSION_WITHOUT_CONFIG = 1;

/** What a snapshot holds. */
export interface RestoredState {
  readonly state: RegistryState;
  readonly config: ConfigState;
}

/** Configuration as it was when a snapshot was begun. */
interface ConfigView {
  readonly revision: number;
  readonly floor: number;
  readonly entries: readonly ConfigEntry[];
  readonly removals: readonly (readonly [key: string, revision: number])[];
}

/** A registration as it was when a snapshot was begun: beside what never changes, what may change while it is written. */
interface RegistrationView {
  readonly serviceFirstRevision: number;
  readonly registration: Registration;
  readonly instance: Instance;
  readonly deadlineMs: number;
}

/**
 * The whole state at this call as bytes, in slices: version, revision, floor of the history, registrations (in order of services, then of instances), history
 * (oldest first), and configuration, if there ever was any: revision, floor of removals, entries (in the order of keys), removals (oldest first). A change that is
 * still an instance's newest refers to its registration instead of repeating it, which is most of them.
 *
 * What may change before the last slice is written is taken down at once, which is a reference or a number each; instances and changes never change.
 */
export function snapshotSlices(state: RegistryState, config: ConfigState): Iterable<Uint8Array> {
  const registrations: RegistrationView[] = [];
  for (const {
    firstRevision: serviceFirstRevision,
    registrations: of,
  } of state.services.values()) {
    for (const registration of of.values()) {
      const { instance, lease } = registration;
      const { deadlineMs } = lease;
      registrations.push({ serviceFirstRevision, registration, instance, deadlineMs });
    }
  }
  const configView =
    config.revision === EMPTY_CONFIG_REVISION
      ? undefined
      : {
          revision: config.revision,
          floor: config.floor,
          entries: config.below(''),
          removals: config.removed(),
        };
  const writer = new BinaryWriter(2 * SNAPSHOT_SLICE_BYTES)
    .u8(configView === undefined ? SNAPSHOT_VERSION_WITHOUT_CONFIG : SNAPSHOT_VERSION)
    .uint53(state.revision)
    .uint53(state.history.floor)
    .u32(registrations.length);
  return encodeSlices(writer, registrations, [...state.history], configView);
}

function* encodeSlices(
  writer: BinaryWriter,
  registrations: readonly RegistrationView[],
  history: readonly Change[],
  config: ConfigView | undefined,
): Generator<Uint8Array> {
  // Only of what the history may refer to: a set of all instances would take a long slice whenever it grows.
  const inHistory = new Set(history.map(({ instance }) => instance));
  const written = new Set<Instance>();
  for (const view of registrations) {
    writer.uint53(view.serviceFirstRevision);
    writeRegistration(writer, view);
    if (inHistory.has(view.instance)) written.add(view.instance);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
  writer.u32(history.length);
  for (const change of history) {
    writeChange(writer, change, written);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
  if (config !== undefined) yield* encodeConfig(writer, config);
  yield writer.take();
}

function* encodeConfig(
  writer: BinaryWriter,
  { revision, floor, entries, removals }: ConfigView,
): Generator<Uint8Array> {
  writer.uint53(revision).uint53(floor).u32(entries.length);
  for (const { key, value, createdRevision, modifiedRevision } of entries) {
    writeValue(writer.text(key), value);
    writer.uint53(createdRevision).uint53(modifiedRevision);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
  writer.u32(removals.length);
  for (const [key, removedRevision] of removals) {
    writer.text(key).uint53(removedRevision);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
}

function decodeConfig(reader: BinaryReader, limits: ConfigLimits): ConfigState {
  const revision = reader.uint53();
  const config = new ConfigState(limits, revision, reader.uint53());
  for (let left = reader.u32(); left > 0; left -= 1) {
    const key = reader.text();
    const value = readValue(reader);
    const createdRevision = reader.uint53();
    const modifiedRevision = reader.uint53();
    const sizeBytes = sizeOf(key, value);
    config.insert({ key, value, createdRevision, modifiedRevision, sizeBytes });
  }
  for (let left = reader.u32(); left > 0; left -= 1)
    config.insertRemoval(reader.text(), reader.uint53());
  return config;
}

/** @throws DecodeError on bytes that {@link snapshotSlices} of a known version did not write. */
export function decodeSnapshot(
  bytes: Uint8Array,
  limits: StateLimits,
  configLimits: ConfigLimits,
): RestoredState {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version !== SNAPSHOT_VERSION && version !== SNAPSHOT_VERSION_WITHOUT_CONFIG) {
    throw new DecodeError(
      `registry snapshot has version ${version}, this code reads ${SNAPSHOT_VERSION}`,
    );
  }
  const revision = reader.uint53();
  const state = new RegistryState(limits, revision, reader.uint53());
  for (let left = reader.u32(); left > 0; left -= 1) {
    const serviceFirstRevision = reader.uint53();
    state.insert(readRegistration(reader), serviceFirstRevision);
  }
  for (let left = reader.u32(); left > 0; left -= 1) {
    state.history.append(readChange(reader, state));
  }
  const config =
    version === SNAPSHOT_VERSION
      ? decodeConfig(reader, configLimits)
      : new ConfigState(configLimits);
  reader.end();
  return { state, config };
}

function writeRegistration(writer: BinaryWriter, view: RegistrationView): void {
  const { instance, deadlineMs } = view;
  const { lease, firstRevision } = view.registration;
  writer.bytes(registry.Instance.encode(instance).finish());
  writer.uint53(firstRevision).text(lease.id).uint53(lease.order);
  // A double: log-clock milliseconds need not be whole.
  writer.u32(lease.ttlMs).f64(deadlineMs);
}

function readRegistration(reader: BinaryReader): Registration {
  const instance = registry.Instance.decode(reader.bytes());
  const firstRevision = reader.uint53();
  const lease = {
    id: reader.text(),
    order: reader.uint53(),
    service: instance.service,
    instanceId: instance.instanceId,
    ttlMs: reader.u32(),
    deadlineMs: reader.f64(),
    heapIndex: -1,
  };
  return { instance, lease, firstRevision, sizeBytes: encodedSize(instance) };
}

/** What follows a change's names. The numbers are in snapshots and never change. */
const CHANGE = { removed: 0, repeated: 1, current: 2 } as const;

function writeChange(writer: BinaryWriter, change: Change, written: ReadonlySet<Instance>): void {
  writer.uint53(change.revision).text(change.service).text(change.instanceId);
  if (change.instance === undefined) {
    writer.u8(CHANGE.removed).u32(change.reason).u32(change.sizeBytes);
  } else if (written.has(change.instance)) {
    writer.u8(CHANGE.current);
  } else {
    writer.u8(CHANGE.repeated);
    writer.bytes(registry.Instance.encode(change.instance).finish());
  }
}

function readChange(reader: BinaryReader, state: RegistryState): Change {
  const revision = reader.uint53();
  const service = reader.text();
  const instanceId = reader.text();
  const kind = reader.u8();
  if (kind === CHANGE.removed) {
    const reason: registry.RemovedInstance_Reason = reader.u32();
    const sizeBytes = reader.u32();
    return { revision, service, instanceId, instance: undefined, reason, sizeBytes };
  }
  const instance =
    kind === CHANGE.current
      ? current(state, service, instanceId)
      : registry.Instance.decode(reader.bytes());
  if (instance === undefined)
    throw new DecodeError('registry snapshot refers to an unknown instance');
  const sizeBytes = encodedSize(instance);
  const reason = registry.RemovedInstance_Reason.UNSPECIFIED;
  return { revision, service, instanceId, instance, reason, sizeBytes };
}

function current(state: RegistryState, service: string, instanceId: string) {
  return state.services.get(service)?.registrations.get(instanceId)?.instance;
}

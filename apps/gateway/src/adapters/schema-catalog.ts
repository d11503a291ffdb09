import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';
import { type Instance, type ServiceView } from '@raftway/discovery';
import { type Logger } from '@raftway/observability';
import { MergedSchema, type SchemaSource } from '../domain/merged-schema';
import { isNeverRouted } from '../domain/never-routed';
import { takesCalls } from './view-adapter';

/** Versions of services whose files are kept. */
const sourcesMax = 512;
const learningMax = 2;
const retryFirstMs = 1000;
const retryMaxMs = 60_000;

/** Yields an instance's files; see reflection-client.ts. */
export type FileLearner = (
  instance: { readonly service: string; readonly address: string },
  grpcServices: readonly string[],
  signal: AbortSignal,
) => Promise<Uint8Array[]>;

interface CatalogEntry {
  readonly key: string;
  readonly service: string;
  readonly grpcServices: readonly string[];
  addresses: string[];
  newestRevision: bigint;
  live: boolean;
  files: readonly Uint8Array[] | undefined;
  learning: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

/**
 * The proto files of everything that is registered, learnt from live instances and kept by service and version: a
 * hundred replicas of one version are asked once. The files of a service stay after its last instance has gone.
 */
export class SchemaCatalog {
  private readonly entries = new Map<string, CatalogEntry>();
  private merged: MergedSchema | undefined;
  /** What it was made from, in order. */
  private mergedFiles: readonly SchemaSource['files'][] = [];
  private isStale = false;
  private learningCount = 0;
  private readonly stopping = new AbortController();

  constructor(
    private readonly learn: FileLearner,
    private readonly logger: Logger,
  ) {}

  /** All files, merged; built when first asked for after a change: the same object as long as the files are. */
  schema(): MergedSchema {
    if (this.merged !== undefined && !this.isStale) return this.merged;
    this.isStale = false;
    const sources = [...this.sources(), ownSource()];
    // Most changes of what is registered are none of what it is built from.
    const isSame =
      sources.length === this.mergedFiles.length &&
      sources.every(({ files }, index) => files === this.mergedFiles[index]);
    if (this.merged === undefined || !isSame) this.merged = new MergedSchema(sources);
    this.mergedFiles = sources.map(({ files }) => files);
    return this.merged;
  }

  /** Takes over what is registered now, and starts to learn what is not known yet. */
  update(view: ServiceView): void {
    for (const entry of this.entries.values()) {
      entry.live = false;
      entry.addresses = [];
    }
    for (const instances of view.services().values()) {
      for (const instance of instances) if (takesCalls(instance)) this.note(instance);
    }
    this.forget();
    this.isStale = true;
    this.learnNext();
  }

  stop(): void {
    this.stopping.abort();
    for (const { retry } of this.entries.values()) clearTimeout(retry);
  }

  private note(instance: Instance): void {
    const grpcServices = instance.grpcServices.filter((name) => !isNeverRouted(name));
    if (grpcServices.length === 0) return;
    const { service, version, instanceId, address, modifiedRevision } = instance;
    // Without a version every instance may be another build.
    const build = version === '' ? `${instanceId}@${address}` : version;
    const key = [service, build, ...[...grpcServices].sort()].join('\u0000');
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = {
        key,
        service,
        grpcServices,
        addresses: [],
        newestRevision: 0n,
        live: true,
        files: undefined,
        learning: false,
        failures: 0,
        retry: undefined,
      };
      this.entries.set(key, entry);
    }
    entry.live = true;
    entry.addresses.push(address);
    if (modifiedRevision > entry.newestRevision) entry.newestRevision = modifiedRevision;
  }

  private forget(): void {
    const liveServices = new Set<string>();
    for (const entry of this.entries.values())
      if (entry.live && entry.files !== undefined) liveServices.add(entry.service);
    for (const [key, entry] of this.entries) {
      const superseded = !entry.live && liveServices.has(entry.service);
      const unlearnt = !entry.live && entry.files === undefined;
      if (superseded || unlearnt) this.drop(key, entry);
    }
    for (const [key, entry] of this.entries) {
      if (this.entries.size <= sourcesMax) break;
      this.drop(key, entry);
    }
  }

  private drop(key: string, entry: CatalogEntry): void {
    clearTimeout(entry.retry);
    this.entries.delete(key);
  }

  private learnNext(): void {
    for (const entry of this.entries.values()) {
      if (this.stopping.signal.aborted || this.learningCount >= learningMax) return;
      const idle = entry.files === undefined && !entry.learning && entry.retry === undefined;
      if (entry.live && idle) void this.learnEntry(entry);
    }
  }

  private async learnEntry(entry: CatalogEntry): Promise<void> {
    const address = entry.addresses[entry.failures % entry.addresses.length] ?? '';
    entry.learning = true;
    this.learningCount += 1;
    try {
      const { service, grpcServices } = entry;
      entry.files = await this.learn({ service, address }, grpcServices, this.stopping.signal);
      this.isStale = true;
      this.logger.debug('schema learnt', {
        service: entry.service,
        address,
        files: entry.files.length,
      });
    } catch (error) {
      this.retryLater(entry, address, error);
    } finally {
      entry.learning = false;
      this.learningCount -= 1;
      this.forget();
      this.learnNext();
    }
  }

  private retryLater(entry: CatalogEntry, address: string, error: unknown): void {
    if (this.stopping.signal.aborted) return;
    if (entry.failures === 0)
      this.logger.info('schema not learnt: reflection failed', {
        service: entry.service,
        address,
        error,
      });
    const waitMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(entry.failures, 10));
    entry.failures += 1;
    entry.retry = setTimeout(() => {
      entry.retry = undefined;
      this.learnNext();
    }, waitMs);
    entry.retry.unref();
  }

  private sources(): SchemaSource[] {
    return [...this.entries.values()]
      .filter((entry) => entry.files !== undefined)
      .sort((a, b) => (a.newestRevision > b.newestRevision ? -1 : 1))
      .map(({ grpcServices, files = [] }) => ({ grpcServices, files }));
  }
}

let own: SchemaSource | undefined;

/** The files of the gateway's own health and reflection. */
function ownSource(): SchemaSource {
  if (own === undefined) {
    const bytes = Buffer.from(descriptorSetBase64, 'base64');
    const files = fromBinary(FileDescriptorSetSchema, bytes)
      .file.filter(({ name }) => name.startsWith('grpc/'))
      .map((file) => toBinary(FileDescriptorProtoSchema, file));
    own = { grpcServices: [], files };
  }
  return own;
}

import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerTls } from '@raftway/tls';
import { type GatewayOptions } from '../../src/options';
import { type EchoBackend } from './echo-backend';
import { instanceOf } from './fake-view';
import { eventually, Harness } from './harness';

/** A gateway that takes its documents from a directory, with three services that are reached by documents alone. */
export class DocumentGateway {
  private constructor(
    readonly harness: Harness,
    readonly directory: string,
    /** v1, v2 and v3. */
    readonly backends: readonly EchoBackend[],
  ) {}

  /** @param files names and texts that are there from the start. */
  static async start(
    files: Readonly<Record<string, string>> = {},
    options: Partial<GatewayOptions> = {},
    tls?: ServerTls,
  ): Promise<DocumentGateway> {
    const directory = mkdtempSync(join(tmpdir(), 'raftway-documents-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const harness = await Harness.start({ documents: directory, ...options }, undefined, tls);
    const backends: EchoBackend[] = [];
    for (const name of ['v1', 'v2', 'v3']) backends.push(await harness.backend(name));
    harness.view.set(
      ...backends.map(({ name, address }) =>
        instanceOf(address, { service: name, instanceId: name, grpcServices: [] }),
      ),
    );
    return new DocumentGateway(harness, directory, backends);
  }

  /** Puts a file in its place as a whole. */
  write(name: string, text: string): void {
    const path = join(this.directory, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  /** Sets of documents that came so far. */
  async sets(result: 'used' | 'refused'): Promise<number> {
    const text = await this.harness.metrics.text();
    const match = new RegExp(`document_sets_total\\{result="${result}"\\} (\\d+)`).exec(text);
    return Number(match?.[1] ?? 0);
  }

  /** Writes a file, and waits until the gateway has seen it. */
  async change(name: string, text: string, result: 'used' | 'refused' = 'used'): Promise<void> {
    const before = await this.sets(result);
    this.write(name, text);
    let seen = before;
    await eventually(() => {
      void this.sets(result).then((sets) => (seen = sets));
      return seen > before;
    }, `a set that is ${result}`);
  }

  /** How many calls each backend has had. */
  calls(): number[] {
    return this.backends.map(({ calls }) => calls);
  }

  async close(): Promise<void> {
    await this.harness.close();
    rmSync(this.directory, { recursive: true });
  }
}

/** One of `test/documents`. */
export function fixture(name: string): string {
  return readFileSync(join(__dirname, '..', 'documents', `${name}.yaml`), 'utf8');
}

/** A route of every call to one service. */
export function routeTo(service: string, name = 'all'): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name} }
spec: { rules: [{ backendRefs: [{ name: ${service} }] }] }
`;
}

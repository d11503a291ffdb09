import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const port = z.int().min(1).max(65_535);

const appListSchema = z.record(
  z.string(),
  z.strictObject({ port, peerPort: port.optional(), grpcServices: z.array(z.string().min(1)) }),
);

/** One app of the workspace. */
export interface AppEntry {
  /** Where its gRPC server listens in a container. */
  readonly port: number;
  /** Where its replicas meet; undefined for an app that keeps no replicated state. */
  readonly peerPort?: number | undefined;
  /** The full names of the gRPC services that are called through the gateway. */
  readonly grpcServices: readonly string[];
}

/**
 * The apps of the workspace by name, in the order in which they are started: `apps/apps.json`, the one list that `raftway up`, the images
 * and the specs of the manifests go by.
 *
 * @param root the workspace's root folder.
 * @throws Error when the file cannot be read; ZodError when it is not such a list.
 */
export function readAppList(root: string): ReadonlyMap<string, AppEntry> {
  const text = readFileSync(join(root, 'apps', 'apps.json'), 'utf8');
  return new Map(Object.entries(appListSchema.parse(JSON.parse(text))));
}

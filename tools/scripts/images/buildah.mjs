// Runs buildah on a storage of its own, so that nothing of the machine's is seen or changed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * `run(...)` shows buildah's output on standard error, `read(...)` returns it. The vfs driver and chroot isolation need root, but neither an
 * engine nor overlay mounts: this works inside a container, too.
 */
export function buildahIn(directory) {
  const global = [
    ...['--root', path.join(directory, 'root'), '--runroot', path.join(directory, 'run')],
    ...['--storage-driver', 'vfs', '--log-level', 'error'],
  ];
  const call = (args, stdio) => {
    const { status, stdout, error } = spawnSync('buildah', [...global, ...args], {
      stdio: ['ignore', ...stdio],
      encoding: 'utf8',
      env: { ...process.env, BUILDAH_ISOLATION: 'chroot' },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(`buildah ${args[0]} failed with exit code ${status}`);
    return stdout?.trim();
  };
  const read = (...args) => call(args, ['pipe', 2]);
  return {
    run: (...args) => call(args, ['ignore', 2]),
    read,
    exists: (image) =>
      JSON.parse(read('images', '--json') || '[]').some(({ names }) => names?.includes(image)),
    /** Bytes of an image's layers, uncompressed: what `docker images` shows. */
    sizeBytes: (image) => {
      const layers = JSON.parse(readFileSync(path.join(directory, 'root/vfs-layers/layers.json')));
      const sizes = new Map(layers.map((layer) => [layer['diff-digest'], layer['diff-size']]));
      const { rootfs } = JSON.parse(read('inspect', '--type', 'image', image)).Docker;
      return rootfs.diff_ids.reduce((sum, id) => sum + (sizes.get(id) ?? Number.NaN), 0);
    },
  };
}

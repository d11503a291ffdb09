// Makes the base image where no registry of images can be reached.
//
// It stands in for node:24-bookworm-slim and is laid out like it: Debian bookworm without documentation, Node and npm in /usr/local. Node is
// the binary that package-lock.json pins by hash.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { pathOutside } from '../lib.mjs';

const SUITE = 'bookworm';
/** The npm that runs in the build; it does not depend on the npm outside. */
const NPM = 'npm@11.21.2';
/** What Debian's slim images leave out as well. */
const LEFT_OUT = [
  ...['var/cache/apt/archives', 'var/lib/apt/lists', 'var/log'],
  ...['usr/share/doc', 'usr/share/man', 'usr/share/info', 'usr/share/locale'],
];

/** Commits the base image as `name`. */
export function makeBase({ buildah, name, scratch, node, mirror }) {
  const rootfs = path.join(scratch, 'rootfs');
  quietly('debootstrap', ['--variant=minbase', SUITE, rootfs, mirror]);
  for (const folder of LEFT_OUT) {
    rmSync(path.join(rootfs, folder), { recursive: true, force: true });
    mkdirSync(path.join(rootfs, folder), { recursive: true });
  }
  const local = path.join(rootfs, 'usr/local');
  cpSync(node, path.join(local, 'bin/node'), { dereference: true });
  chmodSync(path.join(local, 'bin/node'), 0o755);
  addNpm(local, scratch);

  const container = buildah.read('from', 'scratch');
  buildah.read('add', '--quiet', container, rootfs, '/');
  buildah.read('config', '--cmd', 'node', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container);
  buildah.read('commit', '--quiet', '--rm', '--format', 'docker', container, name);
  rmSync(rootfs, { recursive: true, force: true });
}

function addNpm(local, scratch) {
  const pack = ['pack', '--silent', '--pack-destination', scratch, NPM];
  const tarball = quietly('npm', pack, { ...process.env, PATH: pathOutside() }).trim();
  const target = path.join(local, 'lib/node_modules/npm');
  mkdirSync(target, { recursive: true });
  quietly('tar', [
    ...['--extract', '--no-same-owner', '--strip-components=1'],
    ...['--file', path.join(scratch, tarball), '--directory', target],
  ]);
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', path.join(local, 'bin/npm'));
}

/** Runs a command whose output matters only when it fails. */
function quietly(command, args, env = process.env) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-15);
    throw new Error(`${command} failed: ${said.join('\n') || error.message}`, { cause: error });
  }
}

// Builds the images without a Docker engine: docker/Dockerfile by buildah, on a base image made from Debian's packages.
//
//   npm run images -- --help
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makeBase } from './images/base.mjs';
import { buildahIn } from './images/buildah.mjs';
import { readApps, root } from './lib.mjs';

const SIZE_BYTES_MAX = 250_000_000;
const BASE = `localhost/raftway-base:node-${process.versions.node}`;
const BUNDLE = 'localhost/raftway-bundle';
const TOOLS = ['buildah', 'debootstrap', 'chroot', 'npm', 'tar'];
/**
 * One layer an image, so that vfs, which copies the whole tree for a step, copies it once. What several images share is therefore built
 * as an image of its own, which then stands in for that stage.
 */
const BUILD = [
  ...['--quiet', '--layers=false', '--pull=never', '--isolation', 'chroot'],
  // The OCI format has no HEALTHCHECK.
  ...['--format', 'docker', '--file', path.join(root, 'docker/Dockerfile')],
  ...['--build-arg', `BASE_IMAGE=${BASE}`],
];
const HELP = `Builds the images raftway/<app>:<version> without a Docker engine, prints their sizes, and fails above ${SIZE_BYTES_MAX / 1e6} MB.

Needs Linux, root, and Debian's packages buildah and debootstrap.

  --app NAME      only this app; may be repeated
  --output DIR    write each image to DIR/<app>.tar, for docker load
  --storage DIR   keep buildah's storage there, for the next time (default: a temporary folder, removed at the end)
  --mirror URL    Debian mirror (default: http://deb.debian.org/debian)
`;

const { values } = parseArgs({
  options: {
    app: { type: 'string', multiple: true },
    output: { type: 'string' },
    storage: { type: 'string' },
    mirror: { type: 'string', default: 'http://deb.debian.org/debian' },
    help: { type: 'boolean', default: false },
  },
});
const all = Object.keys(readApps());
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

if (values.help) {
  process.stdout.write(HELP);
} else {
  const problem = whyNot();
  if (problem === undefined) buildAll();
  else {
    console.error(`images: ${problem}`);
    process.exitCode = 1;
  }
}

/** Why the images cannot be built here, in one sentence; undefined when they can. */
function whyNot() {
  const unknown = (values.app ?? []).find((name) => !all.includes(name));
  if (unknown !== undefined) return `there is no app ${unknown}, only ${all.join(', ')}`;
  if (process.platform !== 'linux' || process.getuid() !== 0) return 'needs Linux and root';
  const missing = TOOLS.find((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing !== undefined) return `${missing} is not installed (apt-get install ${missing})`;
  return undefined;
}

function buildAll() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'raftway-images-'));
  const storage = path.resolve(values.storage ?? path.join(scratch, 'storage'));
  const buildah = buildahIn(storage);
  const names = values.app ?? all;
  const step = progress(names.length + 2);
  const build = (...args) => buildah.run('build', ...BUILD, ...args, root);
  try {
    mkdirSync(storage, { recursive: true });
    step(`base image ${BASE}`, () => {
      if (buildah.exists(BASE)) return;
      makeBase({ buildah, name: BASE, scratch, node: process.execPath, mirror: values.mirror });
    });
    step('bundles of all apps', () =>
      build('--target', 'bundle', '--tag', BUNDLE, ...secrets(scratch)),
    );
    for (const name of names) {
      step(`raftway/${name}:${version}`, () =>
        build(
          ...[
            '--build-context',
            `bundle=container-image://${BUNDLE}`,
            '--build-arg',
            `APP=${name}`,
          ],
          ...['--build-arg', `VERSION=${version}`, '--tag', imageOf(name)],
        ),
      );
    }
    report(buildah, names);
    if (values.output !== undefined) save(buildah, names);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function imageOf(name) {
  return `localhost/raftway/${name}:${version}`;
}

/** How this machine reaches the npm registry: as Node was told, or npm, which hands its configuration on to scripts. */
function secrets(scratch) {
  const { npm_config_cafile: npmCa, npm_config_registry: registry } = process.env;
  const ca = process.env.NODE_EXTRA_CA_CERTS ?? npmCa;
  const given = [];
  if (ca && existsSync(ca)) given.push('--secret', `id=ca,src=${ca}`);
  if (registry) {
    const npmrc = path.join(scratch, 'npmrc');
    writeFileSync(npmrc, `registry=${registry}\n`);
    given.push('--secret', `id=npmrc,src=${npmrc}`);
  }
  return given;
}

/** Prints the sizes, as `docker images` counts them: every layer uncompressed. */
function report(buildah, names) {
  for (const name of names) {
    const sizeBytes = buildah.sizeBytes(imageOf(name));
    console.log(`raftway/${name}:${version} ${(sizeBytes / 1e6).toFixed(1)} MB`);
    if (sizeBytes <= SIZE_BYTES_MAX) continue;
    console.error(`images: ${name} is larger than ${SIZE_BYTES_MAX / 1e6} MB`);
    process.exitCode = 1;
  }
}

function save(buildah, names) {
  mkdirSync(values.output, { recursive: true });
  for (const name of names) {
    const file = path.resolve(values.output, `${name}.tar`);
    rmSync(file, { force: true });
    buildah.run(
      'push',
      '--quiet',
      imageOf(name),
      `docker-archive:${file}:raftway/${name}:${version}`,
    );
    console.log(`wrote ${file}`);
  }
}

function progress(count) {
  let done = 0;
  return (what, work) => {
    const began = Date.now();
    work();
    done += 1;
    console.error(`[${done}/${count}] ${what} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  };
}

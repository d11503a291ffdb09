// Writes what goes into /app of each image: one file an app, without node_modules.
//
//   node docker/bundle.mjs <directory>      → <directory>/<app>/main.js …
//
// telemetry.js is the OpenTelemetry SDK, which main.js loads when the OTEL_* variables ask for it (ADR 024): apart, so that nobody else reads it.
//
// It bundles the sources, not dist: nothing has to be built first. Names are kept and nothing is minified, so that stack traces and error
// classes read as in the sources.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { readApps, root } from '../tools/scripts/lib.mjs';

const apps = readApps();
const HTTP_PORT = 9464;
const SDK = '@raftway/observability/sdk';

const sdkApart = {
  name: 'sdk-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: new RegExp(`^${SDK}$`) }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './telemetry.js', external: true },
    ),
};

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('usage: node docker/bundle.mjs <directory>');
rmSync(out, { recursive: true, force: true });
for (const [name, app] of Object.entries(apps)) await bundleApp(name, app);
console.log(`${Object.keys(apps).length} apps bundled into ${out}`);

async function bundleApp(name, app) {
  const directory = path.join(out, name);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      main: `apps/${name}/src/main.ts`,
      health: 'docker/src/container/health.ts',
      telemetry: SDK,
    },
    outdir: path.resolve(directory),
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    conditions: ['@raftway/source'],
    plugins: [sdkApart],
    keepNames: true,
    // Licences of what is bundled are written beside it.
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(path.join(directory, 'raftway.yaml'), containerOptions(app));
  writeFileSync(path.join(directory, 'THIRD-PARTY-LICENSES'), licenses(metafile));
  cpSync(path.join(root, 'LICENSE'), path.join(directory, 'LICENSE'));
}

/** What is different in a container: other containers call it, and its state is on a volume. A variable wins over this file. */
function containerOptions({ port, peerPort }) {
  const options = {
    bind: `0.0.0.0:${port}`,
    httpBind: `0.0.0.0:${HTTP_PORT}`,
    ...(peerPort && { peerBind: `0.0.0.0:${peerPort}`, dataDir: '/var/lib/raftway' }),
  };
  return Object.entries(options)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

/** The licence of every package that has a file in the bundle. */
function licenses(metafile) {
  const folders = Object.keys(metafile.inputs).flatMap(
    (file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? [],
  );
  return [...new Set(folders)]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(path.join(root, folder, 'package.json'), 'utf8'),
      );
      const file = readdirSync(path.join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? '' : readFileSync(path.join(root, folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

// What the npm scripts do, each on the pinned runtime. A task resolves to its exit code.
import path from 'node:path';
import { readApps, root } from '../lib.mjs';
import { ASIDE } from './runtime.mjs';

const CLI = path.join(root, 'tools/cli/dist/main.js');
const BENCH = path.join(root, 'tools/bench/dist/main.js');
const SIMULATE = path.join(root, 'libs/testkit/dist/simulation/main.js');
const SIMULATED_BUGS = path.join(root, 'libs/testkit/dist/planted/main.js');
const CHAOS = path.join(root, 'libs/testkit/dist/chaos');
const ATTACKS = path.join(root, 'libs/testkit/dist/attacks/main.js');
const scripts = path.join(root, 'tools/scripts');
const GENERATORS = ['service', 'rpc', 'lib'];
const GUIDE = 'docs/guides/add-a-service.md';

/** The CLI, and the apps that `raftway up` starts. */
const started = ['cli', ...Object.keys(readApps())].map((name) => `@raftway/${name}`).join(',');
/** Also the generator of metrics, dashboards and alerts, which asks the services. */
const generating = `${started},@raftway/telemetry`;
/** The apps that the manifests start, and what judges them. */
const deployed = `${started},@raftway/testkit`;
/** The benchmarks, and the services that they start. */
const measured = ['bench', 'registry', 'lock-service', 'id-service', 'gateway']
  .map((name) => `@raftway/${name}`)
  .join(',');

const script = (file, ...args) => ['node', [path.join(scripts, file), ...args]];
const nx = (targets, ...args) => [
  'nx',
  ['run-many', '-t', ...targets, '--parallel=2', '--outputStyle=static', ...args],
];

/** Runs steps in order and stops at the first that fails; the caller's arguments go to the last. */
const sequence =
  (...steps) =>
  async ({ run }, args) => {
    for (const [index, [command, own, options]] of steps.entries()) {
      const extra = index === steps.length - 1 ? args : [];
      const code = await run(command, [...own, ...extra], options);
      if (code !== 0) return code;
    }
    return 0;
  };

/** Builds what is run next, with a line a project: only the output of one that fails is of interest. */
const build = (projects) => [
  'nx',
  ['run-many', '-t', 'build', '--parallel=2', '--outputStyle=static-failures-only', '-p', projects],
  { stdio: ASIDE },
];

/** Runs the CLI after building it and what it starts; a build that is up to date takes a second. */
const cli = (...own) => sequence(build(started), ['node', [CLI, ...own]]);

/** Programs that run the built services through faults. */
const verified = ['testkit', 'registry', 'lock-service', 'id-service'];
const verify = (file) =>
  sequence(nx(['build'], '-p', verified.map((name) => `@raftway/${name}`).join(',')), [
    'node',
    [path.join(CHAOS, file)],
  ]);

/** Runs a program that belongs to a project's specs, and so is not built, from its source. */
const fromSource = (project, file, ...flags) => [
  'node',
  [...flags, '-r', '@swc-node/register', path.join(root, project, file)],
  { env: { TS_NODE_PROJECT: path.join(root, project, 'tsconfig.spec.json') } },
];

/** Everything that must hold besides the tests. */
const checks = [
  ['prettier', ['--check', '--log-level=warn', '.']],
  ['nx', ['sync:check']],
  script('check-links.mjs'),
  nx(['lint', 'typecheck', 'build']),
  script('generate.mjs', '--check'),
  script('references.mjs', '--check'),
  script('telemetry.mjs', '--check'),
];

export const tasks = {
  start: cli('up'),
  raftway: cli(),
  test: sequence(script('test.mjs')),
  /** The one gate: everything that must hold before a commit. */
  gate: sequence(...checks, script('test.mjs')),
  check: sequence(...checks),
  /** One simulated cluster, or many: `--seed 7 --nodes 5`, `--seeds 20000`. */
  simulate: sequence(nx(['build'], '-p', '@raftway/testkit'), ['node', [SIMULATE]]),
  /** Real processes, killed, frozen and cut off: `--minutes 10 --seed 7`. */
  'verify:chaos': verify('main.js'),
  /** Thousands of leases through frozen leaders, changes of leader and a restart: `--count 10000`. */
  'verify:leases': verify('leases-main.js'),
  /** How long nobody can write when the leader is killed or hangs, and that handovers fail no call: `--kills 100`. */
  'verify:failover': verify('failover-main.js'),
  /** The built gateway, flooded, starved and lied to by clients and by an instance beside good traffic: `--seconds 2`, `--only rapid-reset`, `--help`. */
  'verify:attacks': sequence(build('@raftway/testkit,@raftway/registry,@raftway/gateway'), [
    'node',
    [ATTACKS],
  ]),
  /** Every pod of the manifests replaced under load, without a failed call: `--rounds 4`. */
  'verify:rolling-restart': sequence(
    build(deployed),
    fromSource('k8s', 'tests/dry-run/rolling-main.ts'),
  ),
  /** Thousands of routes in files, changed one by one and then under load: `--routes 5000 --changes 1000`. */
  'verify:routes': sequence(
    build('@raftway/gateway,@raftway/registry'),
    // It times milliseconds, which collections of its own would be in.
    fromSource('apps/gateway', 'test/verify/routes-main.ts', '--max-semi-space-size=2'),
  ),
  /** Changes of a route, restarts of instances and of the gateways, all under load: `--changes 1000 --restarts 100 --rolls 20`. */
  'verify:edge': sequence(
    build('@raftway/gateway,@raftway/registry,@raftway/greeter'),
    fromSource('apps/gateway', 'test/verify/edge-main.ts'),
  ),
  /** Known mistakes, put back one at a time: each must be found. */
  'verify:planted-bugs': verify('planted-main.js'),
  /** A fresh clone, a service and a library generated in it, and the whole gate over that. */
  'verify:generator': sequence(script('generator-run.mjs', '--gate')),
  /** Known mistakes in the Raft library, put back one at a time: the simulator must find each. Writes docs/internals/planted-bugs.md. */
  'verify:simulated-bugs': sequence(nx(['build'], '-p', '@raftway/testkit'), [
    'node',
    [SIMULATED_BUGS],
  ]),
  /** Ourselves beside our peers: `locks`, `gateway` or `raft`; or the library alone, `raft-library`; `--seconds 4`, `--no-document`. */
  bench: sequence(build(measured), ['node', [BENCH]]),
  /** The images, without a Docker engine; `--help` lists the options. */
  images: sequence(script('images.mjs')),
  format: sequence(['prettier', ['--write', '--log-level=warn', '.']]),
  lint: sequence(nx(['lint'])),
  typecheck: sequence(nx(['typecheck'])),
  build: sequence(nx(['build'])),
  /** The contracts from protos/, the references from the sources, and metrics, dashboards and alerts from the apps. */
  generate: sequence(
    script('generate.mjs'),
    build(generating),
    script('references.mjs'),
    script('telemetry.mjs'),
  ),
  /** A new service, method or library: `service orders`, `rpc orders GetOrder`, `lib pricing`; all take `--dry-run`. */
  add: ({ run }, [kind, ...args]) => {
    if (!GENERATORS.includes(kind)) {
      throw new Error(`usage: npm run add -- ${GENERATORS.join('|')} <name> …; see ${GUIDE}`);
    }
    return run('nx', ['generate', `@raftway/plugin:${kind}`, '--no-interactive', ...args]);
  },
  /** Writes the project references in tsconfig files after a project's dependencies changed. */
  sync: sequence(['nx', ['sync']]),
  'check-generated': sequence(
    script('generate.mjs', '--check'),
    build(generating),
    script('references.mjs', '--check'),
    script('telemetry.mjs', '--check'),
  ),
  exec: ({ run }, args) => {
    const [command, ...rest] = args[0] === '--' ? args.slice(1) : args;
    if (command === undefined) throw new Error('usage: exec -- <command> [args]');
    return run(command, rest, { cwd: process.env.INIT_CWD ?? process.cwd() });
  },
};

// The one entry of every npm script. It needs Node >= 20 and npm and nothing else.
//
// The workspace brings its own runtime: Node 24 comes from npm as a per-platform package that
// package-lock.json pins by hash. So this file, which runs on whatever Node is there, installs the
// dependencies when they are missing or stale and then runs the task on the pinned runtime. It
// may therefore import nothing but node:* and the files beside it that do the same.
import { install } from './bootstrap/install.mjs';
import { environment, runtime } from './bootstrap/runtime.mjs';
import { tasks } from './bootstrap/tasks.mjs';

const OLDEST_NODE = 20;

const [name = 'help', ...args] = process.argv.slice(2);
const major = Number(process.versions.node.split('.')[0]);
const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;

if (major < OLDEST_NODE) {
  console.error(`raftway: needs Node ${OLDEST_NODE} or newer, this is ${process.version}`);
  process.exitCode = 1;
} else if (task === undefined) {
  console.error(`usage: node tools/scripts/bootstrap.mjs ${Object.keys(tasks).join('|')} [args]`);
  process.exitCode = 2;
} else {
  try {
    const env = environment();
    await install(env);
    process.exitCode = await task(runtime(env), args);
  } catch (error) {
    console.error(`raftway: ${error.message}`);
    process.exitCode = 1;
  }
}

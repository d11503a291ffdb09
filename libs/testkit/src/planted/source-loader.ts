import { transformSync } from '@swc/core';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { compileFunction } from 'node:vm';
import { applyChange } from './bug';
import type { SimulatedBug } from './bug';

/** The workspace's own packages that a patched copy loads from their sources; everything else is shared. */
const OWN_PACKAGES: Readonly<Record<string, string>> = {
  '@raftway/raft': 'libs/raft/src/index.ts',
  '@raftway/raft/core': 'libs/raft/src/core/index.ts',
  '@raftway/raft/state-machine': 'libs/raft/src/state-machine/index.ts',
};

const requireShared = createRequire(__filename);

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname', 'Date'];

/** Transpiled sources without a patch: the same for every bug. */
const transpiled = new Map<string, string>();

/**
 * A copy of the library and of the simulator in memory, made from their TypeScript sources, with a bug in it. Every copy has modules of its own, so that
 * nothing of one run is left in the next; and it is made from sources, so that patches are written and read as what people write.
 */
export class SourceLoader {
  private readonly modules = new Map<string, { exports: unknown }>();
  private readonly patched = new Map<string, string>();
  private nowMs: () => number = () => 0;
  /** Code that asks for the wall clock gets the simulated one: a run with such a bug is a function of its seed, too. */
  private readonly virtualDate = { now: (): number => WALL_CLOCK_MS + this.nowMs() };

  /** @throws PatchDoesNotApply */
  constructor(
    private readonly workspace: string,
    bug?: SimulatedBug,
  ) {
    for (const change of bug?.changes ?? []) {
      const file = join(workspace, change.file);
      const before = this.patched.get(file) ?? readFileSync(file, 'utf8');
      this.patched.set(file, applyChange((bug as SimulatedBug).name, before, change));
    }
  }

  /** What `Date.now()` in the copy answers from now on, beside a constant. */
  setClock(nowMs: () => number): void {
    this.nowMs = nowMs;
  }

  /** The exports of a source file below the workspace. */
  load(file: string): unknown {
    return this.loadFile(join(this.workspace, file));
  }

  private loadFile(file: string): unknown {
    const loaded = this.modules.get(file);
    if (loaded !== undefined) return loaded.exports;
    const module = { exports: {} };
    this.modules.set(file, module);
    const code = this.codeOf(file);
    const run = compileFunction(code, PARAMETERS, { filename: file }) as (
      ...all: unknown[]
    ) => void;
    const require = (name: string): unknown => this.require(file, name);
    run(module.exports, require, module, file, dirname(file), this.virtualDate);
    return module.exports;
  }

  private require(from: string, name: string): unknown {
    const own = OWN_PACKAGES[name];
    if (own !== undefined) return this.load(own);
    if (!name.startsWith('.')) return requireShared(name);
    const base = join(dirname(from), name);
    const file = [`${base}.ts`, join(base, 'index.ts')].find((path) => existsSync(path));
    if (file === undefined) throw new Error(`${relative(this.workspace, from)} imports ${name}`);
    return this.loadFile(file);
  }

  private codeOf(file: string): string {
    const patched = this.patched.get(file);
    if (patched !== undefined) return transpile(patched, file);
    let code = transpiled.get(file);
    if (code === undefined) {
      code = transpile(readFileSync(file, 'utf8'), file);
      transpiled.set(file, code);
    }
    return code;
  }
}

/** A moment in 2026: wall clocks do not begin at 0. */
const WALL_CLOCK_MS = 1_767_225_600_000;

function transpile(source: string, file: string): string {
  const { code } = transformSync(source, {
    swcrc: false,
    filename: file,
    module: { type: 'commonjs' },
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, keepClassNames: true },
  });
  return code;
}

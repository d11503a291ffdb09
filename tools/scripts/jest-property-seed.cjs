'use strict';

const fc = require('fast-check');

/**
 * Property tests draw the same examples on every run of the gate, so that a change is judged by what it changed.
 * `RAFTWAY_TEST_SEED=random` looks for new counterexamples, `RAFTWAY_TEST_SEED=<n>` draws those of a run again:
 * a failed property prints its seed.
 */
const seed = process.env.RAFTWAY_TEST_SEED ?? '20261125';
if (seed !== 'random') {
  if (!/^-?\d+$/.test(seed))
    throw new Error(`RAFTWAY_TEST_SEED=${seed}: a whole number or "random"`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
}

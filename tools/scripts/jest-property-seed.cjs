'use strict';

const fc = require('fast-check');

/**
 * Property tests draw the same examples on every run of the gate, so that a change is judged by what it changed.
 * `TEST_SEED=random` looks for new counterexamples, `TEST_SEED=<n>` draws those of a run again:
 * a failed property prints its seed.
 */
const seed = process.env.TEST_SEED ?? '20261125';
if (seed !== 'random') {
  if (!/^-?\d+$/.test(seed)) throw new Error(`TEST_SEED=${seed}: a whole number or "random"`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
}

'use strict';

const { spawnSync } = require('node:child_process');

/** Whether a command is installed and works. */
function works(command, ...words) {
  return spawnSync(command, words).status === 0;
}

/**
 * Leaves spec files out of a run on machines that have not what they need, which is said, so that `npm test` works with nothing but Node. In the gate, which
 * installs what specs need and sets TEST_COMPLETE=true, they run in any case, and fail.
 *
 * @param {{ what: string, isHere: boolean, specs: string[], isInGate?: boolean }[]} needs what is needed, as a sentence names it; whether this machine has it; regular expressions
 *   for the paths of the files that need it; false for what Debian and npm do not have, so that the gate cannot install it (default true)
 * @returns {string[]} for Jest's testPathIgnorePatterns
 */
function specsWithout(needs) {
  const isComplete = process.env.TEST_COMPLETE === 'true';
  const missing = needs.filter(
    ({ isHere, isInGate = true }) => !isHere && !(isComplete && isInGate),
  );
  for (const { what } of missing)
    process.stderr.write(`there is no ${what} here: the spec files that need it are left out\n`);
  return missing.flatMap(({ specs }) => specs);
}

module.exports = { specsWithout, works };

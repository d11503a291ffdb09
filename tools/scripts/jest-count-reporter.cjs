'use strict';

const { mkdirSync, writeFileSync } = require('node:fs');
const path = require('node:path');

/**
 * Writes how many tests passed, failed and were skipped, and what the failed ones said, to
 * `<project>/test-results/counts.json`.
 *
 * The file is an output of the Nx `test` target, so a cached run restores it and `npm test` can
 * sum the same numbers whether or not the tests ran this time. A spec file that fails to load
 * counts as one failed test.
 */
module.exports = class CountReporter {
  constructor(globalConfig) {
    this.directory = path.join(globalConfig.rootDir, 'test-results');
  }

  onRunComplete(_contexts, results) {
    const counts = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      failures: results.testResults.flatMap(({ failureMessage, testFilePath }) =>
        failureMessage ? [`${path.relative(this.directory, testFilePath)}\n${failureMessage}`] : [],
      ),
    };
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(path.join(this.directory, 'counts.json'), `${JSON.stringify(counts)}\n`);
  }
};

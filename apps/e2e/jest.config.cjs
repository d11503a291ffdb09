/** @type {import('jest').Config} */
module.exports = {
  ...require('../../jest.preset.js'),
  displayName: 'e2e',
  // Each spec runs a whole suite of real processes: one at a time.
  maxWorkers: 1,
  testTimeout: 180_000,
};

/** @type {import('jest').Config} */
module.exports = {
  ...require('../jest.preset.js'),
  displayName: 'k8s',
  testMatch: ['<rootDir>/tests/**/*.spec.ts'],
  // The dry run starts a whole suite of processes.
  maxWorkers: 1,
  testTimeout: 120_000,
};

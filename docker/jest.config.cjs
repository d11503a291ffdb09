/** @type {import('jest').Config} */
module.exports = {
  ...require('../jest.preset.js'),
  displayName: 'docker',
  // The images are built once, and their containers share this machine.
  maxWorkers: 1,
  testTimeout: 120_000,
};

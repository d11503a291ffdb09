/** @type {import('jest').Config} */
module.exports = {
  ...require('../jest.preset.js'),
  displayName: 'docker',
  // The images are built once, and their containers share this machine.
  maxWorkers: 1,
  // Building and starting images takes minutes, Linux and root: a suite of its own, which TEST_IMAGES asks for.
  testPathIgnorePatterns: process.env.TEST_IMAGES === undefined ? ['src/images\\.spec\\.ts$'] : [],
  testTimeout: 120_000,
};

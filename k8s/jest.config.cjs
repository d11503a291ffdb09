const { spawnSync } = require('node:child_process');
const { specsWithout } = require('../tools/scripts/jest-needs.cjs');

const kubectl = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' }).stdout ?? '';

/** @type {import('jest').Config} */
module.exports = {
  ...require('../jest.preset.js'),
  displayName: 'k8s',
  testMatch: ['<rootDir>/tests/**/*.spec.ts'],
  // The dry run starts a whole suite of processes.
  maxWorkers: 1,
  testTimeout: 120_000,
  testPathIgnorePatterns: specsWithout([
    {
      // Pods have loopback addresses of their own: only Linux has all of 127.0.0.0/8 without further ado.
      what: 'Linux',
      isHere: process.platform === 'linux',
      specs: ['dry-run/(dry-run|mtls|scaling)\\.spec\\.ts$'],
    },
    {
      // Debian's kubectl has an older one; fixtures hold what it gave.
      what: 'kubectl with kustomize 5',
      isHere: /Kustomize Version: v5\./.test(kubectl),
      specs: ['render/beside-kustomize\\.spec\\.ts$'],
      isInGate: false,
    },
  ]),
};

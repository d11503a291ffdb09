const { specsWithout, works } = require('../scripts/jest-needs.cjs');

/** @type {import('jest').Config} */
module.exports = {
  ...require('../../jest.preset.js'),
  displayName: 'telemetry',
  testPathIgnorePatterns: specsWithout([
    {
      what: 'promtool',
      isHere: works('promtool', '--version'),
      specs: ['alerts/alerts-fire\\.spec\\.ts$'],
    },
  ]),
};

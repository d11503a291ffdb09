const { specsWithout, works } = require('../../tools/scripts/jest-needs.cjs');

const browsers = ['chromium', 'chromium-browser', 'google-chrome'];

/** @type {import('jest').Config} */
module.exports = {
  ...require('../../jest.preset.js'),
  displayName: 'gateway',
  testPathIgnorePatterns: specsWithout([
    {
      what: 'Chromium',
      isHere: browsers.some((name) => works(name, '--version')),
      specs: ['test/browser\\.spec\\.ts$'],
    },
    {
      what: 'redis-server',
      isHere: works('redis-server', '--version'),
      specs: ['test/limits-shared\\.spec\\.ts$', 'redis/limit-script-in-redis\\.spec\\.ts$'],
    },
  ]),
};

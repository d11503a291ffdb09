const { specsWithout, works } = require('../../tools/scripts/jest-needs.cjs');

/** @type {import('jest').Config} */
module.exports = {
  ...require('../../jest.preset.js'),
  displayName: 'lock-service',
  testPathIgnorePatterns: specsWithout([
    {
      what: 'redis-server',
      isHere: works('redis-server', '--version'),
      specs: ['adapters/redis/redis-(away|lock-backend|model)\\.spec\\.ts$'],
    },
  ]),
};

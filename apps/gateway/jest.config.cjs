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
  ]),
};

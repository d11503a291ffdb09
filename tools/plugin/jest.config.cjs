// Prettier is an ES module, which Jest does not load. That what is generated is formatted is checked where it is generated for good.
process.env.NX_SKIP_FORMAT = 'true';

/** @type {import('jest').Config} */
module.exports = { ...require('../../jest.preset.js'), displayName: 'plugin' };

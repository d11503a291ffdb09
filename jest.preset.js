'use strict';

const path = require('node:path');

/** Packages that ship ES modules only, or import some when they run: Jest loads CommonJS, so they are transformed like our own code. */
const transformed = ['jose', '@opentelemetry/otlp-exporter-base'];

/** @type {import('jest').Config} Spread into each project's jest.config.cjs. */
module.exports = {
  testEnvironment: 'node',
  testEnvironmentOptions: {
    // Workspace libraries load from src/, so a test run needs no build.
    customExportConditions: ['@raftway/source', 'node', 'require', 'default'],
  },
  testMatch: ['<rootDir>/src/**/*.{spec,test}.ts', '<rootDir>/test/**/*.{spec,test}.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/out-tsc/'],
  moduleFileExtensions: ['ts', 'js', 'cjs', 'mjs', 'json', 'node'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript' },
          keepClassNames: true,
        },
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${transformed.join('|')})/)`],
  setupFiles: [path.join(__dirname, 'tools/scripts/jest-property-seed.cjs')],
  reporters: ['default', path.join(__dirname, 'tools/scripts/jest-count-reporter.cjs')],
  passWithNoTests: true,
  // What hangs is to fail, and what is slow on a busy machine is not.
  testTimeout: 30_000,
};

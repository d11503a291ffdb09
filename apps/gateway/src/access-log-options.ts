import { boolean, integer, text } from '@raftway/config';

/** What the access log is written by. */
export const accessLogShape = {
  accessLog: text({ lengthMax: 1024 })
    .optional()
    .describe(
      'Where each call has a line of JSON: `stdout`, or a file, which may be moved away. Without it there is no access log.',
    ),
  accessLogSamplePercent: integer({ min: 0, max: 100 })
    .default(100)
    .describe('Share of the calls that have their line, in percent.'),
  accessLogErrors: boolean().default(true).describe('Whether calls that fail have it in any case.'),
  accessLogLinesMax: integer({ min: 1, max: 1_000_000 })
    .default(16_384)
    .describe('Lines that may wait to be written; further ones are dropped and counted.'),
};

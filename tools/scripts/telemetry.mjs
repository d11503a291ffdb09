// Writes the list of metrics that the built apps have, and the dashboards, alerts and tables that are made from it: tools/telemetry says how.
//
//   npm run generate            writes them
//   npm run check-generated     fails when what is committed differs
import { loadBuilt, root } from './lib.mjs';
import { writeOrCheck } from './write-or-check.mjs';

const { generateFromApps } = loadBuilt('tools/telemetry/dist/generate.js');

await writeOrCheck('metrics, dashboards and alerts', 'apps', generateFromApps(root));

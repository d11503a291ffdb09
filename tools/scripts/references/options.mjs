// docs/reference/options.md: the options of every app, from the schemas that read them.
import { loadBuilt, readApps } from '../lib.mjs';
import { code, inline, table } from './markdown.mjs';

const APPS = Object.keys(readApps());

const INTRODUCTION = `# Options

Every option of every app, from the schemas that read them: \`npm run generate\` writes this page. An option is an environment variable, or a key of the YAML file that \`RAFTWAY_CONFIG_FILE\` names: \`RAFTWAY_DATA_DIR\` is
\`dataDir\` there. The environment wins. An unknown variable or key stops the process with the nearest valid name, and a bad value with all that is wrong; the exit code is 78. \`--help\` of an app lists its own.

Durations are a number and \`ms\`, \`s\`, \`m\` or \`h\`. Options of the command line are in [cli.md](cli.md).
`;

export function optionsPage() {
  const { describeOptions } = loadBuilt('libs/config/dist/index.js');
  // What apps have in common is one row.
  const rows = new Map();
  for (const app of APPS) {
    for (const option of describeOptions(schemaOf(app))) {
      const key = JSON.stringify(option);
      rows.set(key, { option, apps: [...(rows.get(key)?.apps ?? []), app] });
    }
  }
  const variables = [...new Set([...rows.values()].map(({ option }) => option.variable))];
  const sorted = variables.flatMap((variable) =>
    [...rows.values()].filter(({ option }) => option.variable === variable),
  );
  return `${INTRODUCTION}\n${table(['variable', 'who', 'values', 'default', 'meaning'], sorted.map(row))}`;
}

/** What an app's `options.ts` exports as `<name>OptionsSchema`. */
function schemaOf(app) {
  const exported = Object.entries(loadBuilt(`apps/${app}/dist/options.js`));
  const schemas = exported.filter(([name]) => name.endsWith('OptionsSchema'));
  if (schemas.length !== 1) {
    throw new Error(`apps/${app}/src/options.ts exports ${schemas.length} …OptionsSchema, not one`);
  }
  return schemas[0][1];
}

function row({ option, apps }) {
  const { variable, type, limits, defaultText, required, description } = option;
  const everybody = apps.length === APPS.length;
  return [
    code(variable),
    everybody ? 'all' : apps.join(', '),
    inline(limits === undefined ? type : `${type}, ${limits}`),
    defaultText === undefined ? (required ? 'required' : 'none') : code(defaultText),
    inline(description),
  ];
}

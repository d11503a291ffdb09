import type { Command } from 'commander';
import { buildProgram } from '../program';
import type { Output } from '../command/output';

/** Where the reference is, from the workspace's root folder. */
export const REFERENCE_FILE = 'docs/reference/cli.md';

const INTRODUCTION = `# raftway

\`npm run raftway -- <command>\` builds the program and runs it; \`tools/cli/bin/raftway.cjs\` is the program itself. This page is what \`--help\`
says: \`npm run generate\` writes it.

Commands that call through the gateway find it at \`127.0.0.1:8080\`, or at \`RAFTWAY_GATEWAY\`. With \`--json\` an answer is JSON on standard output, and
a failure one line of JSON on standard error. Colours are for terminals only, and \`NO_COLOR\` turns them off.
`;

/** The reference of the command line, from the commands' own help. */
export function renderReference(): string {
  const written: string[] = [];
  const quiet = (): void => undefined;
  const output: Output = {
    out: (text) => void written.push(text),
    error: quiet,
    exit: quiet,
    ask: () => Promise.resolve(''),
    input: () => process.stdin,
    isTerminal: false,
    hasColors: false,
  };
  const program = buildProgram(output, '/');
  const sections = commandsOf(program).map((command) => {
    written.length = 0;
    command.outputHelp();
    const help = written.join('\n').trim().replaceAll(/ +$/gm, '');
    return `## ${nameOf(command)}\n\n\`\`\`text\n${help}\n\`\`\`\n`;
  });
  return [INTRODUCTION, ...sections].join('\n');
}

function commandsOf(command: Command): Command[] {
  const children = command.commands.filter((one) => !one.name().startsWith('__'));
  return [command, ...children.flatMap(commandsOf)];
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

import * as ts from 'typescript';

const KIT = '@raftway/service-kit';

/**
 * Adds a handler to the object that `implementService` gets, behind the others, and imports what it needs of service-kit.
 *
 * @throws Error when there is no such call.
 */
export function appendHandler(code: string, handler: string, imports: readonly string[]): string {
  const file = ts.createSourceFile('service.ts', code, ts.ScriptTarget.Latest, true);
  const handlers = findHandlers(file);
  if (handlers === undefined) throw new Error('no implementService(…, { … }) is in it');
  // The object's own closing brace.
  const end = handlers.getEnd() - 1;
  const comma = handlers.properties.length === 0 || handlers.properties.hasTrailingComma ? '' : ',';
  const lines = handler.split('\n').map((line) => `    ${line}\n`);
  const before = code.slice(0, end).trimEnd();
  const extended = `${before}${comma}\n\n${lines.join('')}  ${code.slice(end)}`;
  return imports.reduce(withImport, extended);
}

function findHandlers(node: ts.Node): ts.ObjectLiteralExpression | undefined {
  if (ts.isCallExpression(node) && node.expression.getText() === 'implementService') {
    return node.arguments.find(ts.isObjectLiteralExpression);
  }
  return ts.forEachChild(node, findHandlers);
}

function withImport(code: string, name: string): string {
  const list = new RegExp(`import \\{([^}]*)\\} from '${KIT}';`);
  const [, names = ''] = list.exec(code) ?? [];
  if (new RegExp(`\\b${name}\\b`).test(names)) return code;
  return code.replace(list, `import { ${name},$1} from '${KIT}';`);
}

import { type DescField, type DescMessage, type DescMethod } from '@bufbuild/protobuf';
import { type HttpRule, httpRulesOf } from './http-rule';
import { findField, isText } from './parameter';
import { parsePathTemplate, type PathTemplate, type TemplateVariable } from './path-template';
import { type Routable } from './router';

/** The type whose bytes are the body as they are. */
const httpBodyType = 'google.api.HttpBody';

/** One HTTP method and path of a gRPC method, checked against its messages. */
export interface Binding extends Routable {
  readonly method: DescMethod;
  /** The fields that each variable of the template leads through, the first in the request, the last with the value. */
  readonly pathFields: ReadonlyMap<TemplateVariable, readonly DescField[]>;
  /** What the body is: all of the request, one of its fields, or nothing. */
  readonly body: '*' | DescField | undefined;
  /** The field of the response that the answer is; undefined for all of it. */
  readonly responseBody: DescField | undefined;
  /** Whether the method's proto says it, rather than that each method is reached by POST /package.Service/Method. */
  readonly isAnnotated: boolean;
}

/** The bindings of one method, and what is wrong with those that were left out. */
export interface MethodBindings {
  readonly bindings: readonly Binding[];
  readonly problems: readonly string[];
}

/** All ways to a method: POST /package.Service/Method, then what its proto says. */
export function bindMethod(method: DescMethod): MethodBindings {
  const own: HttpRule = {
    httpMethod: 'POST',
    path: grpcPathOf(method),
    body: '*',
    responseBody: '',
  };
  const bindings = [bindRule(method, own, false)];
  const problems: string[] = [];
  const attempt = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      problems.push(`${method.parent.typeName}/${method.name}: ${textOf(error)}`);
    }
  };
  attempt(() => {
    for (const rule of httpRulesOf(method))
      attempt(() => bindings.push(bindRule(method, rule, true)));
  });
  return { bindings, problems };
}

/** The path by which gRPC reaches a method. */
export function grpcPathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Whether the caller sends any number of messages. */
export function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
}

/** Whether the answer is any number of messages. */
export function answersStream({ methodKind }: DescMethod): boolean {
  return methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
}

/** @throws Error that says what of the rule does not fit the method */
export function bindRule(method: DescMethod, rule: HttpRule, isAnnotated: boolean): Binding {
  const { input, output } = method;
  const template: PathTemplate = parsePathTemplate(rule.path);
  const pathFields = new Map(
    template.variables.map((variable) => [variable, pathFieldsOf(input, variable)]),
  );
  const body = rule.body === '' || rule.body === '*' ? rule.body : topLevel(input, rule.body);
  const responseBody = rule.responseBody === '' ? undefined : topLevel(output, rule.responseBody);
  if (typeof body === 'object' && [...pathFields.values()].some(([first]) => first === body))
    throw new Error(`the field ${body.name} is both in the path and the body`);
  return {
    method,
    httpMethod: rule.httpMethod,
    template,
    pathFields,
    body: body === '' ? undefined : body,
    responseBody,
    isAnnotated,
  };
}

/** Whether the body is taken, or the answer given, as it is. */
export function isHttpBody(message: DescMessage, field: DescField | undefined | '*'): boolean {
  if (field === undefined || field === '*') return message.typeName === httpBodyType;
  return field.fieldKind === 'message' && field.message.typeName === httpBodyType;
}

/** Whether a binding's answers are bytes as they are, with a media type of their own. */
export function answersRaw({ method, responseBody }: Binding): boolean {
  return isHttpBody(method.output, responseBody);
}

function pathFieldsOf(input: DescMessage, variable: TemplateVariable): readonly DescField[] {
  const name = variable.fieldPath.join('.');
  const fields = findField(input, variable.fieldPath);
  const last = fields?.at(-1);
  if (fields === undefined || last === undefined)
    throw new Error(`${input.typeName} has no field ${name}, which the path names`);
  if (!isText(last)) throw new Error(`the field ${name} of the path is repeated or a message`);
  return fields;
}

function topLevel(message: DescMessage, name: string): DescField {
  const field = message.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${message.typeName} has no field ${name}`);
  return field;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

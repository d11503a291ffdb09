import { type DescMethod } from '@bufbuild/protobuf';
import {
  answersRaw,
  answersStream,
  checkTemplate,
  type OpenApiComposite,
  takesStream,
} from '@raftway/transcoding';
import {
  type CompiledComposite,
  type CompiledPart,
  type CompositeTable,
  type Fault,
} from './documents';
import { type JsonRoute, type JsonRoutes } from './json-routes';

/** Finds the methods of parts in what is known of services now. */
export class PartResolver {
  /** What a part was last checked against. */
  private readonly checked = new WeakMap<
    CompiledPart,
    { readonly method: DescMethod; readonly fault: Fault | undefined }
  >();

  /** The method of a part, or why it cannot be called. */
  resolve(part: CompiledPart, routes: JsonRoutes): JsonRoute | Fault {
    const route = routes.routeOf(part.grpcService, part.method);
    if (route === undefined)
      return {
        reason: 'MethodNotFound',
        message: `part ${part.name}: no instance's reflection has told of ${part.grpcService}/${part.method}`,
      };
    const { method } = route.binding;
    let known = this.checked.get(part);
    if (known?.method !== method) {
      known = { method, fault: faultOf(part, route) };
      this.checked.set(part, known);
    }
    return known.fault ?? route;
  }

  /** Why parts of a composite cannot be called. */
  faultsOf({ parts }: CompiledComposite, routes: JsonRoutes): Fault[] {
    return parts.flatMap((part) => {
      const found = this.resolve(part, routes);
      return 'reason' in found ? [found] : [];
    });
  }
}

/** Composites as an OpenAPI document has them. */
export function openApiComposites(
  { composites }: CompositeTable,
  routes: JsonRoutes,
): OpenApiComposite[] {
  return composites.map(({ document, hostnames, httpMethod, template, parts }) => {
    const hosts = hostnames.filter((hostname) => hostname !== '');
    const calls = parts.map(({ grpcService, method }) => `${grpcService}/${method}`);
    return {
      httpMethod,
      template,
      operationId: document.replace(/^.*[ /]/, ''),
      description: [
        `Answers of ${calls.join(', ')} together.`,
        ...(hosts.length === 0 ? [] : [`Host: ${hosts.join(', ')}.`]),
      ].join(' '),
      parts: parts.map((part) => ({
        name: part.name,
        optional: part.optional,
        template: part.template,
        method: routes.routeOf(part.grpcService, part.method)?.binding.method,
      })),
    };
  });
}

function faultOf({ name, template }: CompiledPart, { binding }: JsonRoute): Fault | undefined {
  const { method } = binding;
  const text = `part ${name}: ${method.parent.typeName}/${method.name}`;
  if (takesStream(method) || answersStream(method))
    return { reason: 'UnsupportedValue', message: `${text} is no unary method` };
  if (answersRaw(binding))
    return { reason: 'UnsupportedValue', message: `${text} answers bytes, which are no JSON` };
  const misfit = checkTemplate(method.input, template);
  if (misfit === undefined) return undefined;
  return { reason: 'InvalidRequest', message: `${text}: ${misfit}` };
}

import { type Registry } from '@bufbuild/protobuf';
import {
  type Binding,
  bindMethod,
  type OpenApiComposite,
  openApiDocument,
  type Routable,
  Router,
  SchemaFiles,
} from '@raftway/transcoding';
import { type MergedSchema } from './merged-schema';

/** A method, reached by one HTTP method and path. */
export interface JsonRoute extends Routable {
  readonly binding: Binding;
  /** All types of the method's service. */
  readonly types: Registry;
}

/** What keeps a service, or one rule of it, from being reached by JSON. */
export interface JsonProblem {
  readonly grpcService: string;
  readonly detail: string;
}

/** One service's routes, and what they were made from. */
interface ServiceRoutes {
  readonly files: readonly Uint8Array[];
  readonly routes: readonly JsonRoute[];
  readonly problems: readonly JsonProblem[];
}

/** The routes of one state of the schema. */
export class JsonRoutes {
  readonly router: Router<JsonRoute>;
  private document: { readonly beside: object | undefined; readonly bytes: Uint8Array } | undefined;

  /** @param routes in the order of the router: later ones win */
  constructor(
    private readonly routes: readonly JsonRoute[],
    readonly problems: readonly JsonProblem[],
  ) {
    this.router = new Router(routes);
  }

  /** A method, as POST /package.Service/Method reaches it; undefined when it is not known. */
  routeOf(grpcService: string, method: string): JsonRoute | undefined {
    const found = this.router.match('POST', `/${grpcService}/${method}`);
    return found.kind === 'found' && !found.target.binding.isAnnotated ? found.target : undefined;
  }

  /**
   * The OpenAPI document as JSON; built when first asked for.
   * @param beside what other paths come from: another object after every change
   * @param composites what they are
   */
  openApi(
    beside?: object,
    composites: () => readonly OpenApiComposite[] | undefined = () => undefined,
  ): Uint8Array {
    if (this.document === undefined || this.document.beside !== beside) {
      const info = { title: 'Raftway gateway', version: '1' };
      const bindings = this.routes.map(({ binding }) => binding);
      const document = openApiDocument(info, bindings, composites());
      this.document = { beside, bytes: Buffer.from(JSON.stringify(document)) };
    }
    return this.document.bytes;
  }
}

/**
 * Builds the routes of all services. A service whose files have not changed is not read again.
 *
 * Of two services that claim one path the one that is named first has it, as with services themselves; and nobody's rule takes away the path
 * `/package.Service/Method` of another.
 */
export class JsonRouteBuilder {
  private readonly files = new SchemaFiles();
  private known = new Map<string, ServiceRoutes>();

  build(schema: MergedSchema, grpcServices: readonly string[]): JsonRoutes {
    const next = new Map<string, ServiceRoutes>();
    for (const grpcService of grpcServices) {
      const file = schema.fileOfSymbol(grpcService);
      if (file === undefined) continue;
      const files = schema.closure(file, new Set());
      const known = this.known.get(grpcService);
      const isSame = known !== undefined && areSame(known.files, files);
      next.set(grpcService, isSame ? known : routesOf(grpcService, files, this.files));
    }
    this.known = next;
    const services = [...next.values()];
    const routes = services.flatMap((one) => one.routes);
    const annotated = services
      .toReversed()
      .flatMap((one) => one.routes.filter(({ binding }) => binding.isAnnotated));
    const own = routes.filter(({ binding }) => !binding.isAnnotated);
    const problems = services.flatMap((one) => one.problems);
    const claims = [...own, ...routes.filter(({ binding }) => binding.isAnnotated)];
    return new JsonRoutes([...annotated, ...own], [...problems, ...conflicts(claims)]);
  }
}

function routesOf(
  grpcService: string,
  files: readonly Uint8Array[],
  schemas: SchemaFiles,
): ServiceRoutes {
  try {
    const types = schemas.registryOf(files);
    const methods = types.getService(grpcService)?.methods ?? [];
    const bound = methods.map(bindMethod);
    const routes = bound.flatMap(({ bindings }) =>
      bindings.map((binding) => {
        const { httpMethod, template } = binding;
        return { httpMethod, template, binding, types };
      }),
    );
    const details = bound.flatMap(({ problems }) => problems);
    return { files, routes, problems: details.map((detail) => ({ grpcService, detail })) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { files, routes: [], problems: [{ grpcService, detail }] };
  }
}

/** Paths that several services claim. @param routes in the order in which they hold: the first one wins */
function conflicts(routes: readonly JsonRoute[]): JsonProblem[] {
  const owners = new Map<string, Binding>();
  const problems: JsonProblem[] = [];
  for (const { httpMethod, template, binding } of routes) {
    const segments = template.segments.map((one) =>
      one.kind === 'literal' ? [one.text] : one.kind,
    );
    const shape = JSON.stringify([httpMethod, template.verb, ...segments]);
    const owner = owners.get(shape);
    if (owner === undefined) {
      owners.set(shape, binding);
      continue;
    }
    const grpcService = binding.method.parent.typeName;
    const holder = owner.method.parent.typeName;
    if (holder === grpcService) continue;
    const why = owner.isAnnotated ? 'which came first' : 'whose own path it is';
    problems.push({
      grpcService,
      detail: `${httpMethod} ${template.text} leads to ${holder}, ${why}`,
    });
  }
  return problems;
}

function areSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return (
    some.length === others.length &&
    some.every((bytes, index) => {
      const other = others[index];
      return other !== undefined && (bytes === other || Buffer.compare(bytes, other) === 0);
    })
  );
}

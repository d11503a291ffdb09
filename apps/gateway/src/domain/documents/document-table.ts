import { type CompiledDocuments, compileDocuments } from './compile';
import { type HttpTarget } from './compile-http-route';
import { type Difference, difference } from './difference';
import { type DocumentSet } from './document-set';
import { type HttpRouteIndex } from './http-route-index';
import { type DocumentProblem } from './read-documents';

/**
 * The documents that calls are routed by. A set is compiled and takes the place of the one before in one step, so that a call sees one or the
 * other; a set with a problem changes nothing.
 */
export class DocumentTable {
  private compiled: CompiledDocuments | undefined;
  private usedSets = 0;
  private newestProblems: readonly DocumentProblem[] = [];

  /** @param required nothing is routed before the first set that can be used. */
  constructor(private readonly required: boolean) {}

  /** What calls are matched with; undefined when documents say nothing about calls, which then costs nothing. */
  active: CompiledDocuments | undefined;

  /** What HTTP requests are matched with before they are calls; undefined without an HTTPRoute. */
  http: HttpRouteIndex<HttpTarget> | undefined;

  /** What CompositeRoutes and TranscodePolicies say; undefined without any of them, which then costs nothing. */
  web: CompiledDocuments | undefined;

  /** The newest set that could be used; undefined before the first. */
  get current(): CompiledDocuments | undefined {
    return this.compiled;
  }

  /** How many sets have been used. */
  get generation(): number {
    return this.usedSets;
  }

  /** What is wrong with the newest set; empty when it is used. */
  get problems(): readonly DocumentProblem[] {
    return this.newestProblems;
  }

  /** Whether there are to be documents and no set could be used yet. */
  get isAwaited(): boolean {
    return this.required && this.compiled === undefined;
  }

  /** The registered services that rules send calls to. */
  services(): ReadonlySet<string> {
    return new Set(this.compiled?.services.items());
  }

  /** What a set without problems would change. */
  compare(set: DocumentSet): { readonly after: CompiledDocuments; readonly changes: Difference } {
    const after = compileDocuments(set.documents, this.compiled);
    return { after, changes: difference(this.compiled, after) };
  }

  /**
   * Uses a set from now on. Returns whether it could be used.
   * @param compiled of {@link compare}; left out, the set is compiled now.
   */
  apply(set: DocumentSet, compiled?: CompiledDocuments): boolean {
    this.newestProblems = set.problems;
    if (set.problems.length > 0) return false;
    this.compiled = compiled ?? compileDocuments(set.documents, this.compiled);
    this.usedSets += 1;
    const { routes, http, backends, security, composites, transcoding } = this.compiled;
    const isActive = !routes.isEmpty || backends.size > 0 || security !== undefined;
    this.active = isActive ? this.compiled : undefined;
    this.http = http.isEmpty ? undefined : http;
    this.web = composites !== undefined || transcoding !== undefined ? this.compiled : undefined;
    return true;
  }
}

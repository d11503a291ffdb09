/**
 * `registry:///greeter` as a grpc-js target.
 *
 * grpc-js's own DNS resolver looks again only when a connection breaks, so that a channel never learns of new instances
 * (grpc/grpc-node#2455). This resolver pushes every change of a ServiceView instead, and keeps the last good addresses while the registry
 * is away.
 *
 * grpc-js calls its resolver interface experimental, and changed it between 1.13 and 1.14: the listener was an object with
 * `onSuccessfulResolution` and `onError`, and became a function that takes a StatusOr. Which of the two it is, is seen at run time.
 */
import { experimental, Metadata, status } from '@grpc/grpc-js';
import { registry } from '@raftway/contracts';
import { splitHostPort } from '@raftway/config';
import type { Instance, ServiceView } from './service-view';

/** The scheme of targets that this resolver takes. */
export const REGISTRY_SCHEME = 'registry';

/** Calls are spread over all instances unless the channel asks for another policy. */
const SERVICE_CONFIG = { loadBalancingConfig: [{ round_robin: {} }], methodConfig: [] };

type Endpoint = experimental.Endpoint;

interface Failure {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** grpc-js ≥ 1.14. */
type FunctionListener = (
  endpoints: { ok: true; value: Endpoint[] } | { ok: false; error: Failure },
  attributes: Record<string, unknown>,
  serviceConfig: { ok: true; value: typeof SERVICE_CONFIG } | null,
  resolutionNote: string,
) => unknown;

/** grpc-js ≤ 1.13. */
interface ObjectListener {
  onSuccessfulResolution(
    endpoints: Endpoint[],
    serviceConfig: typeof SERVICE_CONFIG | null,
    serviceConfigError: null,
    configSelector: null,
    attributes: Record<string, unknown>,
  ): void;
  onError(error: Failure): void;
}

/** What grpc-js hands to a resolver, in either version. */
export type ResolverListener = FunctionListener | ObjectListener;

/**
 * Makes grpc-js understand `registry:///<service>` in this process, by a view that the caller keeps and closes. Calling it again replaces
 * the view for channels that are made from then on.
 */
export function installRegistryResolver(view: ServiceView): void {
  class InstalledResolver extends RegistryResolver {
    constructor(target: { readonly path: string }, listener: ResolverListener) {
      super(view, target.path, listener);
    }

    static getDefaultAuthority(target: { readonly path: string }): string {
      return target.path;
    }
  }
  // The declared constructor is that of one version of grpc-js; ours takes both.
  experimental.registerResolver(REGISTRY_SCHEME, InstalledResolver);
}

/** Resolves one service's name for one channel. */
export class RegistryResolver {
  private unsubscribe: (() => void) | undefined;
  private publishing = false;
  /** What the channel was told last; undefined before anything. */
  private told: string | undefined;

  constructor(
    private readonly view: ServiceView,
    private readonly service: string,
    private readonly listener: ResolverListener,
  ) {}

  /**
   * Called by the channel at its start and whenever a connection breaks. The listener is never called from within.
   *
   * After the first time there is nothing to do: changes are pushed as they come. Telling the channel the same again would make it drop its
   * connections' backoff, and ask again at once when that fails.
   */
  updateResolution(): void {
    this.unsubscribe ??= this.view.onChange(({ services }) => {
      if (services.has(this.service)) this.publishSoon();
    });
    this.publishSoon();
  }

  /** Called when the channel goes idle or closes; updateResolution() may come again. */
  destroy(): void {
    this.unsubscribe?.();
    this.unsubscribe = undefined;
    this.told = undefined;
  }

  private publishSoon(): void {
    if (this.publishing) return;
    this.publishing = true;
    // Before the first snapshot nothing is known, which is not the same as "no instances": calls wait, up to their deadline.
    this.view.ready().then(
      () => this.publish(),
      () => undefined,
    );
  }

  private publish(): void {
    this.publishing = false;
    if (this.unsubscribe === undefined) return;
    const endpoints = this.view.instances(this.service).flatMap(endpointOf);
    const telling = JSON.stringify(endpoints);
    if (telling === this.told) return;
    this.told = telling;
    if (typeof this.listener === 'function') {
      this.tellFunction(this.listener, endpoints);
    } else if (endpoints.length > 0) {
      this.listener.onSuccessfulResolution(endpoints, SERVICE_CONFIG, null, null, {});
    } else {
      this.listener.onError(this.failure());
    }
  }

  private tellFunction(listener: FunctionListener, endpoints: Endpoint[]): void {
    const serviceConfig = { ok: true, value: SERVICE_CONFIG } as const;
    listener({ ok: true, value: endpoints }, {}, serviceConfig, '');
    // Both are needed when nobody is left: on an error alone round_robin goes on with the addresses that it has, which are gone, and on an
    // empty list alone it lets calls wait for their deadline.
    if (endpoints.length === 0) {
      listener({ ok: false, error: this.failure() }, {}, serviceConfig, '');
    }
  }

  private failure(): Failure {
    const details = `the registry knows no serving instance of "${this.service}"`;
    return { code: status.UNAVAILABLE, details, metadata: new Metadata() };
  }
}

function endpointOf(instance: Instance): Endpoint[] {
  const takesCalls =
    instance.status === registry.InstanceStatus.SERVING && instance.protocol === 'grpc';
  const address = takesCalls ? splitHostPort(instance.address) : undefined;
  return address === undefined ? [] : [{ addresses: [address] }];
}

import { Client, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import { splitHostPort } from '@raftway/config';
import { ADDRESS_LIST_SCHEME, registerAddressLists } from './address-list-resolver';

/** A borrowed channel; give it back once. */
export interface ChannelLease {
  readonly client: Client;
  /** The last one to give it back closes it: calls in progress then end with CANCELLED. */
  readonly release: () => void;
}

interface Shared {
  readonly credentials: ChannelCredentials;
  readonly client: Client;
  leases: number;
}

const channels = new Map<string, Shared[]>();

/**
 * What grpc-js is given for a target: lists of `host:port` become our list scheme, everything else passes through.
 * @throws TypeError for a list with something else in it.
 */
export function grpcTarget(target: string): string {
  if (!target.includes(',') || target.includes(':///')) return target;
  const addresses = target
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const wrong = addresses.find((address) => splitHostPort(address) === undefined);
  if (wrong !== undefined) throw new TypeError(`"${wrong}" in "${target}" is not host:port`);
  registerAddressLists();
  return `${ADDRESS_LIST_SCHEME}:${addresses.join(',')}`;
}

/** A channel of the target with these credentials and options, shared with whoever asked for the same. */
export function leaseChannel(
  target: string,
  credentials: ChannelCredentials,
  options: ChannelOptions,
  share: boolean,
): ChannelLease {
  if (!share) {
    const client = new Client(grpcTarget(target), credentials, options);
    return { client, release: once(() => client.close()) };
  }
  const key = JSON.stringify([target, options]);
  const sharing = channels.get(key) ?? [];
  channels.set(key, sharing);
  let shared = sharing.find((one) => one.credentials._equals(credentials));
  if (shared === undefined) {
    shared = {
      credentials,
      client: new Client(grpcTarget(target), credentials, options),
      leases: 0,
    };
    sharing.push(shared);
  }
  const leased = shared;
  leased.leases += 1;
  const release = once(() => {
    leased.leases -= 1;
    if (leased.leases > 0) return;
    sharing.splice(sharing.indexOf(leased), 1);
    if (sharing.length === 0) channels.delete(key);
    leased.client.close();
  });
  return { client: leased.client, release };
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}

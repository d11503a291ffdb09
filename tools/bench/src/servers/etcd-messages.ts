import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

// The few messages of etcd's API that are needed here, by hand: etcd's own protos would bring a code generator and its imports along.

/** `etcdserverpb.PutRequest` */
export function putRequest(key: Uint8Array, value: Uint8Array): Buffer {
  return done(new BinaryWriter().uint32(tag(1)).bytes(key).uint32(tag(2)).bytes(value));
}

/** `etcdserverpb.LeaseGrantRequest` */
export function leaseGrantRequest(ttlSeconds: number): Buffer {
  return done(new BinaryWriter().uint32(tag(1, VARINT)).int64(ttlSeconds));
}

/** The id in an `etcdserverpb.LeaseGrantResponse`. */
export function leaseIdOf(response: Uint8Array): bigint {
  const reader = new BinaryReader(response);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2) return BigInt(reader.int64());
    reader.skip(wireType);
  }
  throw new TypeError('a LeaseGrantResponse without an id');
}

/** `v3lockpb.LockRequest` */
export function lockRequest(name: string, leaseId: bigint): Buffer {
  return done(new BinaryWriter().uint32(tag(1)).string(name).uint32(tag(2, VARINT)).int64(leaseId));
}

/** The key in a `v3lockpb.LockResponse`: what Unlock needs. */
export function lockKeyOf(response: Uint8Array): Uint8Array {
  const reader = new BinaryReader(response);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 2) return reader.bytes();
    reader.skip(wireType);
  }
  throw new TypeError('a LockResponse without a key');
}

/** `v3lockpb.UnlockRequest` */
export function unlockRequest(key: Uint8Array): Buffer {
  return done(new BinaryWriter().uint32(tag(1)).bytes(key));
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;

function tag(field: number, wireType = LENGTH_DELIMITED): number {
  return (field << 3) | wireType;
}

function done(writer: BinaryWriter): Buffer {
  return Buffer.from(writer.finish());
}
